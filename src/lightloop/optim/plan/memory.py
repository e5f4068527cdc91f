"""How much memory a training needs, by class, before any of it is allocated.

    weights + gradients + optimizer states + activations

Weights and states follow from shapes alone. Gradients are as large as what is trained, or, where each is
stepped and freed inside backward (layer-wise), as the largest of them. Activations depend on the model and
are put in by who knows it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import nn

from lightloop.errors import InputError, unknown_name
from lightloop.optim.groups import DEFAULT_EXCLUDE, param_groups, stable_names
from lightloop.optim.last_layer import last_matrix
from lightloop.optim.plan.states import (
    STATE_FORMATS,
    WEIGHT_FORMATS,
    PlannedTensor,
    StateRule,
    state_rule,
    state_rules,
    total,
)
from lightloop.optim.recipe import RESTS
from lightloop.optim.rules.matrix import is_stack

DEFAULT_RANK = 256
FORMAT_OF: dict[torch.dtype, str] = {torch.float32: "fp32", torch.bfloat16: "bf16"}


@dataclass(frozen=True)
class MemoryPlan:
    """Bytes of a training by class, each at its own largest.

    Attributes:
        optimizer: Its name.
        rank: Rank of the projected matrices; None where the optimizer has none.
        weights: Format of the projected matrices: "fp32", "bf16", or "int8" with scales in groups of 128.
        states: Format of the states of projected matrices.
        layerwise: Whether each gradient is stepped and freed inside backward.
        weights_bytes: Model, and adapters where there are any.
        gradients_bytes: All gradients, or the largest if layer-wise.
        optimizer_bytes: All states.
        activations_bytes: What backward needs of forward, and its temporaries.
        optimizer_low_rank_bytes: The states of the matrices that low-rank methods project.
    """

    optimizer: str
    rank: int | None
    weights: str
    states: str
    layerwise: bool
    weights_bytes: int
    gradients_bytes: int
    optimizer_bytes: int
    activations_bytes: int
    optimizer_low_rank_bytes: int

    @property
    def total_bytes(self) -> int:
        """Sum of the four classes: what is needed while gradients of an earlier batch are kept."""
        return self.weights_bytes + self.gradients_bytes + self.optimizer_bytes + self.activations_bytes

    def to_dict(self) -> dict[str, Any]:
        """All fields and the total, as JSON can hold them."""
        return asdict(self) | {"total_bytes": self.total_bytes}


def plan_memory(
    model: nn.Module,
    optimizer: str = "apollo",
    *,
    weights: str | None = None,
    states: str | None = None,
    rank: int | None = None,
    layerwise: bool = False,
    activations_bytes: int = 0,
    exclude: Iterable[str] = DEFAULT_EXCLUDE,
    rest: str | None = None,
) -> MemoryPlan:
    """What training a module takes; it may live on the meta device, and nothing is allocated.

    Args:
        model: Any module. Frozen parameters and buffers count as weights only.
        optimizer: A name of `states.toml`.
        weights: "fp32", "bf16" or "int8" (projected matrices only, the others bf16). What the optimizer
            prescribes, else what most of the parameters are now.
        states: "fp32", "bf16" or "int8"; as the weights if None, and bf16 for int8 weights. An `Apollo` over
            bf16 weights keeps float32 states unless told otherwise.
        rank: r of low-rank methods, 256 if None.
        layerwise: Step and free each gradient inside backward.
        activations_bytes: Known from elsewhere; they depend on the code of the model and its input.
        exclude: Shell-style patterns of matrices that are not projected, as in `param_groups`.
        rest: How embedding, head, norms and biases keep their states, "adamw", "adamw-8bit" or "factored", as in
            `param_groups`; what goes with the optimizer if None.

    Returns:
        Bytes by class.

    Raises:
        InputError: A name is unknown, formats contradict each other, or the rank is above every matrix.

    Example:
        >>> plan = plan_memory(nn.Linear(64, 128, bias=False, device="meta"), "apollo-mini")
        >>> plan.weights_bytes, plan.optimizer_bytes
        (32768, 1032)
    """
    rule = state_rule(optimizer)
    plan = plan_tensors(
        module_tensors(model, exclude=exclude),
        optimizer,
        weights=weights or rule.weights or _own_format(model),
        states=states,
        rank=rank,
        layerwise=layerwise,
        activations_bytes=activations_bytes,
        rest=rest,
    )
    buffers = sum(buffer.numel() * buffer.element_size() for buffer in model.buffers())
    return MemoryPlan(**{**asdict(plan), "weights_bytes": plan.weights_bytes + buffers})


def plan_tensors(
    tensors: Sequence[PlannedTensor],
    optimizer: str,
    *,
    weights: str | None = None,
    states: str | None = None,
    rank: int | None = None,
    layerwise: bool = False,
    activations_bytes: int = 0,
    rest: str | None = None,
) -> MemoryPlan:
    """What training tensors of these shapes takes. Arguments and errors as in `plan_memory`.

    The weights are bf16 if neither `weights` nor the optimizer says otherwise.
    """
    rule = state_rule(optimizer)
    weights, states = _formats(rule, weights, states)
    gradients = "bf16" if weights == "int8" else weights
    width = STATE_FORMATS[gradients](1)
    rank = _rank(rule, rank, tensors)
    _check_rest(rule, rest)
    kept = [
        tensor.count * rule.bytes_for(tensor, rank=rank, states=states, gradients=gradients, rest=rest)
        for tensor in tensors
    ]
    trained = [(tensor.count, _trained(tensor, rule, rank)) for tensor in tensors if tensor.trained]
    largest = max((size for _, sizes in trained for size in sizes), default=0)
    every = sum(count * sum(sizes) for count, sizes in trained)
    return MemoryPlan(
        optimizer=optimizer,
        rank=rank if rule.low_rank or rule.rank else None,
        weights=weights,
        states=rule.states or states,
        layerwise=layerwise,
        weights_bytes=sum(tensor.count * _weight_bytes(tensor, rule, weights, rank) for tensor in tensors),
        gradients_bytes=width * (largest if layerwise else every),
        optimizer_bytes=sum(kept),
        activations_bytes=activations_bytes,
        optimizer_low_rank_bytes=sum(size for tensor, size in zip(tensors, kept, strict=True) if tensor.projected),
    )


def module_tensors(model: nn.Module, *, exclude: Iterable[str] = DEFAULT_EXCLUDE) -> list[PlannedTensor]:
    """The parameters of a module, the projected ones as `param_groups` chooses them; tied ones once."""
    groups = param_groups(model, rank=1, exclude=exclude)
    projected = {id(tensor) for group in groups if group.get("rank") for tensor in group["params"] if tensor.ndim > 1}
    named, last = list(model.named_parameters()), last_matrix(model)
    return [
        PlannedTensor(
            name,
            tuple(tensor.shape),
            id(tensor) in projected,
            trained=tensor.requires_grad,
            stacked=is_stack(tensor.shape),
            last=tensor is last,
        )
        for name, (_, tensor) in zip(stable_names(name for name, _ in named), named, strict=True)
    ]


def _own_format(model: nn.Module) -> str:
    counts: Counter[torch.dtype] = Counter()
    for tensor in model.parameters():
        counts[tensor.dtype] += tensor.numel()
    most = counts.most_common(1)[0][0]
    if most not in FORMAT_OF:
        raise InputError(f"the parameters are {most}", allowed=WEIGHT_FORMATS, hint="say with weights= what to plan")
    return FORMAT_OF[most]


def _formats(rule: StateRule, weights: str | None, states: str | None) -> tuple[str, str]:
    """The formats of weights and states, as asked, prescribed by the method, or by default."""
    for kind, given, prescribed, known in (
        ("weights", weights, rule.weights, WEIGHT_FORMATS),
        ("states", states, rule.states, STATE_FORMATS),
    ):
        if given is not None and given not in known:
            raise unknown_name(f"format of {kind}", given, known)
        if given and prescribed and given != prescribed:
            raise InputError(f"{rule.name} has no {given} {kind}", allowed=[prescribed], hint=f"leave out {kind}")
    chosen = weights or rule.weights or "bf16"
    if chosen == "int8" and not rule.int8_weights:
        able = [name for name, entry in state_rules().items() if entry.int8_weights]
        raise InputError(f"{rule.name} cannot train int8 weights", allowed=able, hint="take one, or other weights")
    return chosen, states or rule.states or ("bf16" if chosen == "int8" else chosen)


def _check_rest(rule: StateRule, rest: str | None) -> None:
    if rest is not None and rest not in RESTS:
        raise unknown_name("rest", rest, RESTS)
    if rest is not None and rule.rest is None:
        raise InputError(
            f"{rule.name} treats all tensors alike, so there is no rest to keep as {rest!r}",
            allowed=[name for name, entry in state_rules().items() if entry.rest],
            hint="leave out rest",
        )


def _rank(rule: StateRule, rank: int | None, tensors: Sequence[PlannedTensor]) -> int:
    """The rank to reckon with; optimizers without one do not look at it."""
    if rank is None or not (rule.low_rank or rule.rank):
        return rule.rank or DEFAULT_RANK
    if rule.rank not in (None, rank):
        raise InputError(f"{rule.name} has no rank {rank}", allowed=[rule.rank], hint="leave out the rank")
    sides = [tensor.sides[0] for tensor in tensors if tensor.projected]
    if not 1 <= rank <= max(sides, default=rank):
        raise InputError(
            f"rank {rank} does not fit: the largest of the smaller sides of the matrices is {max(sides)}",
            allowed=[f"1 to {max(sides)}"],
            hint="a projection to more rows than a gradient has saves nothing",
        )
    return rank


def _trained(tensor: PlannedTensor, rule: StateRule, rank: int) -> list[int]:
    """Numbers in each tensor that has a gradient on behalf of this one."""
    if not (rule.adapters and tensor.projected):
        return [tensor.numel]
    values = tensor.terms(rank)
    return [factor * values[term] for term, factor in rule.adapters.items()]


def _weight_bytes(tensor: PlannedTensor, rule: StateRule, weights: str, rank: int) -> int:
    """Bytes of the tensor itself and of its adapters. Only projected matrices, no stacks or kernels, are ever int8."""
    plain = "bf16" if weights == "int8" else weights
    rows = tensor.matrices * tensor.rows
    quantisable = tensor.projected and len(tensor.shape) == 2
    own = WEIGHT_FORMATS[weights if quantisable else plain](rows, tensor.numel // max(rows, 1))
    adapters = total(rule.adapters, tensor.terms(rank)) if tensor.projected else 0
    return own + WEIGHT_FORMATS[plain](1, adapters)
