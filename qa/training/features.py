"""What a teacher's last layer holds of each token, learned beside its scores.

A linear layer over the reader's own last layer is to give it ("hints", Romero et al. 2015). It
must not know of steps, or of what else is learned.
"""

from collections.abc import Iterable
from typing import Any

_RIDGE = 0.01  # of the mean square of the reader's numbers


class Features:
    """The linear layer, and the mean and spread of each of the teacher's numbers.

    `layer`: from the reader's numbers of a token to the teacher's, less the mean, over the spread.
    """

    def __init__(self, layer: Any, mean: Any, spread: Any) -> None:
        self.layer = layer
        self._mean = mean
        self._spread = spread

    def loss(self, own: Any, wanted: Any, mask: Any) -> Any:
        """The mean square of what the layer is off by, where `mask` is 1.

        `own`, `wanted`: the two last layers, (rows, tokens, size); `mask`: (rows, tokens).
        """
        there = mask.bool()
        right = (wanted[there].float() - self._mean) / self._spread
        return (self.layer(own[there]).float() - right).square().mean()


def fit_features(pairs: Iterable[tuple[Any, Any]]) -> Features:
    """The layer that is nearest by ridge regression, and the teacher's means and spreads.

    `pairs`: of the reader's and the teacher's last layer at some tokens, (tokens, size) each.
    """
    import torch

    own, wanted = (torch.cat(one).float() for one in zip(*pairs, strict=True))
    mean, spread = wanted.mean(0), wanted.std(0).clamp(min=1e-6)
    right = (wanted - mean) / spread
    centre = own.mean(0)
    near = own - centre
    square = (near.T @ near).double()
    square.diagonal().add_(_RIDGE * square.diagonal().mean())
    weight = torch.linalg.solve(square, (near.T @ right).double()).T
    layer = torch.nn.Linear(own.shape[1], wanted.shape[1])
    with torch.no_grad():
        layer.weight.copy_(weight)
        layer.bias.copy_(-weight @ centre.double())
    return Features(layer.to(own.device), mean, spread)
