"""Area, power and link budget of a machine."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from lightloop.accelerator.formulas import amounts
from lightloop.accelerator.layout import NodeLayout, node_layout
from lightloop.accelerator.link import Waterfall, waterfall
from lightloop.accelerator.machine import Machine


@dataclass(frozen=True)
class Description:
    """A machine's size and appetite.

    Args:
        machine: Its name.
        bits: Resolution of the operands.
        area_mm2: Component -> area in mm2, with "total".
        power_mw: Component -> power of the busy chip in mW, with "total". Off-chip memory is not in it.
        insertion_loss_db: Optical loss from laser to detector without the split, in dB.
        modulation_loss_db: Its part before the operands meet.
        computation_loss_db: Its part after.
        laser_mw_per_core: Electrical laser power of one core, in mW.
        peak_tops: 2 x multiply-accumulates per second of all cores, in 10^12.
        link: The light's ways from laser to detector, stage by stage; None for a chip of several machines.
        node: The placed devices of one node; None where the machine's file names none.
    """

    machine: str
    bits: int
    area_mm2: dict[str, float]
    power_mw: dict[str, float]
    insertion_loss_db: float
    modulation_loss_db: float
    computation_loss_db: float
    laser_mw_per_core: float
    peak_tops: float
    link: Waterfall | None = None
    node: NodeLayout | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and strings, for JSON."""
        return asdict(self) | {
            "link": self.link.to_dict() if self.link else None,
            "node": self.node.to_dict() if self.node else None,
        }


def describe(machine: Machine) -> Description:
    """Area and power of `machine` by component, and its optical link."""
    return Description(
        machine=machine.name,
        bits=machine.bits,
        area_mm2=_with_total(area_m2(machine), 1e6),
        power_mw=_with_total(power_w(machine), 1e3),
        insertion_loss_db=machine.link.insertion_loss_db,
        modulation_loss_db=machine.link.modulation_loss_db,
        computation_loss_db=machine.link.computation_loss_db,
        laser_mw_per_core=machine.link.laser_electrical_w * 1e3,
        peak_tops=2 * macs_per_second(machine) * 1e-12,
        link=waterfall(machine.file.link, machine.quantities, machine.link),
        node=node_layout(machine),
    )


def area_m2(machine: Machine) -> dict[str, Any]:
    """Component -> area in m2; arrays where the machine's quantities are."""
    return amounts(machine.file.area, machine.quantities, "area of")


def power_w(machine: Machine) -> dict[str, Any]:
    """Component -> power of the busy chip in W; arrays where the machine's quantities are."""
    return amounts(machine.file.power, machine.quantities, "power of")


def macs_per_second(machine: Machine) -> Any:
    """Multiply-accumulates of all cores in a second of uninterrupted work."""
    q = machine.quantities
    return q["height"] * q["width"] * q["wavelengths"] * q["tiles"] * q["cores_per_tile"] * q["clock"]


def _with_total(parts_si: dict[str, Any], scale: float) -> dict[str, float]:
    parts = {name: float(value) * scale for name, value in parts_si.items()}
    return {"total": sum(parts.values()), **parts}
