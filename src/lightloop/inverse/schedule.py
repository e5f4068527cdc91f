"""How sharp the projection is, and how much the smallest feature weighs, in the course of a design."""

from __future__ import annotations

from typing import NamedTuple


class Stage(NamedTuple):
    """Steps of one kind.

    Attributes:
        share: Of all steps.
        beta: Of the projection.
        weight: Of the violated smallest feature against the figure.
        rate: Of the optimiser.
        repairs: Whether features that are measured as too small count too.
    """

    share: float
    beta: float
    weight: float
    rate: float
    repairs: bool = False


STAGES = (
    Stage(0.30, 8.0, 0.0, 0.03),
    Stage(0.20, 16.0, 30.0, 0.03),
    Stage(0.20, 32.0, 300.0, 0.03),
    Stage(0.15, 64.0, 300.0, 0.02),
    Stage(0.15, 160.0, 300.0, 0.01),
)
# Steps of a repair, for a pattern whose features are still too small, and how much more they weigh each time.
REPAIR, HEAVIER = 20, 2.0
# How many at most; and at least, if there is one, for the rest of the pattern to make up for it.
REPAIRS, REPAIRS_AT_LEAST = 5, 2


def stage_of(step: int, steps: int) -> Stage:
    """The stage of a step, counted from 0; beyond the last one come the repairs."""
    if step >= steps:
        times = 1 + (step - steps) // REPAIR
        return STAGES[-1]._replace(weight=STAGES[-1].weight * HEAVIER**times, repairs=True)
    done = 0.0
    for stage in STAGES:
        done += stage.share
        if step < round(done * steps):
            return stage
    return STAGES[-1]
