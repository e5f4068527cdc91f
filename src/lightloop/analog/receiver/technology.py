"""The receivers' transistors: level-1 cards with capacitances, from `technology.toml`, every number marked assumed.

The tasks' own cards have no capacitances, so that a bandwidth in gigahertz would be the load's alone. These have gate,
overlap and junction capacitances, and a transit frequency that is stated: `transit_frequency_ghz`.

Example:
    >>> round(transit_frequency_ghz("nmos", overdrive_v=0.25))
    67
"""

from __future__ import annotations

import math
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Annotated, Literal, Protocol

from pydantic import Field

from lightloop.settings import Settings, parse_settings

VACUUM_F_PER_M = 8.8541878128e-12
OXIDE_PERMITTIVITY = 3.9
Channel = Literal["nmos", "pmos"]
MODELS: dict[Channel, str] = {"nmos": "nfast", "pmos": "pfast"}
FILE = "technology.toml"


class Constant(Settings):
    """One number of the technology."""

    value: Annotated[float, Field(strict=True, allow_inf_nan=False)]
    unit: str
    kind: Literal["measured", "assumed", "derived"]
    source: str


class Technology(Settings):
    """The numbers of `technology.toml`, in the units that they state."""

    process: dict[str, Constant]
    nmos: dict[str, Constant]
    pmos: dict[str, Constant]
    spiral: dict[str, Constant]


@cache
def technology() -> Technology:
    """The technology of the receivers."""
    text = (files("lightloop.analog.receiver") / FILE).read_text(encoding="utf-8")
    return parse_settings(Technology, tomllib.loads(text), f"analog/receiver/{FILE}")


class Devices(Protocol):
    """Where a receiver's transistors come from."""

    def cards(self) -> list[str]:
        """The model cards that a deck carries."""
        ...

    def transistor(self, name: str, nodes: str, kind: Channel, width_um: float) -> str:
        """An `M` line of least length, with the areas and perimeters of its diffusions.

        Args:
            name: Name of the element.
            nodes: Drain, gate, source and bulk.
            kind: `nmos` or `pmos`.
            width_um: Gate width in um.
        """
        ...


@dataclass(frozen=True)
class AssumedDevices:
    """The transistors of `technology.toml`; their cards stand in the deck."""

    def cards(self) -> list[str]:
        """The two `.model` lines."""
        return [
            " ".join(
                [f".model {name} {kind} level=1", *(f"{key}={entry.value:g}" for key, entry in _table(kind).items())]
            )
            for kind, name in MODELS.items()
        ]

    def transistor(self, name: str, nodes: str, kind: Channel, width_um: float) -> str:
        """As `Devices.transistor`."""
        process = technology().process
        return sized(name, nodes, MODELS[kind], width_um, process["length_um"].value, process["diffusion_um"].value)


ASSUMED = AssumedDevices()


def sized(name: str, nodes: str, model: str, width_um: float, length_um: float, diffusion_um: float) -> str:
    """An `M` line; each diffusion is `diffusion_um` long, and its perimeter leaves out the side at the gate."""
    area_um2, edge_um = width_um * diffusion_um, width_um + 2 * diffusion_um
    sizes = f"w={width_um:g}u l={length_um:g}u ad={area_um2:g}p as={area_um2:g}p pd={edge_um:g}u ps={edge_um:g}u"
    return f"{name} {nodes} {model} {sizes}"


def transit_frequency_ghz(kind: Channel, overdrive_v: float) -> float:
    """gm / (2 pi (Cgs + Cgd)) of a saturated device, in GHz.

    gm = kp W/L Vov, Cgs = 2/3 W L Cox + W Cgso, Cgd = W Cgdo; what Vds adds to gm is left out.

    Args:
        kind: `nmos` or `pmos`.
        overdrive_v: Gate-source voltage above threshold, in V.
    """
    device = {name: entry.value for name, entry in _table(kind).items()}
    length_m = technology().process["length_um"].value * 1e-6
    oxide = OXIDE_PERMITTIVITY * VACUUM_F_PER_M / device["tox"]
    gm_per_m = device["kp"] / length_m * overdrive_v
    capacitance_per_m = 2 / 3 * length_m * oxide + device["cgso"] + device["cgdo"]
    return gm_per_m / (2 * math.pi * capacitance_per_m) / 1e9


def _table(kind: str) -> dict[str, Constant]:
    return technology().nmos if kind == "nmos" else technology().pmos
