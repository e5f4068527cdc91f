"""What a machine file holds. A file may extend another; tables merge key by key, the later one wins."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from lightloop.accelerator.formulas import formula
from lightloop.errors import InputError, unknown_name
from lightloop.settings import Settings, parse_settings, read_table


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
MAX_EXTENDS = 8
SUFFIX = ".toml"


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
    """

    stationary: bool = False
    one_vector: bool = False
    wired: bool = False
    positive_stream: bool = False
    program_time: FormulaText = "0"


class Reference(Settings):
    """How the published simulator treats this machine, where that differs from the others (modes compat, fixed)."""

    memory_stalls: bool = True
    dynamic_products: bool = True
    counted_twice: str | None = None
    left_out_of_area: str | None = None


class Link(Settings):
    """Losses on the way of the light, in dB, over how many detectors it is split, and what a photon is worth.

    snr_per_photon: formula, signal-to-noise ratio of a dot product for one detected photon per multiply-accumulate.
    """

    modulation_db: FormulaText
    computation_db: FormulaText
    split: FormulaText
    snr_per_photon: FormulaText = "1"


class Latency(Settings):
    """Cycles of the SRAM clock to bring one product's operands in."""

    memory_cycles: FormulaText


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
    latency: Latency
    devices: dict[str, dict[str, Any]] = Field(default_factory=dict)


def preset_names() -> list[str]:
    """The machines that come with lightloop."""
    names = sorted(entry.name.removesuffix(SUFFIX) for entry in _folder().iterdir() if entry.name.endswith(SUFFIX))
    return [name for name in names if not _preset_table(name).get("abstract")]


def read_machine(name: str) -> MachineFile:
    """The checked file of a preset, or of a path that ends in `.toml` (read anew each time).

    Raises:
        InputError: The machine is unknown or its file has mistakes.
    """
    return _parsed(name) if name.endswith(SUFFIX) else _preset(name)


@cache
def _preset(name: str) -> MachineFile:
    return _parsed(name)


def _parsed(name: str) -> MachineFile:
    return parse_settings(MachineFile, _merged(name, preset_names()), name)


def _folder() -> Any:
    return files("lightloop.accelerator") / "machines"


@cache
def _preset_table(name: str) -> dict[str, Any]:
    return tomllib.loads((_folder() / f"{name}{SUFFIX}").read_text(encoding="utf-8"))


def _merged(name: str, allowed: list[str], depth: int = 0) -> dict[str, Any]:
    if depth > MAX_EXTENDS:
        raise InputError(
            f"machine files extend one another more than {MAX_EXTENDS} times; is there a circle at {name!r}?"
        )
    own_file = name.endswith(SUFFIX)
    known = {*allowed, "common"} if depth else set(allowed)
    if not own_file and name not in known:
        raise unknown_name("machine", name, allowed, hint="or give the path of a machine file (.toml)")
    table = dict(read_table(Path(name)) if own_file else _preset_table(name))
    table.pop("abstract", None)
    parent = table.pop("extends", None)
    if parent is None:
        return table
    if own_file and str(parent).endswith(SUFFIX):
        parent = Path(name).parent / str(parent)  # beside the file that says so
    return _merge(_merged(str(parent), allowed, depth + 1), table)


def _merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        held = merged.get(key)
        both = isinstance(held, Mapping) and isinstance(value, Mapping)
        merged[key] = _merge(held, value) if both else value  # type: ignore[arg-type]
    return merged
