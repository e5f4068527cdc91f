"""What optimizers of low-rank state share: matrices are stepped by a rule, every other tensor by AdamW.

A rule (`lightloop.optim.rules.methods`) is the state of a matrix and the step on it. This class finds the
matrices, names them, and saves and loads what they keep.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.optim import Optimizer

from lightloop.errors import InputError
from lightloop.optim.adamw import rest as adamw
from lightloop.optim.checkpoint.checks import refuse_foreign, refuse_misfit
from lightloop.optim.checkpoint.loading import in_current_order, restore_exactly
from lightloop.optim.closure import evaluated
from lightloop.optim.groups import as_entries, as_groups, names_of, refuse_empty, refuse_idle_rank
from lightloop.optim.options import check_group, dtype_name
from lightloop.optim.precision.state_formats import packed, step_in_float32
from lightloop.optim.quantized.update import check_quantized
from lightloop.optim.recipe import Recipe
from lightloop.optim.rules.matrix import is_matrix, is_sharded, matrices, matrix_shape, stack_state
from lightloop.optim.rules.methods import Method, choose_method


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
        groups = as_groups(params, rank)
        refuse_idle_rank(groups, rank)
        super().__init__(groups, {**options, "rank": None, "state_dtype": dtype_name(options["state_dtype"])})
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
        check_quantized(group, self.rule)
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
                    refuse_gradient(name, weight, self.state.get(weight, {}))
        ordinal = 1
        for index, group in enumerate(self.param_groups):
            self._step_group(group, index, ordinal)
            ordinal += len(group["params"])
        return loss

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Load what `state_dict` gave; named tensors are found by name, in whatever order they now are.

        Raises:
            InputError: The state is of another optimizer or of other tensors. Nothing has been loaded then.
        """
        loaded: dict[str, Any] = {}

        def reorder(_: Optimizer, saved: dict[str, Any]) -> dict[str, Any]:
            refuse_foreign(saved)
            loaded.update(in_current_order(saved, self.param_groups))
            refuse_misfit(loaded, self.param_groups, known=len(saved["state"]), outline=self._outline)
            return loaded

        hook = self.register_load_state_dict_pre_hook(reorder)
        try:
            super().load_state_dict(state_dict)
        finally:
            hook.remove()
        restore_exactly(self.state, loaded, self.param_groups, self._outline)

    def _outline(self, weight: Tensor, group: dict[str, Any]) -> dict[str, Tensor]:
        """The fresh state of a projected tensor, as far as it takes no memory: on the meta device."""
        recipe = Recipe.of(group)
        alike = torch.empty(0, dtype=weight.dtype, device="meta")
        fresh = choose_method(self.rule, recipe).init_state(*matrix_shape(weight.shape), alike, recipe, 1)
        return stack_state(fresh, weight.shape)

    def _step_group(self, group: dict[str, Any], index: int, first_ordinal: int) -> None:
        recipe = Recipe.of(group)
        names = names_of(group, index)
        rests: dict[Method, list[tuple[Tensor, dict[str, Any], str]]] = {}
        for ordinal, (name, weight) in enumerate(zip(names, group["params"], strict=True), first_ordinal):
            if weight.grad is None:
                continue
            state = self.state[weight]
            method = choose_method(self.rule, recipe, None if is_sharded(weight) else weight)
            if recipe.rank is None or not is_matrix(weight):
                if not state:
                    state.update(adamw.init_state(weight, recipe))
                rests.setdefault(method, []).append((weight, state, name))
                continue
            if is_sharded(weight):
                from lightloop.optim.sharded import step as sharded_step

                sharded_step.matrix_step(self.rule, name, weight, state, recipe, ordinal)
                continue
            if not state:
                fresh = method.init_state(*matrix_shape(weight.shape), weight, recipe, ordinal)
                state.update(stack_state(packed(fresh, weight, recipe), weight.shape))
            if method.counts_on_device:  # a state that was loaded has its count on the host
                state["step"] = state["step"].to(weight.device)
            for matrix in matrices(name, weight, weight.grad, state):
                step_in_float32(method.matrix_step, matrix, recipe)
        for method, rest in rests.items():
            weights, states, called = zip(*rest, strict=True)
            if any(map(is_sharded, weights)):
                from lightloop.optim.sharded import step as sharded_step

                sharded_step.rest_step(method, weights, states, recipe, called)
            else:
                method.rest_step(weights, states, recipe, called)


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
