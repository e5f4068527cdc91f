"""Measure receivers anew, nominally and over the corners, and hold the figures on record against them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from lightloop.analog.receiver.corners import CORNERS, Corner
from lightloop.analog.receiver.figures import Figures, figures, settling_error
from lightloop.analog.receiver.quantities import bench_of
from lightloop.analog.receiver.record import Receiver, Worst, receiver, receiver_values
from lightloop.analog.receiver.topologies import TOPOLOGIES, spiral_of
from lightloop.analog.task import Task, load_task, reference_deck
from lightloop.spice.linter import parse_deck
from lightloop.spice.session import Session
from lightloop.spice.simulator import Simulator

TOLERANCE = 0.01  # between the record and a new measurement: other releases of ngspice differ by less
RESPONSIVITY_A_PER_W = 0.8
SOURCE = "ngspice on the reference deck; level-1 transistors with capacitances, photodiode and spiral are assumed"


@dataclass(frozen=True)
class Measured:
    """A receiver's reference deck under every corner.

    Args:
        receiver: What is put on record.
        corners: Corner and figures, in the order of the table; the first is nominal.
    """

    receiver: Receiver
    corners: tuple[tuple[Corner, Figures], ...]

    def table(self) -> list[dict[str, Any]]:
        """One row for each corner, in the units that designers use."""
        return [figures_row(corner, found) for corner, found in self.corners]


def figures_row(corner: Corner, found: Figures) -> dict[str, Any]:
    """One row of a table of corners."""
    return {
        "corner": corner.name,
        "transimpedance_dbohm": found.transimpedance_db,
        "bandwidth_ghz": (found.bandwidth_hz or float("nan")) * 1e-9,
        "peaking_db": found.peaking_db,
        "input_noise_na": found.input_noise_a * 1e9,
        "noise_pa_per_rthz": (found.noise_density or float("nan")) * 1e12,
        "power_mw": found.power_w * 1e3,
    }


def measure(key: str, simulator: Simulator | None = None) -> Measured:
    """Measure the reference deck of a receiver.

    Args:
        key: Key of the receiver's task.
        simulator: ngspice and its sandbox.

    Raises:
        InputError: There is no such receiver.
        MissingProgramError: ngspice is missing or too old.
        SimulationError: It gave no answer.
    """
    task = load_task(key)
    text, bench = reference_deck(task), bench_of(task.conditions)
    deck = parse_deck(text)
    with Session(simulator or Simulator()) as session:
        corners = tuple((corner, figures(corner.run(session.run), deck, bench)) for corner in CORNERS)
        settled = settling_error(session.run, deck, bench)
    nominal = corners[0][1]
    found = Receiver(
        key=key,
        transimpedance_ohm=nominal.transimpedance_ohm,
        bandwidth_ghz=_ghz(nominal),
        input_noise_a_rms=nominal.input_noise_a,
        input_noise_pa_per_rthz=(nominal.noise_density or 0.0) * 1e12,
        power_mw=nominal.power_w * 1e3,
        settling_error=settled,
        photodiode_ff=_condition(task, "photodiode"),
        load_ff=_condition(task, "load"),
        full_scale_ua=_condition(task, "full_scale"),
        responsivity_a_per_w=RESPONSIVITY_A_PER_W,
        rate_gsps=_condition(task, "rate"),
        spiral_area_um2=_spiral_area_um2(key),
        worst=_worst([found for _, found in corners]),
        netlist_sha256=hashlib.sha256(text.encode()).hexdigest(),
        source=SOURCE,
    )
    return Measured(found, corners)


def verify(key: str, simulator: Simulator | None = None) -> tuple[str, ...]:
    """What of the record of a receiver does not hold: a sentence for each figure that is off by more than 1 %.

    Arguments and errors are those of `measure`.
    """
    held, found = receiver(key).to_dict(), measure(key, simulator).receiver.to_dict()
    return tuple(_differences(held, found))


def _differences(held: dict[str, Any], found: dict[str, Any]) -> list[str]:
    told = []
    for name, value in found.items():
        if isinstance(value, dict):
            told += [f"worst {line}" for line in _differences(held[name], value)]
        elif isinstance(value, str):
            told += [f"{name} is {value!r}, on record {held[name]!r}"] if value != held[name] else []
        elif abs(value - held[name]) > TOLERANCE * abs(held[name]):
            told.append(f"{name} is {value:.5g}, on record {held[name]:.5g}")
    return told


def _worst(found: list[Figures]) -> Worst:
    return Worst(
        min(item.transimpedance_ohm for item in found),
        min(_ghz(item) for item in found),
        max(item.input_noise_a for item in found),
        max(item.power_w for item in found) * 1e3,
    )


def _ghz(found: Figures) -> float:
    return (found.bandwidth_hz or 0.0) * 1e-9


def _condition(task: Task, name: str) -> float:
    return task.conditions[name].values[0]


def _spiral_area_um2(key: str) -> float:
    return spiral_of(receiver_values(key)).outer_um ** 2 if "spiral_turns" in TOPOLOGIES[key].bounds else 0.0
