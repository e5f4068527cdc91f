"""What a machine file holds. A file may extend another; tables merge key by key, the later one wins."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import Field, field_validator

from lightloop.accelerator.formulas import formula
from lightloop.errors import InputError, unknown_name
from lightloop.settings import Settings, parse_settings, read_table

Formulas = dict[str, str]
MAX_EXTENDS = 8


class Core(Settings):
    """One core: in each clock it forms height x width dot products of `wavelengths` elements."""

    height: int = Field(ge=1)
    width: int = Field(ge=1)
    wavelengths: int = Field(ge=1)


class Mapping_(Settings):
    """How products meet the core.

    stationary: the left operand stays in the core while the right one streams through it.
    positive_stream: the streamed operand cannot be negative, so a signed one takes two passes.
    program_time: formula, seconds to set one block of the stationary operand.
    """

    stationary: bool = False
    positive_stream: bool = False
    program_time: str | float = 0.0


class Reference(Settings):
    """How the published simulator treats this machine, where that differs from the others (modes compat, fixed)."""

    memory_stalls: bool = True
    dynamic_products: bool = True
    counted_twice: str | None = None
    left_out_of_area: str | None = None


class Link(Settings):
    """Losses on the way of the light, in dB, and over how many detectors it is split."""

    modulation_db: str
    computation_db: str
    split: str


class Latency(Settings):
    """Cycles of the SRAM clock to bring one product's operands in."""

    memory_cycles: str


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

    @field_validator("define", "events", "energy", "area", "power")
    @classmethod
    def _formulas_can_be_read(cls, table: Formulas) -> Formulas:
        for text in table.values():
            formula(text)
        return table


def preset_names() -> list[str]:
    """The machines that come with lightloop."""
    names = sorted(entry.name.removesuffix(".toml") for entry in _folder().iterdir() if entry.name.endswith(".toml"))
    return [name for name in names if not _table(name).get("abstract")]


@cache
def read_machine(name: str) -> MachineFile:
    """The checked file of a preset, or of a path that ends in `.toml`.

    Raises:
        InputError: The machine is unknown or its file has mistakes.
    """
    return parse_settings(MachineFile, _merged(name, preset_names()), name)


def _folder() -> Any:
    return files("lightloop.accelerator") / "machines"


@cache
def _table(name: str) -> dict[str, Any]:
    if name.endswith(".toml"):
        return read_table(Path(name))
    import tomllib

    return tomllib.loads((_folder() / f"{name}.toml").read_text(encoding="utf-8"))


def _merged(name: str, allowed: list[str], depth: int = 0) -> dict[str, Any]:
    if depth > MAX_EXTENDS:
        raise InputError(
            f"machine files extend one another more than {MAX_EXTENDS} times; is there a circle at {name!r}?"
        )
    known = {*allowed, "common"} if depth else set(allowed)
    if not name.endswith(".toml") and name not in known:
        raise unknown_name("machine", name, allowed, hint="or give the path of a machine file (.toml)")
    table = dict(_table(name))
    table.pop("abstract", None)
    parent = table.pop("extends", None)
    return table if parent is None else _merge(_merged(str(parent), allowed, depth + 1), table)


def _merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        held = merged.get(key)
        both = isinstance(held, Mapping) and isinstance(value, Mapping)
        merged[key] = _merge(held, value) if both else value  # type: ignore[arg-type]
    return merged
