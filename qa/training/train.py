"""Labelled questions become a trained network, in steps that can be cut off and gone on with.

It must not know how the result is exported or judged.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from itertools import chain, islice
from pathlib import Path
from random import Random
from typing import Any

from tqdm import tqdm

from index import Article
from qa.errors import TrainingError
from qa.training.batches import Batch
from qa.training.features import fit_features
from qa.training.lessons import Lesson, Settings, lessons_digest, steps
from qa.training.loss import span_loss, taught_loss

_CHECKPOINT = "checkpoint.safetensors"
_WARM_UP = 100  # steps
_EVERY = 200  # steps between two checkpoints
_FIRST = 8  # batches that the layer from the network's numbers to its teacher's is fitted on
_FEATURES = 3.0  # weight of what it is off by; there it moves the network as much as the scores do


def train(
    network: Any,
    tokenizer: Any,
    lessons: Sequence[Lesson],
    articles: dict[str, Article],
    settings: Settings,
    folder: Path,
    progress: bool,
    teacher: Any = None,
) -> None:
    """Train `network` in place; `folder` keeps its checkpoints, and a run goes on from there.

    `teacher`: a network over the same tokens whose scores and last layer are learned beside the
    labels.
    Raises `TrainingError` when the checkpoint there can't be read, or is of another run.
    """
    lesson_digest = lessons_digest(lessons)
    shown = steps(tokenizer, lessons, articles, settings)
    first = list(islice(shown, _FIRST))
    trainer = _Trainer(network, settings, teacher, [batch for _, batch in first])
    done = _resume(trainer, folder, settings, lesson_digest)
    bar = tqdm(
        total=1.0,
        desc="training",
        disable=not progress,
        mininterval=5,
        bar_format="{l_bar}{bar}| {elapsed}<{remaining}{postfix}",
    )
    for step, (at, batch) in enumerate(chain(first, shown), 1):
        if step <= done:
            continue
        loss = trainer.step(batch, _rate(settings, step, at), f"{settings.seed} {step}")
        bar.set_postfix(step=step, loss=f"{loss:.3f}", refresh=False)
        bar.update(at - bar.n)
        if step % _EVERY == 0:
            _save(trainer, folder, settings, lesson_digest, step)
    bar.close()
    trainer.finish(settings.keep)


def _rate(settings: Settings, step: int, at: float) -> float:
    """Learning rate: up over the first steps, then linear to 0. `at`: 0 to 1, share done."""
    return settings.learning_rate * min(1.0, step / _WARM_UP) * (1 - at)


class _Trainer:
    """The bfloat16 network that computes and the float32 weights that change."""

    def __init__(
        self, network: Any, settings: Settings, teacher: Any, first: Iterable[Batch]
    ) -> None:
        import torch

        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.network = network
        self._parameters = dict(network.named_parameters())
        whole = {name: one.detach().clone() for name, one in self._parameters.items()}
        learning = {name for name, one in self._parameters.items() if one.requires_grad}
        self._frozen = {name: whole[name] for name in whole if name not in learning}
        self._begun = {name: whole[name] for name in learning}
        self.weights = {name: whole[name].clone().to(self._device) for name in learning}
        network.to(self._device, torch.bfloat16)
        self._teacher = teacher and teacher.to(self._device, torch.bfloat16).eval()
        if self._teacher is not None:
            self._learn_features(first)
        network.train()
        self.optimiser = torch.optim.AdamW(
            [
                {"params": [w for w in self.weights.values() if w.ndim > 1], "weight_decay": 0.01},
                {"params": [w for w in self.weights.values() if w.ndim < 2], "weight_decay": 0.0},
            ],
            lr=settings.learning_rate,
            betas=(0.9, 0.98),
            fused=True,
        )

    def _learn_features(self, first: Iterable[Batch]) -> None:
        """Have the layer learned, too, that is to give what the teacher's last one does."""
        import torch

        self.network.eval()

        def both(batch: Batch) -> tuple[Any, Any]:
            given = self._given(batch)
            with torch.no_grad():
                own, wanted = (_read(one, given)[1] for one in (self.network, self._teacher))
            return own[given["mask"].bool()], wanted[given["mask"].bool()]

        self._features = fit_features(map(both, first))
        for name, one in self._features.layer.named_parameters():
            self.weights[f"features.{name}"] = one.detach().clone()
            self._parameters[f"features.{name}"] = one
        self._features.layer.to(torch.bfloat16)

    def _given(self, batch: Batch) -> dict[str, Any]:
        """The batch as tensors."""
        import torch

        return {
            name: torch.from_numpy(getattr(batch, name)).to(self._device)
            for name in batch.__slots__
        }

    def step(self, batch: Batch, rate: float, seed: str) -> float:
        """One step; the loss before it. `seed`: of what is dropped in it."""
        import torch

        # By step, so that a run that goes on drops what it would have dropped.
        torch.manual_seed(Random(seed).getrandbits(63))
        given = self._given(batch)
        scores, own = _read(self.network, given)
        loss = span_loss(*scores, given)
        if self._teacher is not None:
            with torch.no_grad():
                wanted, last = _read(self._teacher, given)
            loss = loss + taught_loss(*scores, wanted, given)
            loss = loss + _FEATURES * self._features.loss(own, last, given["mask"])
        loss.backward()
        for name, weight in self.weights.items():
            weight.grad = self._parameters[name].grad.float()
            self._parameters[name].grad = None
        torch.nn.utils.clip_grad_norm_(self.weights.values(), 1.0)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        self.optimiser.step()
        self.spread()
        return float(loss.detach())

    def spread(self) -> None:
        """Give the network the weights as they are now."""
        import torch

        with torch.no_grad():
            for name, weight in self.weights.items():
                self._parameters[name].copy_(weight)

    def finish(self, keep: float) -> None:
        """Leave the network in float32, on the CPU: trained weights, and the rest as it was.

        `keep`: the share of what the trained weights were before.
        """
        import torch

        self.network.to("cpu", torch.float32).eval()
        with torch.no_grad():
            for name, begun in self._begun.items():
                self._parameters[name].copy_(self.weights[name]).lerp_(begun, keep)
            for name, weight in self._frozen.items():
                self._parameters[name].copy_(weight)


