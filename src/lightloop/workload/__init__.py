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


_ALSO = "or give linear:INxOUT, a config.json or its folder, or an .onnx file"


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
        tokens: Sequence length; the network's own if None (1 for `linear:`). With `phase="decode"` the new tokens of
            each sequence that are computed at once, as in speculative decoding; 1 if None.
        batch: Sequences run together.
        phase: For a language model "prefill" (the default) or "decode".
        context: For decode, tokens of each sequence that the key-value cache holds, the new ones included; the
            longest that the model was made for if None.
        sizes: For an ONNX graph, name of an open dimension -> its size.

    A layer of experts is taken to spread its tokens over as many experts as it can, which is an upper figure for the
    weights that are read (`lightloop.workload.layers.expert_groups`).

    Raises:
        InputError: The name is unknown, or with all that cannot be as asked.
        MissingProgramError: An `.onnx` file is given and the package onnx is not installed.
    """
    name, request = str(name), Request(tokens, batch, phase, context)
    if not name.strip():
        raise InputError("a workload needs a name", allowed=workload_names(), hint=_ALSO)
    if name.endswith(".onnx"):
        from lightloop.workload.onnx_graph import onnx_workload

        return onnx_workload(Path(name), request, sizes=sizes or {})
    if sizes:
        raise InputError(
            f"sizes binds open dimensions of an .onnx file, and {name!r} is none",
            hint="leave sizes out, on the command line --size; batch, tokens and context are for all networks",
        )
    for known, build in ((encoder_table(), encoder), (decoder_table(), decoder)):
        if name in known:
            return build(name, request)
    if is_linear(name):
        return linear(name, request)
    return _from_configuration(name, request)


def _from_configuration(name: str, request: Request) -> Workload:
    from lightloop.workload.huggingface import config_path, huggingface

    path = config_path(name)
    if path is not None:
        return huggingface(path, request)
    if Path(name).is_file():
        raise InputError(
            f"{name} is neither an .onnx file nor a .json file",
            hint="give a model's config.json or its folder, or a graph whose name ends in .onnx; "
            "a network in torch goes through workload_from_torch",
        )
    raise unknown_name("workload", name, workload_names(), hint=_ALSO)


def workload_from_torch(
    module: Any, example_inputs: Any = None, *more: Any, name: str | None = None, tokens: int | None = None
) -> Workload:
    """The matrix products that `module(*example_inputs)` runs; `module` may be a `torch.export.ExportedProgram`.

    Several inputs are one tuple: `workload_from_torch(module, (x, y))`. See `lightloop.workload.trace.trace`.

    Args:
        module: The network.
        example_inputs: A tensor, a tuple of all arguments, or a dict of keyword arguments. Only shapes and types count.
        more: Nothing; inputs that stand here are refused with a message that says what to write.
        name: Name of the workload; the class of the module if None.
        tokens: Tokens that the inputs stand for; the number of integer inputs if None.

    Raises:
        InputError: Inputs are not one tuple, or the network cannot be traced on them.
    """
    from lightloop.workload.trace import trace

    if more:
        raise InputError(
            f"example_inputs is one argument, and {1 + len(more)} were given",
            hint="give several inputs as a tuple: workload_from_torch(module, (x, y), name=..., tokens=...)",
        )
    return trace(module, example_inputs, name=name, tokens=tokens)
