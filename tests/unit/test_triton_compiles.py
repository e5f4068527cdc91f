"""Kernels compile for a GPU that is not there, also where Triton makes a constant of a side of one."""

from __future__ import annotations

import os
from typing import Any

import pytest

triton = pytest.importorskip("triton")

CONSTANTS = {"BY_CHANNEL": False, "BY_CHANCE": True, "BFLOAT16": True, "ROWS": 16, "COLUMNS": 128}
TYPES = {
    "weight": "*bf16",
    "grad": "*bf16",
    "coefficient": "*fp32",
    "finite_flag": "*i8",
    "step": "*fp32",
    "decay": "fp32",
}


@pytest.mark.skipif(os.environ.get("TRITON_INTERPRET") == "1", reason="the interpreter compiles nothing")
@pytest.mark.parametrize("ones", [(), ("rows",), ("columns",)])
def test_the_update_compiles_for_matrices_with_one_row_or_column(ones: tuple[str, ...]) -> None:
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    from lightloop.optim.on_device import triton_kernels

    names: list[str] = triton_kernels.add_scaled.arg_names
    constants: dict[str, Any] = CONSTANTS | {"weight_column": 1, "grad_column": 1} | dict.fromkeys(ones, 1)
    signature = {name: "constexpr" if name in constants else TYPES.get(name, "i32") for name in names}
    places = {(names.index(name),): value for name, value in constants.items()}
    source = ASTSource(fn=triton_kernels.add_scaled, signature=signature, constexprs=places)
    assert triton.compile(source, target=GPUTarget("cuda", 90, 32)).asm["ptx"]
