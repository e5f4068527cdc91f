"""The receivers as parametric decks: inverter with shunt feedback, regulated cascode, the same with shunt peaking.

```
 inverter with feedback       regulated cascode (peaked: a spiral between Vdd and RL)

        Vdd                     Vdd        Vdd
         |                       |          |
      |--M2                      RB         RL---- Vout
 Iin -+--RF--+- Vout             |          |
      |--M1  |                   +----------M1 gate
         |                       |          |
        gnd                      M2 gate----+-- Iin
                                 |          RS
                                gnd        gnd
```
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from lightloop.analog.receiver.spiral import Inductor, Spiral
from lightloop.analog.receiver.technology import ASSUMED, Devices

PHOTOCURRENT_A = 5e-6  # at rest: half of the full scale that the tasks state

Values = Mapping[str, float]


@dataclass(frozen=True)
class Topology:
    """A parametric receiver.

    Args:
        key: Key of its task.
        title: Title line of its decks.
        supply_v: Supply voltage in V.
        bounds: Name of each value, with its unit, -> its least and its largest.
        elements: Lines of the elements for given values.
    """

    key: str
    title: str
    supply_v: float
    bounds: Mapping[str, tuple[float, float]]
    elements: Callable[[Values, Devices], list[str]]

    def deck(
        self,
        values: Values,
        inductor: Inductor | None = None,
        *,
        devices: Devices = ASSUMED,
        supply_v: float | None = None,
    ) -> str:
        """The deck as text.

        Args:
            values: One number for each name in `bounds`.
            inductor: In the place of the spiral that the values describe.
            devices: The transistors; those of `technology.toml` if left out.
            supply_v: Supply voltage in V; the topology's own if None.
        """
        supply = self.supply_v if supply_v is None else supply_v
        lines = [self.title, *devices.cards(), f"Vdd Vdd 0 {supply:g}", f"Ipd Vdd Iin {PHOTOCURRENT_A * 1e6:g}u"]
        lines += self.elements(values, devices)
        if "spiral_turns" in self.bounds:
            lines += (inductor or spiral_of(values)).subcircuit().splitlines()
        return "\n".join([*lines, ".end", ""])


def spiral_of(values: Values) -> Spiral:
    """The spiral of a peaked receiver."""
    return Spiral(values["spiral_turns"], values["spiral_outer_um"])


def inverter(values: Values, devices: Devices) -> list[str]:
    """An inverter whose output feeds back to its input through a resistor."""
    return [
        devices.transistor("M1", "Vout Iin 0 0", "nmos", values["nmos_um"]),
        devices.transistor("M2", "Vout Iin Vdd Vdd", "pmos", values["pmos_um"]),
        f"RF Iin Vout {values['feedback_ohm']:g}",
    ]


def regulated_cascode(values: Values, devices: Devices) -> list[str]:
    """A common-gate stage whose gate is driven by an amplifier of its source."""
    return [*_input_stage(values, devices), f"RL Vdd Vout {values['load_ohm']:g}"]


def peaked_cascode(values: Values, devices: Devices) -> list[str]:
    """The regulated cascode with a spiral in its load."""
    return [*_input_stage(values, devices), f"RL p Vout {values['load_ohm']:g}", "X1 Vdd p spiral"]


def _input_stage(values: Values, devices: Devices) -> list[str]:
    return [
        devices.transistor("M1", "Vout g Iin 0", "nmos", values["cascode_um"]),
        devices.transistor("M2", "g Iin 0 0", "nmos", values["booster_um"]),
        f"RB Vdd g {values['booster_ohm']:g}",
        f"RS Iin 0 {values['source_ohm']:g}",
    ]


_CASCODE = {
    "cascode_um": (2.0, 40.0),
    "booster_um": (1.0, 20.0),
    "booster_ohm": (200.0, 4000.0),
    "source_ohm": (200.0, 4000.0),
    "load_ohm": (150.0, 3000.0),
}
_SPIRAL = {"spiral_turns": (2.0, 5.0), "spiral_outer_um": (60.0, 150.0)}

TOPOLOGIES: dict[str, Topology] = {
    topology.key: topology
    for topology in (
        Topology(
            "inverter-receiver",
            "Receiver: inverter with a feedback resistor",
            1.2,
            {"nmos_um": (1.0, 40.0), "pmos_um": (1.0, 100.0), "feedback_ohm": (300.0, 2e4)},
            inverter,
        ),
        Topology("cascode-receiver", "Receiver: regulated cascode", 1.8, _CASCODE, regulated_cascode),
        Topology(
            "peaked-receiver",
            "Receiver: regulated cascode with a spiral in its load",
            1.8,
            {**_CASCODE, **_SPIRAL},
            peaked_cascode,
        ),
    )
}
