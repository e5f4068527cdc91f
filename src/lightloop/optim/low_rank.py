"""What optimizers of low-rank state share: matrices are stepped by a rule, every other tensor by AdamW.

A rule (`lightloop.optim.methods`) is the state of a matrix and the step on it. This class finds the matrices, names
them, and saves and loads what they keep.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.optim import Optimizer

from lightloop.errors import InputError
from lightloop.optim import adamw
from lightloop.optim.checkpoint import in_current_order, restore_exactly
from lightloop.optim.groups import as_entries, as_groups, refuse_empty
from lightloop.optim.matrix import is_matrix, matrices, matrix_shape, stack_state
from lightloop.optim.methods import choose_method
from lightloop.optim.options import check_group, dtype_name
from lightloop.optim.recipe import Recipe


class LowRank(Optimizer):
    """A `torch.optim.Optimizer` whose groups with a `"rank"` are stepped by a rule, and the others by AdamW.

    Args:
        params: Tensors, `(name, tensor)` pairs, or groups.
        rank: Of tensors that are not in groups.
        options: Values of every option of `lightloop.optim.options`, by name, for groups that leave them open.

    Attributes:
        rule: Name of the rule, set by each subclass.
    """

    rule: ClassVar[str]
    steps_tensor_by_tensor: ClassVar[bool] = True

    def __init__(self, params: Iterable[Any], rank: int | None, options: dict[str, Any]) -> None:
        super().__init__(
            as_groups(params, rank), {**options, "rank": None, "state_dtype": dtype_name(options["state_dtype"])}
        )
        refuse_empty(self.param_groups)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a group of tensors; it is AdamW unless it has a `"rank"`.

        Raises:
            InputError: An option of the group is not allowed, or a tensor cannot be projected.
        """
        group = {**self.defaults, **param_group}
        group["state_dtype"] = dtype_name(group["state_dtype"])
        group["params"] = as_entries(group.get("params"))
        check_group(group)
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
        ordinal = 1
        for index, group in enumerate(self.param_groups):
            self._step_group(group, index, ordinal)
            ordinal += len(group["params"])
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
        restore_exactly(self.state, loaded, self.param_groups)

    def _step_group(self, group: dict[str, Any], index: int, first_ordinal: int) -> None:
        recipe = Recipe.of(group)
        method = choose_method(self.rule, recipe)
        names = group.get("param_names") or [f"{index}.{place}" for place in range(len(group["params"]))]
        rest: list[tuple[Tensor, dict[str, Any], str]] = []
        for ordinal, (name, weight) in enumerate(zip(names, group["params"], strict=True), first_ordinal):
            if weight.grad is None:
                continue
            _refuse_sparse(name, weight.grad)
            state = self.state[weight]
            if recipe.rank is None or not is_matrix(weight):
                if not state:
                    state.update(adamw.init_state(weight, recipe))
                rest.append((weight, state, name))
                continue
            if not state:
                fresh = method.init_state(*matrix_shape(weight.shape), weight, recipe, ordinal)
                state.update(stack_state(fresh, weight.shape))
            for matrix in matrices(name, weight, weight.grad, state):
                method.matrix_step(matrix, recipe)
        weights, states, called = zip(*rest, strict=True) if rest else ((), (), ())
        method.rest_step(weights, states, recipe, called)


def _refuse_sparse(name: str, grad: Tensor) -> None:
    if grad.is_sparse:
        raise InputError(f"the gradient of {name} is sparse", hint="build the embedding with sparse=False")
