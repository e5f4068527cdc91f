"""Several optimizers behind one: each steps its own groups, and schedules, saving and loading see a single one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.optim import Optimizer

from lightloop.errors import InputError
from lightloop.optim.backward_tensors import refuse_coupled

MEMBER = "member"  # of a group: the place of its optimizer


class Joined(Optimizer):
    """One optimizer made of several, as `torch.optim.Muon` for matrices and AdamW for the rest.

    `param_groups` and `state` are those of all members together, so that a learning-rate schedule scales the rate of
    every group, and `state_dict()` is that of one optimizer.

    Args:
        *members: Optimizers over different tensors, not stepped yet. They belong to this one from now on.

    Raises:
        InputError: There is no optimizer, or one has been stepped before.

    Example:
        >>> model = torch.nn.Linear(64, 128)
        >>> matrix = torch.optim.SGD([model.weight], lr=0.1)
        >>> optimizer = Joined(matrix, torch.optim.AdamW([model.bias], lr=1e-3))
        >>> [group["lr"] for group in optimizer.param_groups]
        [0.1, 0.001]
    """

    def __init__(self, *members: Optimizer) -> None:
        if not members:
            raise InputError("Joined needs an optimizer", allowed=["one or more of torch.optim.Optimizer"])
        if any(member.state for member in members):
            raise InputError("an optimizer has been stepped before it was joined", hint="join optimizers when new")
        groups = [{**group, MEMBER: place} for place, one in enumerate(members) for group in one.param_groups]
        super().__init__(groups, {})
        self.members = members
        self.steps_tensor_by_tensor = all(map(_is_tensorwise, members))

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:  # type: ignore[override]
        """Take one step of every member.

        Args:
            closure: Evaluates the model anew and returns the loss; called with gradients enabled.

        Returns:
            What `closure` returned, or None.
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for place, member in enumerate(self.members):
            # Loading a state replaces both, and a step inside backward shows one tensor at a time.
            member.state = self.state
            member.param_groups = [group for group in self.param_groups if group[MEMBER] == place]
            if member.param_groups:
                member.step()
        return loss


def _is_tensorwise(optimizer: Optimizer) -> bool:
    try:
        refuse_coupled(optimizer)
    except InputError:
        return False
    return True
