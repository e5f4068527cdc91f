"""The state of a DTensor, as DTensors: spread as the weight is where it can be, whole in every process where not.

    weight spread along    moments of its sketch    count of steps, limiter's norm
    channels               along the channels       whole
    small side             whole                    whole
    stack of matrices      along the stack          along the stack

Shapes of whole and parts are those of the undivided run, so `torch.distributed.checkpoint` can save with one number of
processes and load with another.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor

from lightloop.optim.adamw.kernel import step_device
from lightloop.optim.precision.state_formats import packed
from lightloop.optim.recipe import Recipe
from lightloop.optim.rules.matrix import is_sharded, is_stack, matrix_shape, stack_state
from lightloop.optim.rules.methods import Method
from lightloop.optim.sharded.matrices import layout


def fresh_state(method: Method, name: str, weight: Tensor, recipe: Recipe, ordinal: int) -> dict[str, Tensor]:
    """The state that `method` begins with, of which each process makes its part only; all of it is zero."""
    layout(weight, name)
    outline = torch.empty(0, dtype=weight.dtype, device="meta")
    fresh = packed(method.init_state(*matrix_shape(weight.shape), outline, recipe, ordinal), outline, recipe)
    whole = stack_state(fresh, weight.shape)
    return {key: _zeros(value, weight) for key, value in whole.items()}


def restored_state(entry: dict[str, Any], weight: Tensor, projected: bool) -> dict[str, Any]:
    """A saved state, of DTensors or of whole tensors, with every part where and in the dtype it belongs."""
    return {
        key: _restored(key, value, weight, projected) if isinstance(value, Tensor) else value
        for key, value in entry.items()
    }


def _zeros(value: Tensor, weight: Tensor) -> Tensor:
    axes = _axes(value.ndim, weight)
    local = cast(Any, weight).to_local()
    if axes is None:
        return torch.zeros_like(value, device=value.device if value.is_cpu else local.device)
    sides = list(value.shape)
    for axis, state_axis in axes.items():
        sides[state_axis] = local.shape[axis]
    zeros = torch.zeros(sides, dtype=value.dtype, device=local.device)
    return _assembled(_laid_out(zeros, weight), value, weight, axes)


def _restored(key: str, value: Tensor, weight: Tensor, projected: bool) -> Tensor:
    axes = _axes(value.ndim, weight) if projected else _own_axes(value, weight)
    if axes is None:
        on_host = projected and key in {"step", "seed"}
        device = step_device(weight) if key == "step" else weight.device
        return _whole(value).detach().to(torch.device("cpu") if on_host else device, copy=True)
    local = _part(value.detach(), weight, axes)
    local = local.to(weight.device, copy=True)
    return _assembled(_laid_out(local, weight) if projected else local.contiguous(), value, weight, axes)


def _axes(ndim: int, weight: Tensor) -> dict[int, int] | None:
    """Which axes of a weight's state are spread as which of the weight; None for what is kept whole, and no DTensor."""
    stacked = is_stack(weight.shape)
    rows, columns = matrix_shape(weight.shape)
    channels = stacked + (0 if rows >= columns else 1)
    places = {0: 0} if stacked else {}
    spread = {p.dim % weight.ndim for p in cast(Any, weight).placements if p.is_shard()}
    if ndim - stacked == 2:
        places[channels] = ndim - 1
        return {axis: place for axis, place in places.items() if axis in spread}
    return {0: 0} if stacked and 0 in spread else None


def _own_axes(value: Tensor, weight: Tensor) -> dict[int, int] | None:
    """The same for AdamW, whose moments have the shape of the weight."""
    return {axis: axis for axis in range(weight.ndim)} if value.shape == weight.shape and weight.ndim else None


def _placements(weight: Tensor, axes: dict[int, int]) -> list[Any]:
    from torch.distributed.tensor import Replicate, Shard

    own = cast(Any, weight).placements
    spread = [axes.get(p.dim % weight.ndim) if p.is_shard() else None for p in own]
    return [Replicate() if axis is None else Shard(axis) for axis in spread]


def _part(value: Tensor, weight: Tensor, axes: dict[int, int]) -> Tensor:
    """This process's part of a DTensor, or of a tensor that every process has as a whole."""
    if is_sharded(value):
        mesh = cast(Any, weight).device_mesh
        return cast(Any, value).redistribute(mesh, _placements(weight, axes)).to_local()
    offsets, _ = layout(weight, "a tensor")
    local = cast(Any, weight).to_local()
    for axis, state_axis in axes.items():
        value = value.narrow(state_axis, offsets[axis], local.shape[axis])
    return value


def _whole(value: Tensor) -> Tensor:
    return cast(Any, value).full_tensor() if is_sharded(value) else value


def _laid_out(local: Tensor, weight: Tensor) -> Tensor:
    """The memory layout of an undivided state: channels first if the matrix is tall."""
    rows, columns = matrix_shape(weight.shape)
    moments = local.ndim - is_stack(weight.shape) == 2
    return local.mT.contiguous().mT if moments and rows >= columns else local.contiguous()


def _assembled(local: Tensor, whole: Tensor, weight: Tensor, axes: dict[int, int]) -> Tensor:
    """The DTensor of all the processes' `local`, of the shape of `whole`."""
    from torch.distributed.tensor import DTensor

    shape = whole.shape
    transposed = local.ndim >= 2 and not local.is_contiguous()
    outline = torch.empty((*shape[:-2], shape[-1], shape[-2]) if transposed else shape, device="meta")
    stride = (outline.mT if transposed else outline).stride()
    mesh = cast(Any, weight).device_mesh
    return DTensor.from_local(local, mesh, _placements(weight, axes), run_check=False, shape=shape, stride=stride)
