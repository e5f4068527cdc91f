"""The measuring bench: a circuit, an open simulator, and what is known of the circuit's devices at rest."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from lightloop.analog.check.circuit import Circuit, Drive, Rejection
from lightloop.analog.task import Task
from lightloop.spice.analyses import AcSweep, Analysis, OperatingPoint
from lightloop.spice.deck import Deck, Element
from lightloop.spice.failure import SimulationError

if TYPE_CHECKING:
    from lightloop.spice.rawfile import Plot
    from lightloop.spice.session import Session

CONDUCTING_V = 10e-3  # gm/Id = 2/Vov would be 200 per volt, far above any device: what flows is leakage
DEVICE_QUANTITIES = ("id", "vgs", "vds", "von", "gds")


@dataclass(frozen=True)
class Bench:
    """A circuit with a simulator.

    Args:
        circuit: The circuit as written, or under changed conditions.
        session: The open simulator.
        thorough: Whether all quantities are measured; under changed conditions costly ones are left out.
        nominal: The bench of the circuit as written, where this one is of changed conditions.
        nulled: Whether the input offset of an op-amp is nulled before it is measured.
        point: The operating point with quantities of all MOSFETs, where it is known.
    """

    circuit: Circuit
    session: Session
    thorough: bool = True
    nominal: Bench | None = None
    nulled: bool = False
    point: Plot | None = None

    @property
    def task(self) -> Task:
        """The task."""
        return self.circuit.task

    def value(self, condition: str) -> float:
        """A condition of the task that is one number."""
        found = self.task.conditions[condition].value
        return float(found if isinstance(found, int | float) else found[0])

    def values(self, condition: str) -> tuple[float, ...]:
        """A condition of the task that is a list of numbers."""
        found = self.task.conditions[condition].value
        return (float(found),) if isinstance(found, int | float) else tuple(map(float, found))

    def run(self, deck: Deck, *analyses: Analysis) -> tuple[Plot, ...]:
        """Plots of analyses at the circuit's temperature. Raises `Rejection` where the simulator gives no answer."""
        warm = [replace(analysis, temp_c=self.circuit.temp_c) for analysis in analyses]
        try:
            return self.session.run(deck, *warm)
        except SimulationError as error:
            raise Rejection(str(error)) from None

    @cached_property
    def rest(self) -> Plot:
        """The operating point of the deck as written, with quantities of all MOSFETs."""
        return self.point or self.run(self.circuit.deck, self.device_point)[0]

    @cached_property
    def signal(self) -> Plot:
        """Amplitudes at all nodes for 1 V on the first signal input, at the task's test frequency."""
        port = next(item.name for item in self.task.inputs if item.role == "signal")
        at_hz = self.value("test_frequency")
        deck = self.circuit.driven({port: Drive(self.circuit.bias(port), ac=(1.0, 0.0))})
        return self.run(deck, AcSweep(at_hz, at_hz))[0]

    @property
    def device_point(self) -> OperatingPoint:
        """An operating point that saves the quantities of all MOSFETs."""
        names = [device.name for device in self.circuit.transistors()]
        return OperatingPoint(save=tuple(f"@{name}[{what}]" for name in names for what in DEVICE_QUANTITIES))

    def with_circuit(self, circuit: Circuit, nulled: bool = False) -> Bench:
        """A bench for the circuit under changed conditions."""
        return Bench(circuit, self.session, thorough=False, nominal=self, nulled=nulled)


@dataclass(frozen=True)
class Device:
    """A MOSFET at an operating point, voltages and current as those of an NMOS."""

    element: Element
    current_a: float
    vgs_v: float
    vds_v: float
    threshold_v: float
    gds_s: float

    @property
    def saturation_margin_v(self) -> float:
        """Vds - (Vgs - Vth)."""
        return self.vds_v - (self.vgs_v - self.threshold_v)

    @property
    def conducts(self) -> bool:
        """Whether the gate is above the threshold."""
        return self.vgs_v - self.threshold_v > CONDUCTING_V


def not_saturated(found: Iterable[Device]) -> Iterator[str]:
    """A sentence for each device that is off or in its triode region."""
    for device in found:
        place = f"line {device.element.line}: " if device.element.line else ""
        if not device.conducts:
            yield f"{place}{device.element.name} is off: Vgs - Vth is {device.vgs_v - device.threshold_v:.3g} V"
        elif device.saturation_margin_v < 0:
            margin_v = device.saturation_margin_v
            yield f"{place}{device.element.name} is not saturated: Vds - (Vgs - Vth) is {margin_v:.3g} V"


def devices(circuit: Circuit, point: Plot) -> Mapping[str, Device]:
    """All MOSFETs at an operating point, by name.

    ngspice gives Vgs and Vds of a PMOS with the sign of an NMOS, but its threshold with its own.
    """
    return {element.name: _device(circuit, element, point) for element in circuit.transistors()}


def _device(circuit: Circuit, element: Element, point: Plot) -> Device:
    quantity = {what: float(point.device(element.name, what)[0]) for what in DEVICE_QUANTITIES}
    sign = 1.0 if circuit.model(element).type == "nmos" else -1.0
    return Device(
        element, abs(quantity["id"]), quantity["vgs"], quantity["vds"], sign * quantity["von"], quantity["gds"]
    )
