"""The layer from a reader's last layer to its teacher's."""

import pytest

from qa.training.features import fit_features

torch = pytest.importorskip("torch")


def tokens(count, seed):
    """Numbers of a reader, and of a teacher that are a sum of those but for an offset."""
    torch.manual_seed(seed)
    own = torch.randn(count, 6)
    scales = torch.tensor([1.0, 30.0, 0.01, 1.0])
    return own, (own @ torch.arange(24.0).reshape(6, 4).sin() + 5) * scales


def test_what_a_linear_layer_can_give_is_given():
    fitted = fit_features([tokens(200, 1), tokens(100, 2)])
    own, wanted = (one[None] for one in tokens(50, 3))
    assert float(fitted.loss(own, wanted, torch.ones(1, 50)).detach()) < 0.01


def test_the_teachers_numbers_count_alike_whatever_their_scale():
    fitted = fit_features([tokens(300, 1)])
    own, wanted = (one[None] for one in tokens(50, 3))
    offs = []
    for number, spread in enumerate(tokens(300, 1)[1].std(0)):
        other = wanted.clone()
        other[..., number] += 2 * spread
        offs.append(float(fitted.loss(own, other, torch.ones(1, 50)).detach()))
    assert offs == pytest.approx([1.0] * 4, abs=0.1)


def test_padding_counts_nothing():
    fitted = fit_features([tokens(300, 1)])
    own, wanted = (one[None] for one in tokens(50, 3))
    mask = torch.ones(1, 50)
    mask[0, 40:] = 0
    least = fitted.loss(own[:, :40], wanted[:, :40], mask[:, :40])
    wanted[:, 40:] += 100
    found = fitted.loss(own, wanted, mask)
    assert float(found.detach()) == pytest.approx(float(least.detach()))
