"""A trained network becomes a reader folder: int8 ONNX, its tokenizer and its checksums."""

import json
import logging
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from index import export_model, file_digest, fuse_attention, sync_tree
from qa.reader import ABOUT, MODEL, TOKENIZER

_INPUTS = ("input_ids", "attention_mask", "token_type_ids")
_OUTPUTS = ("start_logits", "end_logits")


def export(network: Any, tokenizer: Path, name: str, folder: Path, *, int8: bool) -> None:
    """Write the reader folder; with `int8`, matrices per column and word vectors per row.

    The numbers that pass between the matrices are scaled as they come (dynamic quantisation).
    The network can't be trained on after an int8 export. `tokenizer`: a tokenizer.json.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if int8:
        _round_words(network)

    def forward(given: Mapping[str, Any]) -> Any:
        found = network(**given)
        return found.start_logits, found.end_logits

    export_model(forward, network, _INPUTS, _OUTPUTS, folder / MODEL)
    if int8:
        _quantise(folder / MODEL)
    fuse_attention(folder / MODEL, network.config.num_attention_heads)
    shutil.copyfile(tokenizer, folder / TOKENIZER)
    about = {
        "name": name,
        "sha256": {one: file_digest(folder / one) for one in (MODEL, TOKENIZER)},
    }
    (folder / ABOUT).write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
    sync_tree(folder)


def _quantise(path: Path) -> None:
    from onnxruntime.quantization import QuantType, quantize_dynamic

    whole = path.with_suffix(".whole")
    path.rename(whole)
    logging.disable(logging.WARNING)  # it advises on the root logger to optimise first: no gain
    try:
        quantize_dynamic(
            whole,
            path,
            op_types_to_quantize=["MatMul"],
            per_channel=True,
            weight_type=QuantType.QInt8,
        )
    finally:
        logging.disable(logging.NOTSET)
    whole.unlink()


def _round_words(network: Any) -> None:
    """Put word vectors of int8, each with a scale of its own, in the place of the float ones."""
    import torch

    class Words(torch.nn.Module):  # type: ignore[misc]  # torch is not imported for types
        def __init__(self, weight: Any) -> None:
            super().__init__()
            scale = weight.abs().amax(dim=1, keepdim=True).clamp(min=1e-8) / 127
            self.register_buffer("scale", scale)
            self.register_buffer("whole", (weight / scale).round().to(torch.int8))

        def forward(self, ids: Any) -> Any:
            return self.whole[ids].float() * self.scale[ids]

    embeddings = network.base_model.embeddings
    embeddings.word_embeddings = Words(embeddings.word_embeddings.weight.detach())
