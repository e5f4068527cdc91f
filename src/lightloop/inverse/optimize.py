"""The loop: steps by stages, then repairs until no feature is too small. What it does depends on its state alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from lightloop.inverse import adam
from lightloop.inverse.adam import State
from lightloop.inverse.problem import Problem
from lightloop.inverse.schedule import REPAIR, REPAIRS, REPAIRS_AT_LEAST, stage_of


class Record(NamedTuple):
    """One step.

    Attributes:
        step: From 1.
        figure: Of the pattern as it was before it.
        violation: Of the smallest feature.
        beta: Of the projection.
    """

    step: int
    figure: float
    violation: float
    beta: float


def steps_of(problem: Problem) -> int:
    """Without repairs."""
    return problem.options.iterations or problem.task.iterations


def optimized(
    problem: Problem, state: State | None = None, on_step: Callable[[State, Record], None] = lambda state, record: None
) -> State:
    """The end of a design.

    Args:
        problem: What is optimised.
        state: Where to go on; None for the beginning.
        on_step: Called after each step.
    """
    steps = steps_of(problem)
    state = state or adam.begin(problem.way.admissible(problem.way.initial(problem.options.seed)))
    while not _done(problem, state, steps):
        state, record = _step(problem, state, steps)
        on_step(state, record)
    return state


def _done(problem: Problem, state: State, steps: int) -> bool:
    """Features are measured behind the last step and behind each repair."""
    repairs, rest = divmod(state.step - steps, REPAIR)
    if repairs < 0 or rest:
        return False
    if 0 < repairs < REPAIRS_AT_LEAST or repairs >= REPAIRS:
        return repairs >= REPAIRS
    drawn = problem.drawn(state.parameters)
    return not drawn.dropped and problem.can_be_made(drawn)


def _step(problem: Problem, state: State, steps: int) -> tuple[State, Record]:
    import torch

    stage = stage_of(state.step, steps)
    parameters = state.parameters.clone().requires_grad_()
    worth = problem.worth(parameters, stage, state.step)
    (gradient,) = torch.autograd.grad(worth.loss, parameters)
    after = adam.step(state, gradient, stage.rate)
    record = Record(after.step, worth.figure.item(), worth.violation.item(), stage.beta)
    return after._replace(parameters=problem.way.admissible(after.parameters)), record
