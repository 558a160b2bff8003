"""Transformer models as ONNX files: written here, opened here, for embedder and reader.

It must not know what the numbers mean.
"""

import logging
import mmap
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from index.telemetry import no_telemetry

_ELSEWHERE = b"location"  # what the key of a tensor that lies in another file is called


def open_session(path: Path, threads: int) -> Any:
    """An ONNX Runtime session on `threads` CPU threads; compare the file's checksum first.

    Raises `ValueError` when the model may have it read another file, which no checksum covers.
    """
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        if data.find(_ELSEWHERE) >= 0:
            raise ValueError("the model names files besides its own")
    no_telemetry()
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    # Threads that wait by spinning take the cores from whoever else has work: beside another
    # busy process a row of 300 tokens took 193 ms with it and 98 without; alone, no clear gain.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(
        str(path),
        options,
        providers=["CPUExecutionProvider"],
        # A norm with the sum before it takes four times as long as the two by themselves.
        disabled_optimizers=["SkipLayerNormFusion"],
    )


def export_model(
    forward: Callable[[Mapping[str, Any]], Any],
    model: Any,
    inputs: Sequence[str],
    outputs: Sequence[str],
    path: Path,
) -> None:
    """Write `forward`, which runs the torch module `model`, as one ONNX file.

    Every input has shape (texts, tokens), both free; `forward` gets them by name.
    """
    import torch

    logging.getLogger("torch.onnx").setLevel(logging.ERROR)

    class Graph(torch.nn.Module):  # type: ignore[misc]  # torch is not imported for types
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, *given: Any) -> Any:
            return forward(dict(zip(inputs, given, strict=True)))

    # Shapes of the example must not look special, nor its mask be all ones: the exporter
    # would fold them into the graph.
    example = {name: torch.ones(2, 16, dtype=torch.long) for name in inputs}
    example["attention_mask"][1, 9:] = 0
    free = {0: torch.export.Dim("texts", max=1024), 1: torch.export.Dim("tokens", max=512)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            Graph().eval(),
            tuple(example[name] for name in inputs),
            str(path),
            input_names=list(inputs),
            output_names=list(outputs),
            dynamic_shapes=(tuple(free for _ in inputs),),
            dynamo=True,
            external_data=False,
            verbose=False,
        )
    _forget_origin(path)


def _forget_origin(path: Path) -> None:
    """Take out what the exporter notes of every step: stack traces, with paths of this machine."""
    import onnx

    model = onnx.load(path)
    for part in (model, model.graph, *model.graph.node, *model.graph.value_info):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
    onnx.save(model, path)
