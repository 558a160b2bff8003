"""Any extractive Hugging Face model becomes a reader folder, once, on first use."""

import json
import shutil
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from index import export_model, file_digest, fuse_attention, no_telemetry, sync_tree
from qa.errors import ReaderError
from qa.reader import ABOUT, DEFAULT_READER, MODEL, TOKENIZER

_WANTED = ["*.safetensors", "*.json", "*.txt", "*.model"]


def reader_folder(name: str | None, cache: Path) -> Path:
    """The folder of the named reader: the shipped one for None, a reader's or a model's folder,
    or a hub name. A model is converted into `cache`, which takes a minute the first time.

    Raises `ReaderError` when there is no such model or it does not extract answers.
    """
    if name is None:
        return DEFAULT_READER
    folder = Path(name)
    if (folder / ABOUT).is_file():
        return folder
    source = folder if folder.is_dir() else _from_hub(name)
    target = cache / f"reader-{_fingerprint(source)}"
    if not target.is_dir():
        _convert(source, folder.name, target)
    return target


def _from_hub(name: str) -> Path:
    no_telemetry()
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(name, allow_patterns=_WANTED))
    except (OSError, HfHubHTTPError, HFValidationError, LocalEntryNotFoundError) as error:
        raise ReaderError(
            f"the reader {name} is neither a folder nor a model that can be fetched"
        ) from error


def _fingerprint(source: Path) -> str:
    total = sha256()
    for pattern in _WANTED:
        for path in sorted(source.glob(pattern)):
            total.update(f"{path.name} {file_digest(path)}\n".encode())
    return total.hexdigest()[:16]


def _convert(source: Path, name: str, target: Path) -> None:
    """Write the ONNX form of the model in `source`, whole or not at all."""
    model, tokenizer = _load(source)
    making = target.with_suffix(".new")
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir(parents=True)
    outputs = ["start_logits", "end_logits"]

    def forward(given: Mapping[str, Any]) -> Any:
        found = model(**given)
        return found.start_logits, found.end_logits

    export_model(forward, model, tokenizer.model_input_names, outputs, making / MODEL)
    fuse_attention(making / MODEL, getattr(model.config, "num_attention_heads", 0))
    tokenizer.backend_tokenizer.save(str(making / TOKENIZER))
    about = {
        "name": name,
        "sha256": {one: file_digest(making / one) for one in (MODEL, TOKENIZER)},
    }
    (making / ABOUT).write_text(json.dumps(about, indent=2), encoding="utf-8")
    sync_tree(making)
    making.rename(target)


def _load(source: Path) -> tuple[Any, Any]:
    no_telemetry()
    from transformers import AutoModelForQuestionAnswering, AutoTokenizer
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()
    try:
        model, loading = AutoModelForQuestionAnswering.from_pretrained(
            source, use_safetensors=True, output_loading_info=True
        )
        tokenizer = AutoTokenizer.from_pretrained(source, use_fast=True)
    except (OSError, ValueError, KeyError) as error:
        raise ReaderError(f"{source} can't be loaded as a question-answering model") from error
    if loading["missing_keys"]:
        raise ReaderError(f"{source} was not trained to extract answers: it has no span head")
    if not tokenizer.is_fast:
        raise ReaderError(f"{source} has no fast tokenizer, which offsets need")
    return model.eval(), tokenizer
