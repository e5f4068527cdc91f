"""Any network as a list of matrix products: `workload("llama-3-8b", phase="decode")`, `workload("config.json")`,
`workload("model.onnx")`, `workload("linear:4096x11008", tokens=64)`, `workload_from_torch(module, example_inputs)`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lightloop.errors import InputError, unknown_name
from lightloop.workload.decoder import decoder, decoder_table
from lightloop.workload.encoder import encoder, encoder_table
from lightloop.workload.linear import is_linear, linear
from lightloop.workload.products import MatrixProduct, Unpriced, VectorWork, Workload
from lightloop.workload.request import Request

__all__ = [
    "MatrixProduct",
    "Unpriced",
    "VectorWork",
    "Workload",
    "workload",
    "workload_from_torch",
    "workload_names",
]


def workload_names() -> list[str]:
    """The presets."""
    return [*encoder_table(), *decoder_table()]


def workload(
    name: str | Path,
    *,
    tokens: int | None = None,
    batch: int = 1,
    phase: str | None = None,
    context: int | None = None,
    sizes: Mapping[str, int] | None = None,
) -> Workload:
    """A preset, a Hugging Face configuration, an ONNX graph, or one linear layer.

    Args:
        name: A name of `workload_names()`; a Hugging Face `config.json` or the folder that holds one; an `.onnx` file;
            or `linear:INxOUT`.
        tokens: Sequence length; the network's own if None (1 for `linear:` and for decode).
        batch: Sequences run together.
        phase: For a language model "prefill" (the default) or "decode".
        context: For decode, tokens of each sequence that the key-value cache holds, the new ones included; the
            longest that the model was made for if None.
        sizes: For an ONNX graph, name of an open dimension -> its size.

    Raises:
        InputError: The name is unknown, or with all that cannot be as asked.
        MissingProgramError: An `.onnx` file is given and the package onnx is not installed.
    """
    name, request = str(name), Request(tokens, batch, phase, context)
    if name.endswith(".onnx"):
        from lightloop.workload.onnx_graph import onnx_workload

        return onnx_workload(Path(name), request, sizes=sizes or {})
    if sizes:
        raise InputError(f"sizes binds open dimensions of an .onnx file, and {name!r} is none")
    for known, build in ((encoder_table(), encoder), (decoder_table(), decoder)):
        if name in known:
            return build(name, request)
    if is_linear(name):
        return linear(name, request)
    return _from_configuration(name, request)


def _from_configuration(name: str, request: Request) -> Workload:
    from lightloop.workload.huggingface import config_path, huggingface

    path = config_path(name)
    if path is None:
        hint = "or give linear:INxOUT, a config.json or its folder, or an .onnx file"
        raise unknown_name("workload", name, workload_names(), hint=hint)
    return huggingface(path, request)


def workload_from_torch(
    module: Any, example_inputs: Any = None, *, name: str | None = None, tokens: int | None = None
) -> Workload:
    """The matrix products that `module(*example_inputs)` runs; `module` may be a `torch.export.ExportedProgram`.

    See `lightloop.workload.trace.trace`.
    """
    from lightloop.workload.trace import trace

    return trace(module, example_inputs, name=name, tokens=tokens)
