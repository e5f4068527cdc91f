"""Phase-locked loops: lock at several reference frequencies, and an output that goes on without the reference."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

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
    """The worst lock over the reference frequencies; at the deck's own one the reference stops at the end."""
    clock, port = reference_clock(bench), bench.task.inputs[0].name.lower()
    factors = bench.values("reference_factors") if bench.thorough else (1.0,)
    locks: list[Lock] = []
    after = 0
    for factor in factors:
        period_s = clock.period_s / factor
        plot = _run(bench, clock, period_s, stops=factor == 1.0)
        start_s = bench.value("acquisition") * period_s
        stop_s = start_s + bench.value("judged") * period_s
        kept = (plot.axis >= start_s) & (plot.axis <= stop_s)
        locks.append(lock(plot.axis[kept], plot.voltage(port)[kept], plot.voltage(bench.circuit.output)[kept]))
        if factor == 1.0:
            after = _periods_after(bench, plot, stop_s)
    return {
        "frequency_error": max(item.frequency_error for item in locks),
        "phase_spread": max(item.phase_error_spread for item in locks),
        "periods_after_stop": float(after),
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


def _run(bench: Bench, clock: Clock, period_s: float, stops: bool) -> Plot:
    """The loop until the reference ends, and twice the periods asked for after it where it stops."""
    port = bench.task.inputs[0].name.lower()
    count = int(bench.value("acquisition") + bench.value("judged"))
    after = int(2 * (bench.task.limits["periods_after_stop"].low or 0)) if stops else 0
    wave = Wave("pwl", _edges(clock, period_s, count))
    deck = bench.circuit.driven({port: Drive(clock.low_v, wave=wave)})
    step_s = period_s / STEPS
    return bench.run(deck, Transient((count + after) * period_s, step_s, max_step_s=step_s))[0]


def _edges(clock: Clock, period_s: float, count: int) -> tuple[float, ...]:
    """Times and values of a square wave that begins with an upward edge and then stays low."""
    values: list[float] = []
    for place in range(count):
        start_s, half_s = place * period_s, (place + 0.5) * period_s
        values += [start_s, clock.low_v, start_s + clock.rise_s, clock.high_v]
        values += [half_s, clock.high_v, half_s + clock.fall_s, clock.low_v]
    return tuple(values)


def _periods_after(bench: Bench, plot: Plot, stop_s: float) -> int:
    """Whole periods of the output after the reference has stopped."""
    late, supply_v = plot.axis >= stop_s, bench.circuit.supply_v
    output = plot.voltage(bench.circuit.output)[late]
    return max(0, len(crossings_with_margin(plot.axis[late], output, supply_v / 2, MARGIN * supply_v)) - 1)
