"""A large step up and down at the input: slew rate and settling."""

from __future__ import annotations

from collections.abc import Sequence

from lightloop.analog.sizing.probe import Measured
from lightloop.analog.sizing.quantity import Quantity
from lightloop.analog.sizing.testbench import MICRO, Testbench
from lightloop.errors import InputError
from lightloop.spice.analyses import Analysis, Transient
from lightloop.spice.deck import Deck
from lightloop.spice.measures.step import settling_time_s, slew_rate_v_per_s
from lightloop.spice.rawfile import Plot

CIRCUIT = "step"
QUANTITIES = {
    "slew_v_per_us": Quantity("V/us", "slew rate, the lower one of both directions"),
    "settling_ns": Quantity("ns", "time until the output stays within settled_within of the step, the longer one"),
}
STEPS = 200  # time steps of each step at the least
FOLLOWED = 0.5  # share of the input step that the output must make for its rate to be one
NANO = 1e-9


def analyses(bench: Testbench, deck: Deck) -> tuple[Analysis, ...]:
    """One step up and one down."""
    step_s = bench.step_us * MICRO
    return (Transient(2 * step_s, step_s / STEPS, max_step_s=step_s / STEPS),)


def read(bench: Testbench, deck: Deck, plots: Sequence[Plot]) -> Measured:
    """The worse of both directions; None where the output does not follow the step, or does not settle in its time."""
    step_s = bench.step_us * MICRO
    both = [_direction(bench, plots[0], start_s, step_s) for start_s in (0.0, step_s)]
    rates, times = [rate for rate, _ in both if rate is not None], [time for _, time in both if time is not None]
    return {
        "slew_v_per_us": min(rates) * MICRO if len(rates) == len(both) else None,
        "settling_ns": max(times) / NANO if len(times) == len(both) else None,
    }


def _direction(bench: Testbench, plot: Plot, start_s: float, step_s: float) -> tuple[float | None, float | None]:
    """Slew rate in V/s and settling time in s of one step."""
    inside = (plot.axis >= start_s) & (plot.axis <= start_s + step_s)
    time_s, output_v = plot.axis[inside], plot.voltage(bench.output.lower())[inside]
    if abs(output_v[-1] - output_v[0]) < FOLLOWED * bench.step_v:
        return None, None
    settling_s = settling_time_s(time_s, output_v, float(time_s[0]), bench.settled_within)
    try:
        return abs(slew_rate_v_per_s(time_s, output_v)), settling_s
    except InputError:
        return None, settling_s
