"""What a run with steps inside backward must save beside its weights to go on to the bit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor
from torch.optim import Optimizer

from lightloop.errors import InputError
from lightloop.optim.backward.tensors import places

COUNTS = ("step_count", "micro_batches", "accumulate")


def kept_gradients(optimizer: Optimizer) -> dict[str, Tensor]:
    """The gradients there are, by the names of their tensors."""
    return {key: weight.grad for key, weight in _by_key(optimizer).items() if weight.grad is not None}


def put_back(optimizer: Optimizer, gradients: Mapping[str, Tensor]) -> None:
    """Give tensors copies of their gradients."""
    weights = _by_key(optimizer)
    for key, gradient in gradients.items():
        weights[key].grad = gradient.detach().to(weights[key], copy=True)


def refuse_misfit(state: Mapping[str, Any], optimizer: Optimizer, accumulate: int) -> None:
    """Raise `InputError` if the state is none of a handle, or one that this handle cannot go on from."""
    missing = {"optimizer", "gradients", *COUNTS} - state.keys()
    if missing:
        raise InputError(f"the state lacks {sorted(missing)}", hint="pass what handle.state_dict() returned")
    if state["micro_batches"] and state["accumulate"] != accumulate:
        raise InputError(
            f"the state was saved within a step of accumulate={state['accumulate']}, not {accumulate}",
            hint=f"fuse with accumulate={state['accumulate']}, or save after a step",
        )
    weights = _by_key(optimizer)
    strange = [key for key, g in state["gradients"].items() if key not in weights or weights[key].shape != g.shape]
    if strange:
        raise InputError(f"no tensor of the optimizer fits the gradients of {strange}", allowed=weights)


def _by_key(optimizer: Optimizer) -> dict[str, Tensor]:
    """The tensors by name; by position where a name is given twice."""
    standing = places(optimizer)
    named = {place.name: weight for weight, place in standing.items()}
    if len(named) == len(standing):
        return named
    return {f"{place.group}.{place.position}": weight for weight, place in standing.items()}
