"""Any network as a list of matrix products: `workload("deit-tiny")`, `workload("linear:4096x11008", tokens=64)`,
`workload_from_torch(module, example_inputs)`.
"""

from __future__ import annotations

from typing import Any

from lightloop.errors import unknown_name
from lightloop.workload.encoder import encoder, encoder_table
from lightloop.workload.linear import is_linear, linear
from lightloop.workload.products import MatrixProduct, VectorWork, Workload

__all__ = ["MatrixProduct", "VectorWork", "Workload", "workload", "workload_from_torch", "workload_names"]


def workload_names() -> list[str]:
    """The presets."""
    return list(encoder_table())


def workload(name: str, *, tokens: int | None = None, batch: int = 1) -> Workload:
    """A preset, or `linear:INxOUT`.

    Args:
        name: A name of `workload_names()`, or `linear:INxOUT`.
        tokens: Sequence length; the preset's own if None (1 for `linear:`).
        batch: Sequences run together.

    Raises:
        InputError: The name is unknown or a size is too small.
    """
    if is_linear(name):
        return linear(name, tokens=tokens, batch=batch)
    if name not in encoder_table():
        raise unknown_name("workload", name, workload_names(), hint="or give linear:INxOUT")
    return encoder(name, tokens=tokens, batch=batch)


def workload_from_torch(
    module: Any, example_inputs: Any, *, name: str | None = None, tokens: int | None = None
) -> Workload:
    """The matrix products that `module(*example_inputs)` runs. See `lightloop.workload.trace.trace`."""
    from lightloop.workload.trace import trace

    return trace(module, example_inputs, name=name, tokens=tokens)
