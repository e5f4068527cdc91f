"""What a machine file holds, and what can be told wrong of it before anything is computed."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from lightloop.accelerator.formulas import formula
from lightloop.settings import Settings


def _readable(text: str) -> str:
    formula(text)
    return text


# A formula, or a plain number.
FormulaText = Annotated[
    str,
    BeforeValidator(lambda value: str(value) if isinstance(value, int | float) else value),
    AfterValidator(_readable),
]
Formulas = dict[str, FormulaText]
Names = Annotated[tuple[str, ...], BeforeValidator(lambda value: (value,) if isinstance(value, str) else tuple(value))]


class Core(Settings):
    """One core: in each clock it forms height x width dot products of `wavelengths` elements."""

    height: int = Field(ge=1)
    width: int = Field(ge=1)
    wavelengths: int = Field(ge=1)


class Mapping_(Settings):
    """How products meet the core.

    stationary: the left operand stays in the core while the right one streams through it.
    one_vector: one column of the right operand passes per clock, so the core's width is 1.
    wired: the tiles split m and the cores of a tile split k (mode strict); otherwise any core takes any block.
    positive_stream: the streamed operand cannot be negative, so a signed one takes two passes.
    program_time: formula, seconds to set one block of the stationary operand.
    weights_only: the core's structure cannot hold an arbitrary operand (a circulant or butterfly core holds weights
        trained for it), so products of two computed operands do not run on it in any mode.
    """

    stationary: bool = False
    one_vector: bool = False
    wired: bool = False
    positive_stream: bool = False
    program_time: FormulaText = "0"
    weights_only: bool = False


class Reference(Settings):
    """How the published simulator treats this machine, where that differs from the others (modes compat, fixed)."""

    memory_stalls: bool = True
    dynamic_products: bool = True
    counted_twice: str | None = None
    left_out_of_area: str | None = None


class Stage(Settings):
    """One stage that light passes: its loss, the stages it comes from ("laser" is the first), and its part.

    "modulation" is what lies before the operands meet, "computation" what lies after.
    """

    loss_db: FormulaText
    after: Names
    part: Literal["modulation", "computation"] = "computation"


class Detection(Settings):
    """What one detected photon per multiply-accumulate is worth on this machine.

    shot: formula, signal power over shot-noise power. thermal: formula, signal power in electrons squared.
    """

    shot: FormulaText
    thermal: FormulaText


class Link(Settings):
    """The way of the light from the laser to the detectors.

    path: stages by name; the worst way through them sets the light that the laser must give.
    split: formula, detectors that one laser feeds.
    snr_per_photon: formula, the best signal-to-noise ratio that detection can give a dot product for one detected
        photon per multiply-accumulate; floors go by it.
    detection: what the machine's own detection gives, where that is less.
    laser_optical: formula, light of one core in W where the laser is given; otherwise the budget finds it.
    """

    path: dict[str, Stage]
    split: FormulaText
    snr_per_photon: FormulaText = "1"
    detection: Detection | None = None
    laser_optical: FormulaText | None = None


class Charge(Settings):
    """Power beside the work that mode strict charges on request (`charge.NAME = 1`).

    power: formula, in W for the whole chip.
    while_: when it is drawn: all the time, while the optics compute, or while they wait: for memory, for element-wise
        work, or until stationary operands are set.
    """

    power: FormulaText
    while_: Literal["on", "computing", "waiting"] = Field(alias="while")


class Wear(Settings):
    """Writes that use a memory cell up.

    writes: formula over events, cell writes of one product. cells: cells of the chip. endurance: writes a cell bears.
    """

    writes: FormulaText
    cells: FormulaText
    endurance: FormulaText


class Box(Settings):
    """A device of one node, to be placed: length along the light, width across it, in metres, and how many."""

    length: FormulaText
    width: FormulaText
    count: FormulaText = "1"


class Node(Settings):
    """The repeated cell of a core: its devices in the order in which light meets them, and their clearances."""

    devices: dict[str, Box]
    spacing_x: FormulaText = "0"
    spacing_y: FormulaText = "0"


class Latency(Settings):
    """Cycles of the SRAM clock to bring one product's operands in, as the published simulator counts them."""

    reference_memory_cycles: FormulaText = "0"


class MachineFile(Settings):
    """A machine: sizes, and for each part a formula of what it costs."""

    title: str
    source: str
    tiles: int = Field(ge=1)
    cores_per_tile: int = Field(ge=1)
    accumulation: int = Field(ge=1)
    clock_ghz: float = Field(gt=0)
    core: Core
    mapping: Mapping_
    onn_core: str | None = None
    reference: Reference = Reference()
    define: Formulas = Field(default_factory=dict)
    link: Link
    events: Formulas
    energy: Formulas
    area: Formulas
    power: Formulas
    latency: Latency = Latency()
    charge: dict[str, Charge] = Field(default_factory=dict)
    wear: Wear | None = None
    node: Node | None = None
    devices: dict[str, dict[str, Any]] = Field(default_factory=dict)
