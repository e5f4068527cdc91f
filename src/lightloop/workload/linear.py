"""One linear layer, `linear:INxOUT`."""

from __future__ import annotations

import re

from lightloop.errors import InputError
from lightloop.workload.products import MatrixProduct, VectorWork, Workload
from lightloop.workload.request import Request, phaseless_mistakes, refuse, size_mistakes

_PATTERN = re.compile(r"linear:(\d+)x(\d+)")
_DEFAULT_TOKENS = 1


def is_linear(name: str) -> bool:
    """Whether `name` speaks of a single linear layer."""
    return name.startswith("linear:")


def linear(name: str, request: Request) -> Workload:
    """The workload `linear:INxOUT` on `batch` x `tokens` columns. Raises `InputError` for sizes below one."""
    match = _PATTERN.fullmatch(name)
    if match is None:
        raise InputError(f"cannot read {name!r}", hint="write linear:INxOUT, for example linear:4096x11008")
    inputs, outputs = int(match[1]), int(match[2])
    small = [
        f"{label} must be at least 1, got {value}" for label, value in (("IN", inputs), ("OUT", outputs)) if value < 1
    ]
    refuse(name, [*small, *size_mistakes(request), *phaseless_mistakes(request, "a linear layer")])
    columns = request.batch * (request.tokens or _DEFAULT_TOKENS)
    product = MatrixProduct("linear", outputs, inputs, columns)
    return Workload(name, (product,), VectorWork(), columns, batch=request.batch, parameters=inputs * outputs)
