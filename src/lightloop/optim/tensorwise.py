"""What optimizers share that treat every tensor by itself and by one rule: the walk over tensors, saving and loading.

A tensor whose gradient is not finite is left alone, weight and state.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from lightloop.errors import InputError
from lightloop.optim.checkpoint import in_current_order, restore_exactly
from lightloop.optim.groups import as_entries, as_groups, refuse_empty, stable_names
from lightloop.optim.low_rank import refuse_gradient
from lightloop.optim.matrix import is_sharded
from lightloop.optim.options import check_options


class TensorWise(Optimizer):
    """A `torch.optim.Optimizer` whose subclasses say what one tensor keeps and how it is stepped.

    Args:
        params: Tensors, `(name, tensor)` pairs, or groups.
        options: Values of the options, by name, for groups that leave them open.
    """

    steps_tensor_by_tensor: ClassVar[bool] = True

    def __init__(self, params: Iterable[Any], options: dict[str, Any]) -> None:
        super().__init__(as_groups(params, None), options)
        refuse_empty(self.param_groups)

    def fresh_state(self, weight: Tensor, group: dict[str, Any]) -> dict[str, Tensor]:
        """The state of a tensor before its first step."""
        raise NotImplementedError

    def step_tensor(self, weight: Tensor, grad: Tensor, state: dict[str, Tensor], group: dict[str, Any]) -> None:
        """One step on a tensor whose gradient is finite."""
        raise NotImplementedError

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
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for index, group in enumerate(self.param_groups):
            names = group.get("param_names") or [f"{index}.{place}" for place in range(len(group["params"]))]
            for name, weight in zip(names, group["params"], strict=True):
                if weight.grad is not None:
                    self._step_one(name, weight, group)
        return loss

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Load what `state_dict` gave; named tensors are found by name, in whatever order they now are."""
        loaded: dict[str, Any] = {}

        def reorder(_: Optimizer, saved: dict[str, Any]) -> dict[str, Any]:
            loaded.update(in_current_order(saved, self.param_groups))
            return loaded

        hook = self.register_load_state_dict_pre_hook(reorder)
        try:
            super().load_state_dict(state_dict)
        finally:
            hook.remove()
        restore_exactly(self.state, loaded, self.param_groups, lambda weight, group: {})

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


def trainable(model: nn.Module) -> list[tuple[str, Tensor]]:
    """The trainable parameters of a model, by names that wrappers do not change."""
    names = stable_names(name for name, _ in model.named_parameters())
    return [(name, tensor) for name, tensor in zip(names, model.parameters(), strict=True) if tensor.requires_grad]


def grouped(named: Iterable[tuple[str, Tensor]], **options: Any) -> dict[str, Any]:
    """A parameter group of named tensors."""
    pairs = list(named)
    return {"params": [tensor for _, tensor in pairs], "param_names": [name for name, _ in pairs], **options}
