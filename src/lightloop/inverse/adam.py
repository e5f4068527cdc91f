"""Adam (Kingma and Ba 2015) as a value: a state in, a state out."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from torch import Tensor

BETAS, TINY = (0.9, 0.99), 1e-12


class State(NamedTuple):
    """Of the optimiser.

    Attributes:
        parameters: As they are now.
        mean, square: Of gradients and of their squares, decayed, shaped as the parameters.
        step: Steps done.
    """

    parameters: Tensor
    mean: Tensor
    square: Tensor
    step: int = 0


def begin(parameters: Tensor) -> State:
    """No step done."""
    import torch

    return State(parameters, torch.zeros_like(parameters), torch.zeros_like(parameters))


def step(state: State, gradient: Tensor, rate: float) -> State:
    """One step down the gradient, each parameter by about `rate`."""
    first, second = BETAS
    count = state.step + 1
    mean = first * state.mean + (1.0 - first) * gradient
    square = second * state.square + (1.0 - second) * gradient**2
    move = mean / (1.0 - first**count) / ((square / (1.0 - second**count)).sqrt() + TINY)
    return State(state.parameters - rate * move, mean, square, count)
