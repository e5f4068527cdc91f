"""The data sheet of a subcircuit, by simulation. A kind is one file in `sheets/`; `SHEETS` names them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from lightloop.analog.library.entry import Entry, Quantity
from lightloop.analog.library.sheets.inverter import measure_inverter
from lightloop.analog.library.sheets.mirror import measure_mirror
from lightloop.analog.library.sheets.opamp import measure_opamp
from lightloop.analog.library.sheets.rig import Rig
from lightloop.spice.session import Session
from lightloop.spice.simulator import Simulator

Sheet = Mapping[str, Quantity]

SHEETS: dict[str, Callable[[Rig], Sheet]] = {
    "current-mirror": measure_mirror,
    "inverter": measure_inverter,
    "opamp": measure_opamp,
}


def measured(entry: Entry, simulator: Simulator | None = None) -> dict[str, Quantity]:
    """Every quantity of the entry's kind.

    Raises:
        InputError: The netlist does not hold the entry's subcircuit.
        SimulationError: The simulator gave no answer.
        MissingProgramError: ngspice is missing or too old.
    """
    entry.subcircuit()
    with Session(simulator or Simulator()) as session:
        return dict(SHEETS[entry.kind](Rig(entry, session)))
