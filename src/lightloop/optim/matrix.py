"""How a tensor of any shape is seen as matrices: m is the smaller side, n the larger; the n side holds the
channels.

A square matrix counts as tall, so its channels are its rows (the outputs of a linear layer).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

# A 3-D tensor is a stack of matrices (experts of a mixture) unless a side is shorter than this: then it is
# the kernel of a 1-D convolution, (out, in, width), and is flattened like any other kernel.
STACK_MIN_SIDE = 16


@dataclass(frozen=True, slots=True)
class Matrix:
    """One matrix at one step: views of the weight, the gradient and the state that belongs to them."""

    name: str
    weight: Tensor
    grad: Tensor
    state: dict[str, Tensor]

    @property
    def tall(self) -> bool:
        """Whether the rows are the channels."""
        return self.weight.shape[0] >= self.weight.shape[1]

    @property
    def weight_mn(self) -> Tensor:
        """The weight with its channels as columns."""
        return self.weight.T if self.tall else self.weight

    @property
    def grad_mn(self) -> Tensor:
        """The gradient with its channels as columns."""
        return self.grad.T if self.tall else self.grad


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
    """The matrices of one tensor, as views into it.

    A convolution kernel in channels-last memory cannot be viewed as a matrix; it is copied and written back
    after the consumer has taken its step.
    """
    if is_stack(weight.shape):
        for index in range(weight.shape[0]):
            part = {key: value[index] for key, value in state.items()}
            yield Matrix(f"{name}[{index}]", weight[index], grad[index], part)
        return
    flat = weight.flatten(1)
    yield Matrix(name, flat, grad.flatten(1), state)
    if flat.data_ptr() != weight.data_ptr():
        weight.copy_(flat.view(weight.shape))
