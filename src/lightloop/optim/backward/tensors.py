"""One tensor of an optimizer, stepped as a step over all of them would step it.

An optimizer reads its tensors from `param_groups`; for the length of one step it is shown a single group with
a single tensor. That is exact where no number of one tensor depends on another tensor, which is known of the
optimizers named here and must be said by others.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.optim import Optimizer

from lightloop.errors import InputError
from lightloop.optim.groups import names_of

# Of torch.optim; LBFGS takes all tensors as one vector, and SparseAdam sparse gradients.
TENSORWISE = (
    *("ASGD", "Adadelta", "Adafactor", "Adagrad", "Adam", "AdamW", "Adamax"),
    *("Muon", "NAdam", "RAdam", "RMSprop", "Rprop", "SGD"),
)
# What an optimizer class of another origin sets to True, to say that each tensor is stepped by itself and that
# a step without gradients changes nothing.
DECLARATION = "steps_tensor_by_tensor"


class Place(NamedTuple):
    """Where a tensor stands in `param_groups`, and what the optimizer calls it.

    `ordinal` counts from 1 over all groups.
    """

    group: int
    position: int
    ordinal: int
    name: str


def places(optimizer: Optimizer) -> dict[Tensor, Place]:
    """Every tensor of the optimizer, in its order; those without a name are called "group.index"."""
    found: dict[Tensor, Place] = {}
    for number, group in enumerate(optimizer.param_groups):
        for index, (name, weight) in enumerate(zip(names_of(group, number), group["params"], strict=True)):
            found[weight] = Place(number, index, len(found) + 1, name)
    return found


def refuse_coupled(optimizer: Optimizer) -> None:
    """Raise `InputError` unless it is known that the optimizer steps each tensor by itself."""
    if getattr(optimizer, DECLARATION, False) or _plain_step(type(optimizer)) in _known_steps():
        return
    raise InputError(
        f"it is not known whether {type(optimizer).__name__} can step one tensor by itself",
        allowed=["Apollo", *(f"torch.optim.{name}" for name in TENSORWISE if hasattr(torch.optim, name))],
        hint=f"if no tensor's step depends on another tensor, set {DECLARATION} = True in the class",
    )


def step_alone(optimizer: Optimizer, weight: Tensor, place: Place) -> None:
    """One step on one tensor; hooks of `optimizer.step` are not called."""
    groups = optimizer.param_groups
    group = groups[place.group]
    alone = [{**group, "params": [weight], "param_names": [place.name]}]
    if group.get("compat") is not None and not optimizer.state.get(weight):
        # Seeds of apollo-torch are ordinals: tensors without a gradient stand for those that come before.
        before = [torch.empty(0)] * (place.ordinal - 1)
        alone.insert(0, {**group, "params": before, "param_names": [""] * len(before)})
    optimizer.param_groups = alone
    try:
        _plain_step(type(optimizer))(optimizer)
    finally:
        optimizer.param_groups = groups


def _plain_step(kind: type[Optimizer]) -> Callable[[Any], Any]:
    """The method `step` as its author wrote it, without the hooks that torch puts around it."""
    step: Any = kind.step
    return step.__wrapped__ if getattr(step, "hooked", False) else step


def _known_steps() -> set[Callable[[Any], Any]]:
    named = [getattr(torch.optim, name) for name in TENSORWISE if hasattr(torch.optim, name)]
    return {_plain_step(kind) for kind in named}
