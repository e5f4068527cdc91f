"""The figures under the names and in the units of the receiver tasks' limits."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from lightloop.analog.receiver.figures import Bench, Figures, Run, coil_speedup, eye_opening, figures, settling_error
from lightloop.analog.task import Condition
from lightloop.spice.deck import Deck

Quantity = Callable[[Figures, Bench], float | None]

CONDITIONS = ("photodiode", "load", "full_scale", "rate")
# In the units of `limits.toml`: dBohm, GHz, dB, pA/sqrtHz, ohm, mW, V, plain ratios.
SMALL_SIGNAL: dict[str, Quantity] = {
    "transimpedance": lambda found, bench: found.transimpedance_db,
    "bandwidth": lambda found, bench: found.bandwidth_hz and found.bandwidth_hz * 1e-9,
    "peaking": lambda found, bench: found.peaking_db,
    "noise_density": lambda found, bench: found.noise_density and found.noise_density * 1e12,
    "input_resistance": lambda found, bench: found.input_resistance_ohm,
    "power": lambda found, bench: found.power_w * 1e3,
    "overdrive": lambda found, bench: found.overdrive_v,
    "saturation_margin": lambda found, bench: found.saturation_margin_v,
    "gain_bandwidth_over_resistor": lambda found, bench: found.over_resistor(bench),
}


def bench_of(
    conditions: Mapping[str, Condition], *, source: str = "ipd", port: str = "iin", output: str = "vout"
) -> Bench:
    """The bench that a task's conditions describe.

    Args:
        conditions: Those of a task of kind `receiver`, in the units of `limits.toml`.
        source: Name of the current source on the input.
        port: Node of the input.
        output: Node of the output.
    """
    photodiode, load, full_scale, rate = (conditions[name].values[0] for name in CONDITIONS)
    return Bench(photodiode * 1e-15, load * 1e-15, full_scale * 1e-6, rate * 1e9, source, port, output)


def quantities(
    run: Run, deck: Deck, bench: Bench, wanted: Collection[str], *, thorough: bool, supply: str = "vdd"
) -> dict[str, float | None]:
    """Every quantity in `wanted`, by name; transients only if `thorough`.

    Args:
        run: Answers analyses of a deck, such as `Session.run`.
        deck: The receiver.
        bench: How it is measured.
        wanted: Names of quantities, such as the limits of a task.
        thorough: Whether settling and eye are measured too.
        supply: Name of the supply source.

    Raises:
        InputError: The output does not answer the input.
    """
    found = figures(run, deck, bench, supply)
    values = {name: measure(found, bench) for name, measure in SMALL_SIGNAL.items() if name in wanted}
    if "coil_speedup" in wanted:
        values["coil_speedup"] = coil_speedup(run, deck, bench, supply)
    if thorough and "settling_error" in wanted:
        values["settling_error"] = settling_error(run, deck, bench)
    if thorough and "eye_opening" in wanted:
        values["eye_opening"] = eye_opening(run, deck, bench, found)
    return values
