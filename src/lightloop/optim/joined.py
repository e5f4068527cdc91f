"""Several optimizers behind one: each steps its own groups, and schedules, saving and loading see a single one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from lightloop.errors import InputError
from lightloop.optim.backward.tensors import refuse_coupled
from lightloop.optim.closure import evaluated
from lightloop.optim.groups import names_of

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
        for index, group in enumerate(groups):  # the same names, and so random streams, whoever takes the step
            group["param_names"] = names_of(group, index)
        super().__init__(groups, {})
        self.members = members
        self.steps_tensor_by_tensor = all(map(_is_tensorwise, members))

    def __getstate__(self) -> dict[str, Any]:
        own = {"members": self.members, "steps_tensor_by_tensor": self.steps_tensor_by_tensor}
        return {**super().__getstate__(), **own}

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Refused once the members are joined: it could be of any of them."""
        if MEMBER not in param_group:
            raise InputError("a group of a joined optimizer is of one of its members", hint="add it before joining")
        super().add_param_group(param_group)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Load what `state_dict` gave, every tensor in the dtype in which it was saved."""
        super().load_state_dict(state_dict)
        for held, group in zip(state_dict["param_groups"], self.param_groups, strict=True):
            for key, weight in zip(held["params"], group["params"], strict=True):
                for name, value in state_dict["state"].get(key, {}).items():
                    if isinstance(value, Tensor):  # torch knows where it belongs, and casts it to the weight's dtype
                        device = self.state[weight][name].device
                        self.state[weight][name] = value.detach().to(device, copy=True)

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:  # type: ignore[override]
        """Take one step of every member.

        Args:
            closure: Evaluates the model anew and returns the loss; called with gradients enabled.

        Returns:
            What `closure` returned, or None.
        """
        loss = evaluated(closure)
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
