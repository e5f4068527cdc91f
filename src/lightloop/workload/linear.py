"""One linear layer, `linear:INxOUT`."""

from __future__ import annotations

import re

from lightloop.errors import InputError
from lightloop.workload.products import MatrixProduct, VectorWork, Workload

_PATTERN = re.compile(r"linear:(\d+)x(\d+)")
_DEFAULT_TOKENS = 1


def is_linear(name: str) -> bool:
    """Whether `name` speaks of a single linear layer."""
    return name.startswith("linear:")


def linear(name: str, *, tokens: int | None = None, batch: int = 1) -> Workload:
    """The workload `linear:INxOUT` on `batch` x `tokens` columns. Raises `InputError` for sizes below one."""
    tokens = _DEFAULT_TOKENS if tokens is None else tokens
    match = _PATTERN.fullmatch(name)
    if match is None:
        raise InputError(f"cannot read {name!r}", hint="write linear:INxOUT, for example linear:4096x11008")
    inputs, outputs = int(match[1]), int(match[2])
    for label, value in (("IN", inputs), ("OUT", outputs), ("tokens", tokens), ("batch", batch)):
        if value < 1:
            raise InputError(f"{label} of {name} must be at least 1, got {value}")
    return Workload(name, (MatrixProduct("linear", outputs, inputs, batch * tokens),), VectorWork(), batch * tokens)