def _read(network: Any, given: dict[str, Any]) -> tuple[tuple[Any, Any], Any]:
    """Scores of every token as first and as last of the answer, (rows, tokens), float32; and
    the last layer, (rows, tokens, size)."""
    out = network(
        input_ids=given["ids"],
        attention_mask=given["mask"],
        token_type_ids=given["types"],
        output_hidden_states=True,
    )
    return (out.start_logits.float(), out.end_logits.float()), out.hidden_states[-1]


def _save(
    trainer: _Trainer, folder: Path, settings: Settings, lesson_digest: str, step: int
) -> None:
    """The checkpoint, whole or not at all: one file, put in the old one's place."""
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    tensors = {}
    for name, weight in trainer.weights.items():
        state = trainer.optimiser.state[weight]
        tensors[f"weight {name}"] = weight
        tensors |= {f"{key} {name}": state[key] for key in ("exp_avg", "exp_avg_sq")}
    about = {"step": step, "settings": asdict(settings), "lessons": lesson_digest}
    making = folder / f"{_CHECKPOINT}.new"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        save_file(tensors, making, metadata={"about": json.dumps(about)})
        making.replace(folder / _CHECKPOINT)
    except (OSError, SafetensorError) as error:
        making.unlink(missing_ok=True)
        raise TrainingError(
            f"the checkpoint can't be written to {folder} ({error}): make room there, and give"
            " the same command again"
        ) from error


def _resume(trainer: _Trainer, folder: Path, settings: Settings, lesson_digest: str) -> int:
    """Load the checkpoint in `folder`, if any; how many steps are done."""
    from safetensors import SafetensorError, safe_open

    path = folder / _CHECKPOINT
    if not path.is_file():
        return 0
    try:
        with safe_open(path, framework="pt") as file:
            about = json.loads(file.metadata()["about"])
            if about["settings"] != asdict(settings):
                raise TrainingError(
                    f"{folder} holds a training run with other settings ({about['settings']}):"
                    " train into another folder, or delete it"
                )
            if about["lessons"] != lesson_digest:
                raise TrainingError(
                    f"{folder} holds a training run on other questions:"
                    " train into another folder, or delete it"
                )
            _load(trainer, file, int(about["step"]))
    except (OSError, SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise TrainingError(
            f"{path} can't be read, or is of another network: delete it to train from the start"
        ) from error
    return int(about["step"])


def _load(trainer: _Trainer, file: Any, step: int) -> None:
    """Put the weights and the optimiser where they were after `step` steps."""
    import torch

    with torch.no_grad():
        for name, weight in trainer.weights.items():
            weight.copy_(file.get_tensor(f"weight {name}"))
            state = {
                key: file.get_tensor(f"{key} {name}").to(weight.device)
                for key in ("exp_avg", "exp_avg_sq")
            }
            trainer.optimiser.state[weight] = {
                "step": torch.tensor(float(step)).to(weight.device),
                **state,
            }
    trainer.spread()
