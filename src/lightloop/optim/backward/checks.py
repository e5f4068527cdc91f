"""What a step inside backward cannot do exactly, and is refused for."""

from __future__ import annotations

import math
import sys
from numbers import Integral, Real
from typing import Any

import torch
from torch import nn
from torch.autograd.function import BackwardCFunction
from torch.nn.parallel import DistributedDataParallel
from torch.optim import Optimizer

from lightloop.errors import InputError

# By name, since importing FSDP takes longer than all of lightloop.optim.
SHARDED = ("FullyShardedDataParallel", "FSDPModule")
NAMED = "_fused_backward"


def check_options(accumulate: Any, max_norm: Any) -> None:
    """Raise `InputError` for a number of micro-batches, or a norm, that cannot be used."""
    if not isinstance(accumulate, Integral) or isinstance(accumulate, bool) or accumulate < 1:
        raise InputError(f"accumulate={accumulate!r} cannot be used", allowed=["an integer >= 1"])
    number = isinstance(max_norm, Real) and not isinstance(max_norm, bool) and not math.isnan(max_norm)
    if max_norm is not None and not (number and max_norm > 0):
        raise InputError(f"max_norm={max_norm!r} cannot be used", allowed=["a number > 0", "None for no clipping"])


def refuse_model(model: nn.Module, optimizer: Optimizer) -> None:
    """Raise `InputError` for a model whose gradients are not whole, or not dense, when they arrive."""
    for name, module in model.named_modules():
        kinds = {kind.__name__ for kind in type(module).__mro__}
        if isinstance(module, DistributedDataParallel) or kinds & set(SHARDED):
            raise _several_processes(type(module).__name__)
        if isinstance(module, nn.Embedding | nn.EmbeddingBag) and module.sparse:
            raise InputError(f"the gradient of {name or 'the model'} is sparse", hint="build it with sparse=False")
    trained = {weight for group in optimizer.param_groups for weight in group["params"]}
    if any(hasattr(weight, "device_mesh") for weight in trained):
        raise _several_processes("a model of DTensor")
    if not any(weight in trained for weight in model.parameters()):
        raise InputError("the optimizer has none of the model's parameters", hint="build it from this model")


def refuse_fused(optimizer: Optimizer) -> None:
    """Raise `InputError` if the optimizer is stepped in backward already."""
    if getattr(optimizer, NAMED, False):
        raise InputError("the optimizer is fused with backward already", hint="call .remove() of the first handle")


def refuse_processes() -> None:
    """Raise `InputError` if other processes may hold a part of the gradient."""
    distributed = torch.distributed
    if distributed.is_available() and distributed.is_initialized() and distributed.get_world_size() > 1:
        raise _several_processes(f"a run of {distributed.get_world_size()} processes")


def refuse_nested() -> None:
    """Raise `InputError` inside a backward pass that another one runs: it ends before gradients are whole."""
    frame = sys._getframe()
    while frame.f_back is not None:
        frame = frame.f_back
        if frame.f_code is BackwardCFunction.apply.__code__:
            raise InputError(
                "a backward pass runs inside another one, so that gradients arrive in parts",
                hint="for gradient checkpointing, pass use_reentrant=False",
            )


def _several_processes(what: str) -> InputError:
    return InputError(
        f"{what} cannot be stepped inside backward: gradients are averaged only after they arrive",
        allowed=["one process, one replica of the model"],
        hint="call optimizer.step() after backward",
    )
