"""Blocks compiled by `torch.compile`, in place: parameters keep their names, and one program serves all blocks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from lightloop.errors import MissingProgramError


def compile_blocks(model: nn.Module, device: torch.device) -> None:
    """Compile each block of `model`, or the whole of a model without blocks.

    Raises:
        MissingProgramError: torch cannot compile here, for want of a compiler.
    """
    _refuse_without_compiler(device)
    for block in blocks(model) or [model]:
        block.compile()


def blocks(model: nn.Module) -> list[nn.Module]:
    """The members of the longest list of modules in `model`."""
    lists = [list(module) for module in model.modules() if isinstance(module, nn.ModuleList)]
    return max(lists, key=len, default=[])


@contextmanager
def eager() -> Iterator[None]:
    """Compiled modules run as they were written: to measure a model as anyone who loads it would."""
    with torch.compiler.set_stance("force_eager"):
        yield


def _refuse_without_compiler(device: torch.device) -> None:
    """Compile something small, to have one clear error before the run instead of a long one within."""

    def doubled(values: torch.Tensor) -> torch.Tensor:
        return (values * 2).sin()

    program: Callable[[torch.Tensor], Any] = torch.compile(doubled)
    try:
        program(torch.ones(8, device=device))
    except Exception as error:  # torch raises its own kinds, and those of every tool it calls
        reason = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
        raise MissingProgramError(
            f"train.compile = true, and torch cannot compile on this {device.type}: {reason.strip()}",
            hint="install a C++ compiler (Debian: apt install g++) with Python's headers, or leave train.compile out",
        ) from None
