"""The network in torch: made from an embedder or a reader folder. Knows no questions.

All matrix work runs in bfloat16 on a copy of the weights, which are kept and changed in
float32: on two cores a step takes 1.1 s instead of 1.9 s under autocast.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from qa.errors import ReaderError
from qa.reader import ABOUT, MODEL, TOKENIZER, load_reader, load_tokenizer
from qa.training.tokens import translated

_PREFIX = "model."  # of the names in a reader's file
_DROPPED = 0.1  # share of a layer's numbers; without it the questions are learned by heart
_BYTES = 256  # values of a byte
FROZEN = "embeddings.word_embeddings.weight"  # more than half of the weights, a tenth of the gain
_LEARNING = 7  # layers, the last ones: back through all twelve, a step took 3.9 s, not 3
_LAYER = re.compile(r"\.layer\.(\d+)\.")


def new_network(start: Path, embedder: Path, seed: int) -> Any:
    """A span-extraction network in float32, from the reader or the model folder `start`.

    `seed`: of what is drawn at random: the span head that an embedder lacks, and its top layer,
    which is tuned to tell whole texts apart (Zhang et al. 2021 draw it anew).
    `embedder`: the folder of the BERT-style embedder that gives the shape of a reader, and the
    tokens. A model that numbers those otherwise is shown them as its own. The words' vectors stay
    as they are in training, and of a larger model the lower layers.
    """
    import torch
    from transformers import AutoModelForQuestionAnswering
    from transformers.utils.logging import disable_progress_bar, set_verbosity_error

    disable_progress_bar()
    set_verbosity_error()  # the span head is new: that is meant
    torch.manual_seed(seed)
    reader = (start / ABOUT).is_file()
    try:
        network, told = AutoModelForQuestionAnswering.from_pretrained(
            embedder if reader else start,
            use_safetensors=True,
            attn_implementation="eager",  # faster than the fused kernels backwards on a CPU
            hidden_dropout_prob=_DROPPED,
            attention_probs_dropout_prob=0.0,  # 0.1 makes a step on a CPU twice as long
            output_loading_info=True,
        )
        if told["missing_keys"]:
            drawn = AutoModelForQuestionAnswering.from_config(network.config)
            _top(network).load_state_dict(_top(drawn).state_dict())
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ReaderError(
            f"{start} can't be loaded as a model to train: is it BERT's kind?"
        ) from error
    for module in network.modules():
        if isinstance(module, torch.nn.Dropout) and module.p:
            module.p = 0.0
            module.register_forward_hook(_drop)
    if reader:
        _load_reader(network, start)
    elif network.config.model_type != "bert":
        network = translated(network, start, load_tokenizer(embedder / TOKENIZER))
    lower = network.config.num_hidden_layers - _LEARNING
    for name, weight in network.named_parameters():
        weight.requires_grad_(not name.endswith(FROZEN) and not _stays(name, lower))
    return network


def _top(network: Any) -> Any:
    """The last layer below the span head."""
    return network.base_model.encoder.layer[-1]


def _stays(name: str, lower: int) -> bool:
    """Whether the weight is of the `lower` layers, or goes into them."""
    layer = _LAYER.search(name)
    return lower > 0 and (int(layer[1]) < lower if layer else "qa_outputs" not in name)


def _drop(module: Any, _: Any, numbers: Any) -> Any:
    """In training the numbers with a tenth of them 0 and the rest larger, by torch's seed.

    A byte decides for each: torch's own dropout draws on one core, a quarter of a step's time.
    """
    import torch

    if not module.training:
        return numbers
    count = numbers.numel()
    drawn = torch.empty(-(-count // 8), dtype=torch.int64, device=numbers.device)
    drawn = drawn.random_(-(2**63), None).view(torch.uint8)[:count].view(numbers.shape)
    least = round(_DROPPED * _BYTES)
    return numbers * ((drawn >= least).to(numbers.dtype) * (_BYTES / (_BYTES - least)))


def _load_reader(network: Any, folder: Path) -> None:
    """Take the weights of an int8 reader, as close as its rounding lets them be.

    Raises `ReaderError` when it is not a reader of this shape that `export` wrote.
    """
    import onnx
    import torch
    from onnx import numpy_helper

    load_reader(folder, 1)  # its files are whole
    graph = onnx.load(folder / MODEL).graph
    arrays = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
    found = {
        name.removeprefix(_PREFIX): array
        for name, array in arrays.items()
        if name.startswith(_PREFIX)
    }
    for name, matrix in _matrices(graph, arrays):
        found[name.removeprefix(_PREFIX)] = matrix.T
    wanted = {name: tuple(weight.shape) for name, weight in network.named_parameters()}
    words = next(name for name in wanted if name.endswith(FROZEN))
    vectors = _word_vectors(arrays, wanted[words])
    if vectors is not None:
        found[words] = vectors
    if any(name not in found or found[name].shape != shape for name, shape in wanted.items()):
        raise ReaderError(
            f"{folder} is not a reader that citespan train wrote: it can't be a start"
        )
    weights = {name: torch.tensor(found[name].astype(np.float32)) for name in wanted}
    network.load_state_dict(weights, strict=False)


def _word_vectors(arrays: Mapping[str, Any], shape: tuple[int, ...]) -> Any:
    """The vectors of the words, which `export` wrote as int8 with a scale for each row."""
    whole = [one for one in arrays.values() if one.dtype == np.int8 and one.shape == shape]
    scales = [one for one in arrays.values() if one.shape == (shape[0], 1)]
    return whole[0].astype(np.float32) * scales[0] if whole and scales else None


def _matrices(graph: Any, arrays: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Every quantised matrix with its weight's name, which is that of the bias added after it."""
    users = {given: node for node in graph.node for given in node.input}
    for node in graph.node:
        if node.op_type != "MatMulInteger":
            continue
        base = node.input[1].removesuffix("_quantized")
        whole, zero, scale = (arrays[base + end] for end in ("_quantized", "_zero_point", "_scale"))
        after = node
        while not (biases := [one for one in after.input if one.endswith(".bias")]):
            after = users[after.output[0]]
        matrix = (whole.astype(np.float32) - zero.astype(np.float32)) * scale
        yield biases[0].removesuffix("bias") + "weight", matrix
