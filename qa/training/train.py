"""Labelled questions become a trained network, in steps that can be cut off and gone on with.

It must not know how the result is exported or judged.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from random import Random
from typing import Any

from tqdm import tqdm

from index import Article
from qa.errors import TrainingError
from qa.training.batches import Batch
from qa.training.lessons import Lesson, Settings, lessons_digest, steps
from qa.training.loss import span_loss, taught_loss

_CHECKPOINT = "checkpoint.safetensors"
_WARM_UP = 100  # steps
_EVERY = 200  # steps between two checkpoints


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

    `teacher`: a network over the same tokens whose scores are learned beside the labels.
    Raises `TrainingError` when the checkpoint there can't be read, or is of another run.
    """
    lesson_digest = lessons_digest(lessons)
    trainer = _Trainer(network, settings, teacher)
    done = _resume(trainer, folder, settings, lesson_digest)
    bar = tqdm(
        total=1.0,
        desc="training",
        disable=not progress,
        mininterval=5,
        bar_format="{l_bar}{bar}| {elapsed}<{remaining}{postfix}",
    )
    for step, (at, batch) in enumerate(steps(tokenizer, lessons, articles, settings), 1):
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

    def __init__(self, network: Any, settings: Settings, teacher: Any) -> None:
        import torch

        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.network = network
        whole = {name: one.detach().clone() for name, one in network.named_parameters()}
        self._parameters = dict(network.named_parameters())
        learning = {name for name, one in self._parameters.items() if one.requires_grad}
        self.weights = {name: whole[name].clone().to(self._device) for name in learning}
        self._frozen = {name: whole[name] for name in whole if name not in learning}
        self._begun = {name: whole[name] for name in learning}
        network.to(self._device, torch.bfloat16).train()
        self._teacher = teacher and teacher.to(self._device, torch.bfloat16).eval()
        self.optimiser = torch.optim.AdamW(
            [
                {"params": [w for w in self.weights.values() if w.ndim > 1], "weight_decay": 0.01},
                {"params": [w for w in self.weights.values() if w.ndim < 2], "weight_decay": 0.0},
            ],
            lr=settings.learning_rate,
            betas=(0.9, 0.98),
            fused=True,
        )

    def step(self, batch: Batch, rate: float, seed: str) -> float:
        """One step; the loss before it. `seed`: of what is dropped in it."""
        import torch

        # By step, so that a run that goes on drops what it would have dropped.
        torch.manual_seed(Random(seed).getrandbits(63))
        given = {
            name: torch.from_numpy(getattr(batch, name)).to(self._device)
            for name in batch.__slots__
        }
        scores = _scores(self.network, given)
        loss = span_loss(*scores, given)
        if self._teacher is not None:
            with torch.no_grad():
                wanted = _scores(self._teacher, given)
            loss = loss + taught_loss(*scores, wanted, given)
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
            for name, weight in self.weights.items():
                self._parameters[name].copy_(weight).lerp_(self._begun[name], keep)
            for name, weight in self._frozen.items():
                self._parameters[name].copy_(weight)


def _scores(network: Any, given: dict[str, Any]) -> tuple[Any, Any]:
    """Of every token as first and as last of the answer, (rows, tokens), float32."""
    out = network(
        input_ids=given["ids"], attention_mask=given["mask"], token_type_ids=given["types"]
    )
    return out.start_logits.float(), out.end_logits.float()


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
