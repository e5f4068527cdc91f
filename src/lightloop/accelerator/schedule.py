"""When each product runs: optics, memory and the element-wise unit, one after the other or side by side.

- "perfect": the three never wait for one another; the busiest sets the time. It is a lower bound, and the time per
  inference of a machine that is fed one inference after the other without a pause.
- "double-buffered": operands of the next product come from memory while this one runs (two buffers, so not sooner);
  element-wise work follows its product, and the next product waits for it.
- "serial": nothing overlaps.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby

from lightloop.errors import unknown_name

OPTICS, MEMORY, VECTOR = "optics", "memory", "vector"


@dataclass(frozen=True)
class Step:
    """One run of one product: seconds of memory, of optics, and of the element-wise work after it."""

    name: str
    kind: str
    memory_s: float
    compute_s: float
    vector_s: float
    repeat: int = 1


@dataclass(frozen=True)
class Interval:
    """A stretch of time in which one unit works on one product."""

    name: str
    kind: str
    lane: str
    start_s: float
    end_s: float

    def to_dict(self) -> dict[str, str | float]:
        """For JSON and for the time chart, in us."""
        return {
            "name": self.name, "kind": self.kind, "lane": self.lane,
            "start_us": self.start_s * 1e6, "end_us": self.end_s * 1e6,
        }  # fmt: skip


def unrolled(steps: Sequence[Step]) -> list[Step]:
    """Every run of every product in order: neighbours that repeat equally often are one layer that repeats."""
    runs: list[Step] = []
    for repeat, block in groupby(steps, key=lambda step: step.repeat):
        runs += list(block) * repeat
    return runs


def _double_buffered(runs: Sequence[Step]) -> list[Interval]:
    intervals: list[Interval] = []
    fetched = 0.0  # when the memory is free again
    ready = 0.0  # when the products before are done, element-wise work included
    before = 0.0  # when the product before the one before was done: its buffer is free from then on
    for run in runs:
        start = max(fetched, before)
        fetched = start + run.memory_s
        begin = max(fetched, ready)
        computed = begin + run.compute_s
        before, ready = ready, computed + run.vector_s
        intervals += _intervals(run, start, begin, computed)
    return intervals


def _serial(runs: Sequence[Step]) -> list[Interval]:
    intervals: list[Interval] = []
    now = 0.0
    for run in runs:
        begin = now + run.memory_s
        computed = begin + run.compute_s
        intervals += _intervals(run, now, begin, computed)
        now = computed + run.vector_s
    return intervals


def _perfect(runs: Sequence[Step]) -> list[Interval]:
    intervals: list[Interval] = []
    memory = compute = vector = 0.0
    for run in runs:
        spans = ((MEMORY, memory, run.memory_s), (OPTICS, compute, run.compute_s), (VECTOR, vector, run.vector_s))
        intervals += [Interval(run.name, run.kind, lane, at, at + span) for lane, at, span in spans if span > 0]
        memory, compute, vector = memory + run.memory_s, compute + run.compute_s, vector + run.vector_s
    return intervals


def _intervals(run: Step, start: float, begin: float, computed: float) -> list[Interval]:
    spans = (
        (MEMORY, start, start + run.memory_s),
        (OPTICS, begin, computed),
        (VECTOR, computed, computed + run.vector_s),
    )
    return [Interval(run.name, run.kind, lane, first, last) for lane, first, last in spans if last > first]


SCHEDULES: dict[str, Callable[[Sequence[Step]], list[Interval]]] = {
    "perfect": _perfect,
    "double-buffered": _double_buffered,
    "serial": _serial,
}


def schedule_named(name: str) -> Callable[[Sequence[Step]], list[Interval]]:
    """The schedule of that name. Raises `InputError` for another name."""
    if name not in SCHEDULES:
        raise unknown_name("schedule", name, SCHEDULES)
    return SCHEDULES[name]
