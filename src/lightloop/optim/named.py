"""What all optimizers here share: tensors have names, by which their states are found again."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, count
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor
from torch.optim import Optimizer

from lightloop.errors import InputError
from lightloop.optim.checkpoint.checks import refuse_stateless
from lightloop.optim.checkpoint.loading import in_current_order, restore_exactly
from lightloop.optim.closure import evaluated
from lightloop.optim.groups import as_entries, names_of, refuse_empty


class Trained(NamedTuple):
    """A tensor with a gradient, what it keeps, and its place among all tensors of the optimizer, from 1."""

    name: str
    weight: Tensor
    state: dict[str, Any]
    ordinal: int


class NamedOptimizer(Optimizer, ABC):
    """A `torch.optim.Optimizer` whose subclasses say how a group is stepped and what its tensors keep.

    Args:
        groups: Parameter groups.
        options: Values of the options, by name, for groups that leave them open.

    Attributes:
        steps_tensor_by_tensor: Whether a step over all tensors is one over each of them, as it is here.
    """

    steps_tensor_by_tensor: ClassVar[bool] = True

    def __init__(self, groups: Iterable[dict[str, Any]], options: dict[str, Any]) -> None:
        super().__init__(groups, options)
        refuse_empty(self.param_groups)

    @abstractmethod
    def check_group(self, group: dict[str, Any]) -> None:
        """Raise `InputError` for a group that cannot be trained; its open options have their values."""

    @abstractmethod
    def step_group(self, trained: list[Trained], group: dict[str, Any]) -> None:
        """One step on tensors of a group, none of them refused."""

    @abstractmethod
    def outline(self, weight: Tensor, group: dict[str, Any]) -> dict[str, Tensor]:
        """The fresh state of a tensor, as far as it takes no memory: on the meta device."""

    @abstractmethod
    def refuse_state(self, saved: dict[str, Any], ordered: dict[str, Any]) -> None:
        """Raise `InputError` if a saved state does not fit; `ordered` has its tensors in the order of the optimizer."""

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a group of tensors.

        Raises:
            InputError: An option of the group is not allowed, or a tensor cannot be trained so.
        """
        group = {**self.defaults, **param_group, "params": as_entries(param_group.get("params"))}
        self.check_group(group)
        super().add_param_group(group)

    @torch.no_grad()
    @torch._disable_dynamo  # as torch's own steps that read values: written by hand, with nothing left to fuse
    def step(self, closure: Callable[[], Any] | None = None) -> Any:  # type: ignore[override]
        """Take one step.

        Args:
            closure: Evaluates the model anew and returns the loss; called with gradients enabled.

        Returns:
            What `closure` returned, or None.

        Raises:
            InputError: A gradient cannot be used. No tensor has been stepped then.
        """
        loss = evaluated(closure)
        found = list(self._with_gradients())
        for name, weight, _ in chain.from_iterable(found):
            refuse_gradient(name, weight, self.state.get(weight, {}))
        for those, group in zip(found, self.param_groups, strict=True):
            self.step_group([Trained(name, weight, self.state[weight], place) for name, weight, place in those], group)
        return loss

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Load what `state_dict` gave; named tensors are found by name, in whatever order they now are.

        Raises:
            InputError: The state is of another optimizer or of other tensors. Nothing has been loaded then.
        """
        loaded: dict[str, Any] = {}

        def reorder(_: Optimizer, saved: dict[str, Any]) -> dict[str, Any]:
            refuse_stateless(saved)
            loaded.update(in_current_order(saved, self.param_groups))
            self.refuse_state(saved, loaded)
            return loaded

        hook = self.register_load_state_dict_pre_hook(reorder)
        try:
            super().load_state_dict(state_dict)
        finally:
            hook.remove()
        restore_exactly(self.state, loaded, self.param_groups, self.outline)

    def _with_gradients(self) -> Iterator[list[tuple[str, Tensor, int]]]:
        """Name, weight and ordinal of the tensors with a gradient, group by group."""
        ordinals = count(1)
        for index, group in enumerate(self.param_groups):
            named = zip(names_of(group, index), group["params"], strict=True)
            numbered = [(name, weight, next(ordinals)) for name, weight in named]
            yield [(name, weight, place) for name, weight, place in numbered if weight.grad is not None]


def refuse_gradient(name: str, weight: Tensor, state: dict[str, Any]) -> None:
    """Raise `InputError` for a sparse gradient, or if gradient or state lie on another device than the weight."""
    assert weight.grad is not None
    if weight.is_meta:
        raise InputError(f"{name} is on the meta device and has no values", hint="load the weights before training")
    if weight.grad.layout != torch.strided:
        raise InputError(f"the gradient of {name} is sparse", hint="build the embedding with sparse=False")
    hints = {"gradient": "move the model before backward", "state": "load the optimizer's state_dict() into it"}
    for kind, tensor in (("gradient", weight.grad), ("state", state.get("exp_avg"))):
        if tensor is not None and tensor.device != weight.device:
            raise InputError(
                f"the {kind} of {name} is on {tensor.device}, the weight on {weight.device}",
                allowed=[f"a {kind} on {weight.device}"],
                hint=hints[kind],
            )
