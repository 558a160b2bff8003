"""Attention as one operation in an ONNX graph, where the exporter writes nine small ones.

ONNX Runtime's own fusions do not know the form in which the exporter writes it. It must not
know what the numbers mean.
"""

from functools import partial
from pathlib import Path
from typing import Any

_RUNTIME = "com.microsoft"  # the domain of ONNX Runtime's own operations


def fuse_attention(path: Path, heads: int) -> int:
    """Rewrite the file with its attention, of so many heads, fused; in how many layers.

    softmax(Q·Kᵀ × scale + mask)·V (Vaswani et al. 2017) becomes MultiHeadAttention without a
    mask: for rows that are run one at a time, where nothing is masked. What is written in
    another form stays as it is.
    """
    import onnx_ir
    from onnx_ir.passes.common import RemoveUnusedNodesPass
    from onnxscript.rewriter import pattern

    model = onnx_ir.load(path)
    rule = pattern.RewriteRule(_apart, partial(_together, heads))
    count = int(rule.apply_to_model(model))
    if count:
        RemoveUnusedNodesPass()(model)
        onnx_ir.save(model, path)
    return count


def _apart(
    op: Any, query: Any, key: Any, value: Any, split: Any, scale: Any, mask: Any, whole: Any
) -> Any:
    """What is looked for."""
    queries = op.Transpose(op.Reshape(query, split), perm=[0, 2, 1, 3])
    keys = op.Transpose(op.Reshape(key, split), perm=[0, 2, 3, 1])
    values = op.Transpose(op.Reshape(value, split), perm=[0, 2, 1, 3])
    shares = op.Softmax(op.MatMul(queries, keys) * scale + mask, axis=-1)
    return op.Reshape(op.Transpose(op.MatMul(shares, values), perm=[0, 2, 1, 3]), whole)


def _together(heads: int, op: Any, query: Any, key: Any, value: Any, scale: Any, **_: Any) -> Any:
    """What takes its place."""
    return op.MultiHeadAttention(
        query,
        key,
        value,
        num_heads=heads,
        scale=float(scale.const_value.numpy()),
        _domain=_RUNTIME,
    )
