"""Quantities that follow from others and from the deck: figure of merit, rejections, area."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from lightloop.analog.pdk.process import Process
from lightloop.analog.sizing.probe import Measured, probes
from lightloop.analog.sizing.quantity import Quantity
from lightloop.analog.sizing.testbench import KILO, MICRO, PICO, Testbench
from lightloop.spice.deck import Deck


@dataclass(frozen=True)
class Formula:
    """A quantity made of measured ones: `of` takes the testbench and their values in the order of `needs`."""

    quantity: Quantity
    needs: tuple[str, ...]
    of: Callable[..., float]


FORMULAS: Mapping[str, Formula] = {
    "gbw_mhz": Formula(
        Quantity("MHz", "gain times bandwidth"),
        ("gain_db", "bandwidth_khz"),
        lambda bench, gain_db, bandwidth_khz: 10 ** (gain_db / 20) * bandwidth_khz / KILO,
    ),
    "fom_mhz_pf_per_ma": Formula(
        Quantity("MHz pF/mA", "figure of merit: gain-bandwidth product times load over supply current"),
        ("gain_db", "bandwidth_khz", "supply_ma"),
        lambda bench, gain_db, bandwidth_khz, supply_ma: (
            10 ** (gain_db / 20) * bandwidth_khz / KILO * bench.load_pf / supply_ma
        ),
    ),
    "slew_fom_v_pf_per_us_ma": Formula(
        Quantity("V/us pF/mA", "slew rate times load over supply current"),
        ("slew_v_per_us", "supply_ma"),
        lambda bench, slew_v_per_us, supply_ma: slew_v_per_us * bench.load_pf / supply_ma,
    ),
    "cmrr_db": Formula(
        Quantity("dB", "differential over common-mode gain", by_ratio=False),
        ("gain_db", "common_mode_gain_db"),
        lambda bench, gain_db, common_mode_gain_db: gain_db - common_mode_gain_db,
    ),
    "psrr_db": Formula(
        Quantity("dB", "gain over gain from the supply", by_ratio=False),
        ("gain_db", "supply_gain_db"),
        lambda bench, gain_db, supply_gain_db: gain_db - supply_gain_db,
    ),
}
AREA = "area_um2"
AREA_QUANTITY = Quantity("um2", "gates of all MOSFETs, and capacitors where a process tells their density")


def quantities() -> dict[str, Quantity]:
    """Every quantity that can be measured, by name."""
    measured = {name: quantity for probe in probes() for name, quantity in probe.QUANTITIES.items()}
    derived = {name: formula.quantity for name, formula in FORMULAS.items()}
    return measured | derived | {AREA: AREA_QUANTITY}


def with_needs(names: Iterable[str]) -> set[str]:
    """These quantities and those that they follow from."""
    wanted = set(names)
    return wanted | {need for name in wanted & FORMULAS.keys() for need in FORMULAS[name].needs}


def derive(bench: Testbench, measured: Measured) -> Measured:
    """The formulas whose needs were measured; None where one of them has no value."""
    return {
        name: _derived(bench, formula, [measured[need] for need in formula.needs])
        for name, formula in FORMULAS.items()
        if measured.keys() >= set(formula.needs)
    }


def _derived(bench: Testbench, formula: Formula, values: list[float | None]) -> float | None:
    if any(value is None for value in values):
        return None
    try:
        return formula.of(bench, *values)
    except ZeroDivisionError:
        return None


def area_um2(deck: Deck, process: Process | None) -> float:
    """W L m of all MOSFETs, plus C over density of the capacitors of the deck as written (not the testbench's).

    Args:
        deck: A flat deck, sizes in m.
        process: Where the density of capacitors comes from; without one they count nothing.
    """
    gates = sum(
        deck.number(item.parameters.get("w"), 0.0)
        * deck.number(item.parameters.get("l"), 0.0)
        * deck.number(item.parameters.get("m"), 1.0)
        for item in deck.of_kind("m")
    )
    if process is None:
        return gates / MICRO**2
    plates_pf = sum(deck.number(item.value, 0.0) for item in deck.of_kind("c")) / PICO
    return gates / MICRO**2 + plates_pf * KILO / process.capacitor_ff_per_um2
