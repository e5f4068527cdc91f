"""Phase-locked loops: lock while the reference steps in frequency, and an output that goes on without it."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lightloop.analog.check.bench import Bench
from lightloop.analog.check.circuit import Drive, Rejection
from lightloop.spice.analyses import Transient
from lightloop.spice.deck import Wave
from lightloop.spice.measures import crossings_with_margin, lock

if TYPE_CHECKING:
    from lightloop.spice.measures import Lock
    from lightloop.spice.rawfile import Plot

STEPS = 100  # in a reference period: larger ones miss the trigger's edges
MARGIN = 0.1  # of the supply: an edge counts after the output has been this far below the middle
PULSE_VALUES = 7


@dataclass(frozen=True)
class Clock:
    """The deck's own pulse source: levels in V, edges and period in s."""

    low_v: float
    high_v: float
    rise_s: float
    fall_s: float
    period_s: float


def measure_pll(bench: Bench) -> dict[str, float | None]:
    """The worst lock over the reference frequencies, and the output after the reference has stopped.

    The reference goes from one frequency to the next without a pause, so that the loop must follow upward and downward.
    """
    clock, port = reference_clock(bench), bench.task.inputs[0].name.lower()
    factors = bench.values("reference_factors") if bench.thorough else (1.0,)
    periods_s = [clock.period_s / factor for factor in factors]
    plot, ends_s = _run(bench, clock, periods_s)
    locks: list[Lock] = []
    for period_s, end_s in zip(periods_s, ends_s, strict=True):
        kept = (plot.axis >= end_s - bench.value("judged") * period_s) & (plot.axis <= end_s)
        locks.append(lock(plot.axis[kept], plot.voltage(port)[kept], plot.voltage(bench.circuit.output)[kept]))
    return {
        "frequency_error": max(item.frequency_error for item in locks),
        "phase_spread": max(item.phase_error_spread for item in locks),
        "periods_after_stop": float(_periods_after(bench, plot, ends_s[-1])),
    }


def reference_clock(bench: Bench) -> Clock:
    """The clock on the reference input. Raises `Rejection` unless it is a pulse source with a period."""
    source = bench.circuit.source(bench.task.inputs[0].name)
    wave = source.wave
    if wave is None or wave.kind != "pulse" or len(wave.values) < PULSE_VALUES:
        raise Rejection(f"{source.name} must be a pulse source: pulse(low high delay rise fall width period)")
    low_v, high_v, _, rise_s, fall_s, _, period_s = map(float, wave.values[:PULSE_VALUES])  # type: ignore[arg-type]
    if not (0 < rise_s < period_s / 4 and 0 < fall_s < period_s / 4):
        raise Rejection(f"{source.name}: the edges must be shorter than a quarter of the period")
    return Clock(low_v, high_v, rise_s, fall_s, period_s)


def _run(bench: Bench, clock: Clock, periods_s: Sequence[float]) -> tuple[Plot, list[float]]:
    """The loop at each reference period, then twice the periods asked for without reference; when each part ends."""
    port = bench.task.inputs[0].name.lower()
    count = int(bench.value("acquisition") + bench.value("judged"))
    starts_s = np.concatenate([[0.0], np.cumsum(np.repeat(periods_s, count))])
    wave = Wave("pwl", _edges(clock, starts_s))
    deck = bench.circuit.driven({port: Drive(clock.low_v, wave=wave)})
    after_s = 2 * (bench.task.limits["periods_after_stop"].low or 0) * max(periods_s)
    step_s = min(periods_s) / STEPS
    (plot,) = bench.run(deck, Transient(float(starts_s[-1]) + after_s, step_s, max_step_s=step_s))
    return plot, starts_s[count::count].tolist()


def _edges(clock: Clock, starts_s: np.ndarray) -> tuple[float, ...]:
    """Times and values of a square wave whose periods begin with an upward edge, and which stays low after the last."""
    values: list[float] = []
    for start_s, next_s in itertools.pairwise(starts_s.tolist()):
        half_s = (start_s + next_s) / 2
        values += [start_s, clock.low_v, start_s + clock.rise_s, clock.high_v]
        values += [half_s, clock.high_v, half_s + clock.fall_s, clock.low_v]
    return tuple(values)


def _periods_after(bench: Bench, plot: Plot, stop_s: float) -> int:
    """Whole periods of the output after the reference has stopped."""
    late, supply_v = plot.axis >= stop_s, bench.circuit.supply_v
    output = plot.voltage(bench.circuit.output)[late]
    return max(0, len(crossings_with_margin(plot.axis[late], output, supply_v / 2, MARGIN * supply_v)) - 1)
