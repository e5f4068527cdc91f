"""How a tensor of any shape is seen as matrices: m is the smaller side, n the larger; the n side holds the
channels.

A square matrix counts as tall, so its channels are its rows (the outputs of a linear layer). Of a matrix that is spread
over several processes (`lightloop.optim.sharded.matrices`) each process sees its own block, as part of the whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import torch
from torch import Tensor

from lightloop.optim.sharded.parts import Groups, Part

# A 3-D tensor is a stack of matrices (experts of a mixture) unless a side is shorter than this: then it is
# the kernel of a 1-D convolution, (out, in, width), and is flattened like any other kernel.
STACK_MIN_SIDE = 16


@dataclass(frozen=True, slots=True)
class Matrix:
    """One matrix at one step: views of the weight, the gradient and the state that belongs to them.

    `part` says which block of which matrix they are, if other processes hold the others.

    Attributes:
        shape: Rows and columns of the whole matrix.
        tall: Whether the rows are the channels.
        grad_mn: The gradient with its channels as columns.
    """

    name: str
    weight: Tensor
    grad: Tensor
    state: dict[str, Tensor]
    part: Part | None = None
    shape: tuple[int, int] = field(init=False)
    tall: bool = field(init=False)
    grad_mn: Tensor = field(init=False)

    def __post_init__(self) -> None:
        rows, columns = self.part.shape if self.part else self.weight.shape
        tall = rows >= columns
        found = {
            "shape": (rows, columns),
            "tall": tall,
            "grad_mn": self.grad.T if tall else self.grad,
        }
        for name, value in found.items():
            object.__setattr__(self, name, value)

    @property
    def weight_mn(self) -> Tensor:
        """The weight with its channels as columns."""
        return self.weight.T if self.tall else self.weight

    @property
    def small_side(self) -> int:
        """m of the whole matrix."""
        return min(self.shape)

    @property
    def channels(self) -> int:
        """n of the whole matrix."""
        return max(self.shape)

    @property
    def small_range(self) -> slice:
        """Which of the m rows of the whole `grad_mn` has."""
        start = self.part.offsets[1 if self.tall else 0] if self.part else 0
        return slice(start, start + self.grad_mn.shape[0])

    @property
    def groups(self) -> tuple[Groups, Groups]:
        """The process groups over which the small side, and over which the channels, are spread."""
        if self.part is None:
            return (), ()
        over_rows, over_columns = self.part.groups
        return (over_columns, over_rows) if self.tall else (over_rows, over_columns)

    @property
    def stream(self) -> str:
        """What a stream of random numbers for the elements of this block goes by; another one in each block."""
        return f"{self.name}{self.part.suffix if self.part else ''}"


def is_matrix(tensor: Tensor) -> bool:
    """Whether a tensor has two sides to project; vectors and empty tensors do not."""
    return tensor.ndim >= 2 and tensor.numel() > 0


def is_stack(shape: torch.Size) -> bool:
    """Whether a tensor of this shape is a stack of matrices, each with its own projection and limiter."""
    return len(shape) == 3 and min(shape[1:]) >= STACK_MIN_SIDE


def matrix_shape(shape: torch.Size) -> tuple[int, int]:
    """Rows and columns of the matrix, or of each matrix of the stack, that a tensor of this shape is."""
    if is_stack(shape):
        return shape[1], shape[2]
    return shape[0], shape[1:].numel()


def stack_state(state: dict[str, Tensor], shape: torch.Size) -> dict[str, Tensor]:
    """The state of one matrix, repeated along a new first axis if the tensor is a stack of them."""
    if not is_stack(shape):
        return state
    return {key: _stacked(value, shape[0]) for key, value in state.items()}


def _stacked(value: Tensor, count: int) -> Tensor:
    """`count` copies along a new first axis, each laid out in memory like `value`."""
    if value.ndim == 2 and value.T.is_contiguous():
        return torch.stack([value.T] * count).mT
    return torch.stack([value] * count)


def matrices(name: str, weight: Tensor, grad: Tensor, state: dict[str, Tensor]) -> Iterator[Matrix]:
    """The matrices of one tensor, as views into it."""
    if is_sharded(weight):
        from lightloop.optim.sharded.matrices import sharded_matrices

        return sharded_matrices(name, weight, grad, state)
    return views(name, weight, grad, state, first=0 if is_stack(weight.shape) else None)


def is_sharded(tensor: Tensor) -> bool:
    """Whether a tensor is a DTensor; asked without importing them, which takes longer than all of this package."""
    return hasattr(tensor, "device_mesh")


def views(
    name: str, weight: Tensor, grad: Tensor, state: dict[str, Tensor], first: int | None, part: Part | None = None
) -> Iterator[Matrix]:
    """One matrix, or those of a stack whose number in it begins with `first`.

    A convolution kernel in channels-last memory cannot be viewed as a matrix; it is copied and written back
    after the consumer has taken its step.
    """
    if first is not None:
        for index in range(weight.shape[0]):
            one = {key: value[index] for key, value in state.items()}
            yield Matrix(f"{name}[{first + index}]", weight[index], grad[index], one, part)
        return
    flat = weight.flatten(1)
    yield Matrix(name, flat, grad.flatten(1), state, part)
    if flat.data_ptr() != weight.data_ptr():
        weight.copy_(flat.view(weight.shape))
