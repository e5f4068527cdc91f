"""What optimizers of low-rank state share: matrices are stepped by a rule, every other tensor by AdamW.

A rule (`lightloop.optim.rules.methods`) is the state of a matrix and the step on it. This class finds the
matrices, and whom each tensor is stepped by.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

import torch
from torch import Tensor

from lightloop.optim.adamw import rest as adamw
from lightloop.optim.checkpoint.checks import refuse_foreign, refuse_misfit
from lightloop.optim.groups import as_groups, refuse_idle_rank
from lightloop.optim.named import NamedOptimizer, Trained
from lightloop.optim.options import check_group, dtype_name
from lightloop.optim.precision.state_formats import packed, step_in_float32
from lightloop.optim.quantized.update import check_quantized
from lightloop.optim.recipe import Recipe
from lightloop.optim.rules.matrix import is_matrix, is_sharded, matrices, matrix_shape, stack_state
from lightloop.optim.rules.methods import Method, choose_method


class LowRank(NamedOptimizer):
    """A `torch.optim.Optimizer` whose groups with a `"rank"` are stepped by a rule, and the others by AdamW.

    Args:
        params: Tensors, `(name, tensor)` pairs, or groups.
        rank: Of tensors that are not in groups.
        options: Values of every option of `lightloop.optim.options`, by name, for groups that leave them open.

    Attributes:
        rule: Name of the rule, set by each subclass.
    """

    rule: ClassVar[str]

    def __init__(self, params: Iterable[Any], rank: int | None, options: dict[str, Any]) -> None:
        groups = as_groups(params, rank)
        refuse_idle_rank(groups, rank)
        super().__init__(groups, {**options, "rank": None})

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a group of tensors; it is AdamW unless it has a `"rank"`.

        Raises:
            InputError: An option of the group is not allowed, or a tensor cannot be projected.
        """
        state_dtype = param_group.get("state_dtype", self.defaults["state_dtype"])
        super().add_param_group({**param_group, "state_dtype": dtype_name(state_dtype)})

    def check_group(self, group: dict[str, Any]) -> None:
        """Raise `InputError` for an option that is not allowed, or a tensor that cannot be projected."""
        check_group(group)
        check_quantized(group, self.rule)

    def outline(self, weight: Tensor, group: dict[str, Any]) -> dict[str, Tensor]:
        """The fresh state of a projected tensor, as far as it takes no memory: on the meta device."""
        recipe = Recipe.of(group)
        alike = torch.empty(0, dtype=weight.dtype, device="meta")
        fresh = choose_method(self.rule, recipe).init_state(*matrix_shape(weight.shape), alike, recipe, 1)
        return stack_state(fresh, weight.shape)

    def refuse_state(self, saved: dict[str, Any], ordered: dict[str, Any]) -> None:
        """Raise `InputError` if a saved state is of another optimizer, or of other tensors."""
        refuse_foreign(saved)
        refuse_misfit(ordered, self.param_groups, known=len(saved["state"]), outline=self.outline)

    def step_group(self, trained: list[Trained], group: dict[str, Any]) -> None:
        """One step: on each matrix by itself, and on the other tensors together."""
        recipe = Recipe.of(group)
        rests: dict[Method, list[Trained]] = {}
        for one in trained:
            method = choose_method(self.rule, recipe, None if is_sharded(one.weight) else one.weight)
            if recipe.rank is not None and is_matrix(one.weight):
                self._step_matrix(method, one, recipe)
                continue
            if not one.state:
                one.state.update(adamw.init_state(one.weight, recipe))
            rests.setdefault(method, []).append(one)
        for method, rest in rests.items():
            _step_rest(method, rest, recipe)

    def _step_matrix(self, method: Method, trained: Trained, recipe: Recipe) -> None:
        name, weight, state, ordinal = trained
        assert weight.grad is not None
        if is_sharded(weight):
            from lightloop.optim.sharded import step as sharded_step

            sharded_step.matrix_step(self.rule, name, weight, state, recipe, ordinal)
            return
        if not state:
            fresh = method.init_state(*matrix_shape(weight.shape), weight, recipe, ordinal)
            state.update(stack_state(packed(fresh, weight, recipe), weight.shape))
        if method.counts_on_device:  # a state that was loaded has its count on the host
            state["step"] = state["step"].to(weight.device)
        for matrix in matrices(name, weight, weight.grad, state):
            step_in_float32(method.matrix_step, matrix, recipe)


def _step_rest(method: Method, rest: list[Trained], recipe: Recipe) -> None:
    names, weights, states, _ = zip(*rest, strict=True)
    if any(map(is_sharded, weights)):
        from lightloop.optim.sharded import step as sharded_step

        sharded_step.rest_step(method, weights, states, recipe, names)
    else:
        method.rest_step(weights, states, recipe, names)
