"""Tensors of which each process holds a part (DTensors of FSDP2 and tensor parallelism), seen as parts of matrices.

A sketch is linear in the gradient: where the rows of the small side m are spread, R = Σ_p P[:, rows_p] G[rows_p],
one sum over the processes of r n numbers, with the very P of the undivided matrix. Where the channels are spread each
process keeps the moments of its own, and only norms are summed.

Placements, by axis of the tensor:

    matrix            Shard(0), Shard(1), Replicate, one for each axis of the device mesh
    stack of matrices also the axis of the stack: then nothing is summed at all
    kernel            Shard(0), Replicate
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, cast

from torch import Tensor

from lightloop.errors import InputError
from lightloop.optim.rules.matrix import Matrix, is_sharded, is_stack, matrix_shape, views
from lightloop.optim.sharded.parts import Groups, Part

if TYPE_CHECKING:
    from torch.distributed.tensor import DTensor


def sharded_matrices(name: str, weight: Tensor, grad: Tensor, state: dict[str, Tensor]) -> Iterator[Matrix]:
    """What `lightloop.optim.rules.matrix.matrices` gives, of this process's part of a DTensor."""
    offsets, groups = layout(weight, name)
    stacked = is_stack(weight.shape)
    rows, columns = (1, 2) if stacked else (0, 1)
    part = Part(matrix_shape(weight.shape), (offsets[rows], offsets[columns]), (groups[rows], groups[columns]))
    local = {key: local_part(value) for key, value in state.items()}
    first = offsets[0] if stacked else None
    yield from views(name, local_part(weight), local_part(placed_like(weight, grad)), local, first, part)


def local_part(tensor: Tensor) -> Tensor:
    """This process's part of a DTensor, in the same memory; other tensors as they are."""
    return cast("DTensor", tensor).to_local().detach() if is_sharded(tensor) else tensor


def placed_like(weight: Tensor, grad: Tensor) -> Tensor:
    """The gradient, spread over the processes as its weight is."""
    theirs, ours = cast("DTensor", weight), cast("DTensor", grad)
    return ours if ours.placements == theirs.placements else ours.redistribute(placements=theirs.placements)


def layout(weight: Tensor, name: str) -> tuple[list[int], list[Groups]]:
    """Where this process's part begins along each axis of a DTensor, and the groups that each is spread over.

    Parts are those of `torch.chunk`: equal but for the last ones, which may be shorter or empty.

    Raises:
        InputError: The tensor is spread in a way that has no exact step.
    """
    tensor = cast("DTensor", weight)
    mesh, shape = tensor.device_mesh, tensor.shape
    offsets, lengths = [0] * len(shape), list(shape)
    groups: list[Groups] = [()] * len(shape)
    for mesh_axis, placement in enumerate(tensor.placements):
        if placement.is_replicate():
            continue
        axis = _axis(placement, tensor, name)
        size = -(-lengths[axis] // mesh.size(mesh_axis))
        start = min(size * mesh.get_local_rank(mesh_axis), lengths[axis])
        offsets[axis] += start
        lengths[axis] = min(size, lengths[axis] - start)
        if mesh.size(mesh_axis) > 1:
            groups[axis] = (*groups[axis], mesh.get_group(mesh_axis))
    if tensor.to_local().shape != tuple(lengths):
        raise _unsupported(f"its part of {tuple(tensor.to_local().shape)} instead of {tuple(lengths)}", name)
    return offsets, groups


def _axis(placement: Any, tensor: DTensor, name: str) -> int:
    """The axis of the tensor that a placement spreads."""
    if type(placement).__name__ != "Shard":
        raise _unsupported(repr(placement), name)
    axis = int(placement.dim) % tensor.ndim
    if axis > 0 and tensor.ndim > 2 and not is_stack(tensor.shape):
        raise _unsupported(f"{placement!r} of a tensor of shape {tuple(tensor.shape)}", name)
    return axis


def _unsupported(what: str, name: str) -> InputError:
    return InputError(
        f"{name} is spread over the processes as {what}, for which there is no exact step",
        allowed=["Replicate", "Shard(0)", "Shard(1) of matrices", "Shard(0), (1) or (2) of stacks of matrices"],
        hint="shard along axis 0, as torch.distributed.fsdp.fully_shard does by itself",
    )
