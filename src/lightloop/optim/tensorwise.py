"""What optimizers share that treat every tensor by itself and by one rule: the walk over tensors, saving and loading.

A tensor whose gradient is not finite is left alone, weight and state.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.optim import Optimizer

from lightloop.errors import InputError
from lightloop.optim.checkpoint.loading import in_current_order, restore_exactly
from lightloop.optim.closure import evaluated
from lightloop.optim.groups import as_entries, as_groups, names_of, refuse_empty
from lightloop.optim.low_rank import refuse_gradient
from lightloop.optim.options import check_options
from lightloop.optim.rules.matrix import is_sharded


class TensorWise(Optimizer, ABC):
    """A `torch.optim.Optimizer` whose subclasses say what one tensor keeps and how it is stepped.

    Args:
        params: Tensors, `(name, tensor)` pairs, or groups.
        options: Values of the options, by name, for groups that leave them open.
    """

    steps_tensor_by_tensor: ClassVar[bool] = True

    def __init__(self, params: Iterable[Any], options: dict[str, Any]) -> None:
        super().__init__(as_groups(params, None), options)
        refuse_empty(self.param_groups)

    @abstractmethod
    def fresh_state(self, weight: Tensor, group: dict[str, Any]) -> dict[str, Tensor]:
        """The state of a tensor before its first step."""

    @abstractmethod
    def step_tensor(self, weight: Tensor, grad: Tensor, state: dict[str, Tensor], group: dict[str, Any]) -> None:
        """One step on a tensor whose gradient is finite."""

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a group of tensors.

        Raises:
            InputError: An option of the group has a value that is not allowed.
        """
        group = {**self.defaults, "rank": None, **param_group}
        group["params"] = as_entries(group.get("params"))
        if group["rank"] is not None:
            raise InputError(f"{type(self).__name__} has no rank", hint="leave out rank")
        check_options(group)
        super().add_param_group(group)

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:  # type: ignore[override]
        """Take one step.

        Args:
            closure: Evaluates the model anew and returns the loss; called with gradients enabled.

        Returns:
            What `closure` returned, or None.
        """
        loss = evaluated(closure)
        for index, group in enumerate(self.param_groups):
            for name, weight in zip(names_of(group, index), group["params"], strict=True):
                if weight.grad is not None:
                    self._step_one(name, weight, group)
        return loss

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Load what `state_dict` gave; named tensors are found by name, in whatever order they now are.

        Raises:
            InputError: The state is of another optimizer or of other tensors. Nothing has been loaded then.
        """
        loaded: dict[str, Any] = {}

        def reorder(_: Optimizer, saved: dict[str, Any]) -> dict[str, Any]:
            loaded.update(in_current_order(saved, self.param_groups))
            self._refuse_misfit(loaded)
            return loaded

        hook = self.register_load_state_dict_pre_hook(reorder)
        try:
            super().load_state_dict(state_dict)
        finally:
            hook.remove()
        restore_exactly(self.state, loaded, self.param_groups, lambda weight, group: {})

    def _refuse_misfit(self, saved: dict[str, Any]) -> None:
        for index, (held, group) in enumerate(zip(saved["param_groups"], self.param_groups, strict=False)):
            for key, name, weight in zip(held["params"], names_of(group, index), group["params"], strict=False):
                found = {kind: tuple(value.shape) for kind, value in saved["state"].get(key, {}).items()}
                fresh = self.fresh_state(torch.empty_like(weight, device="meta"), group)
                wanted = {kind: tuple(value.shape) for kind, value in fresh.items()}
                if found and found != wanted:
                    raise InputError(
                        f"the saved state of {name} has {found}, {type(self).__name__} keeps {wanted}",
                        hint="load a run of the same optimizer and the same shapes",
                    )

    def _step_one(self, name: str, weight: Tensor, group: dict[str, Any]) -> None:
        state = self.state[weight]
        refuse_gradient(name, weight, state)
        if is_sharded(weight):
            raise InputError(f"{name} is sharded over processes", hint="use Apollo, or replicate the weights")
        assert weight.grad is not None
        if not math.isfinite(weight.grad.sum(dtype=torch.float64)):
            return
        if not state:
            state.update(self.fresh_state(weight, group))
        self.step_tensor(weight, weight.grad, state, group)
