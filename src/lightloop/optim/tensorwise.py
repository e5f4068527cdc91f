"""What optimizers share that treat every tensor by itself and by one rule.

A tensor whose gradient is not finite is left alone, weight and state.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from lightloop.errors import InputError
from lightloop.optim.checkpoint.checks import refuse_unlike
from lightloop.optim.groups import as_groups
from lightloop.optim.named import NamedOptimizer, Trained
from lightloop.optim.options import check_options
from lightloop.optim.rules.matrix import is_sharded


class TensorWise(NamedOptimizer):
    """A `torch.optim.Optimizer` whose subclasses say what one tensor keeps and how it is stepped.

    Args:
        params: Tensors, `(name, tensor)` pairs, or groups.
        options: Values of the options, by name, for groups that leave them open.
    """

    def __init__(self, params: Iterable[Any], options: dict[str, Any]) -> None:
        super().__init__(as_groups(params, None), {**options, "rank": None})

    @abstractmethod
    def fresh_state(self, weight: Tensor, group: dict[str, Any]) -> dict[str, Tensor]:
        """The state of a tensor before its first step."""

    @abstractmethod
    def step_tensor(self, weight: Tensor, grad: Tensor, state: dict[str, Tensor], group: dict[str, Any]) -> None:
        """One step on a tensor whose gradient is finite."""

    def check_group(self, group: dict[str, Any]) -> None:
        """Raise `InputError` for an option that has a value that is not allowed."""
        if group["rank"] is not None:
            raise InputError(f"{type(self).__name__} has no rank", hint="leave out rank")
        check_options(group)

    def outline(self, weight: Tensor, group: dict[str, Any]) -> dict[str, Tensor]:
        """The state of a tensor before its first step, on the meta device."""
        return self.fresh_state(torch.empty_like(weight, device="meta"), group)

    def refuse_state(self, saved: dict[str, Any], ordered: dict[str, Any]) -> None:
        """Raise `InputError` if a tensor's saved state is not what this optimizer keeps for it."""
        refuse_unlike(ordered, self.param_groups, type(self).__name__, self.outline)

    def step_group(self, trained: list[Trained], group: dict[str, Any]) -> None:
        """One step on each tensor whose gradient is finite."""
        for name, weight, state, _ in trained:
            if is_sharded(weight):
                raise InputError(f"{name} is sharded over processes", hint="use Apollo, or replicate the weights")
            assert weight.grad is not None
            if not math.isfinite(weight.grad.sum(dtype=torch.float64)):
                continue
            if not state:
                state.update(self.fresh_state(weight, group))
            self.step_tensor(weight, weight.grad, state, group)
