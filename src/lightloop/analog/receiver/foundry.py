"""Receivers in the transistors of an open foundry process (BSIM4), whose models are the extra `pdk`.

Resistors, photodiode and load stay ideal; wiring is left out. `foundry.toml` holds the values.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from lightloop.analog.pdk.process import Process, process
from lightloop.analog.receiver.corners import CORNERS, Corner
from lightloop.analog.receiver.figures import Figures, figures
from lightloop.analog.receiver.quantities import bench_of
from lightloop.analog.receiver.technology import Channel, sized
from lightloop.analog.receiver.topologies import TOPOLOGIES
from lightloop.analog.task import load_task
from lightloop.errors import unknown_name
from lightloop.settings import Settings, parse_settings
from lightloop.spice.deck import Deck
from lightloop.spice.linter import parse_deck
from lightloop.spice.policy import STRANGER
from lightloop.spice.sandbox.child import Sandbox
from lightloop.spice.sandbox.limits import Limits
from lightloop.spice.session import Session
from lightloop.spice.simulator import Simulator

FILE = "foundry.toml"
SIMULATOR = Simulator(sandbox=Sandbox(Limits(cpu_s=60, wall_s=120.0)))  # the model files take seconds to read


@dataclass(frozen=True)
class FoundryDevices:
    """Transistors by the names of a process's models; a deck carries no cards of them."""

    nmos: str
    pmos: str
    length_um: float
    diffusion_um: float

    def cards(self) -> list[str]:
        """None: the models come from the process's files."""
        return []

    def transistor(self, name: str, nodes: str, kind: Channel, width_um: float) -> str:
        """As `Devices.transistor`."""
        model = self.nmos if kind == "nmos" else self.pmos
        return sized(name, nodes, model, width_um, self.length_um, self.diffusion_um)


class FoundryReceiver(Settings):
    """A receiver in a process: its topology, models and values."""

    topology: str
    process: str
    supply_v: float
    nmos: str
    pmos: str
    length_um: float
    diffusion_um: float
    values: dict[str, float]

    @property
    def opened(self) -> Process:
        """The process."""
        return process(self.process)

    def text(self) -> str:
        """The deck as text, without the models."""
        devices = FoundryDevices(self.nmos, self.pmos, self.length_um, self.diffusion_um)
        return TOPOLOGIES[self.topology].deck(self.values, devices=devices, supply_v=self.supply_v)

    def deck(self, corner: str | None = None) -> Deck:
        """The deck with the models of a corner. Raises `MissingProgramError` where they are not installed."""
        libraries = self.opened.libraries(corner)
        return parse_deck(self.text(), self.opened.allowed(STRANGER)).with_libraries(libraries)


def foundry_receiver(key: str) -> FoundryReceiver:
    """The receiver of that key in `foundry.toml`. Raises `InputError` if there is none."""
    if key not in _table():
        raise unknown_name("foundry receiver", key, _table())
    return _table()[key]


def foundry_keys() -> tuple[str, ...]:
    """The keys of all receivers in `foundry.toml`."""
    return tuple(_table())


def measure_foundry(
    key: str, model_corners: Sequence[str | None] = (None,), conditions: Sequence[Corner] = CORNERS
) -> list[tuple[str, Corner, Figures]]:
    """Figures at each corner of the models and each condition.

    Args:
        key: A key of `foundry.toml`.
        model_corners: Corners of the process; None is the typical one.
        conditions: Supply, temperature and passives.

    Returns:
        Name of the models' corner, condition and figures.

    Raises:
        MissingProgramError: ngspice or the models are not installed.
    """
    part = foundry_receiver(key)
    bench = bench_of(load_task(part.topology).conditions)
    found = []
    with Session(SIMULATOR) as session:
        for name in model_corners:
            deck = part.deck(name)
            found += [(name or part.opened.typical, at, figures(at.run(session.run), deck, bench)) for at in conditions]
    return found


@cache
def _table() -> Mapping[str, FoundryReceiver]:
    table = tomllib.loads((files("lightloop.analog.receiver") / FILE).read_text(encoding="utf-8"))
    return {key: parse_settings(FoundryReceiver, entry, f"analog/receiver/{FILE}") for key, entry in table.items()}
