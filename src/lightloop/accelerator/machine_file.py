"""Reading machine files: the presets, and those of the user. A file may extend another; tables merge key by key."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from lightloop.accelerator.check import checked
from lightloop.accelerator.schema import MachineFile
from lightloop.errors import InputError, unknown_name
from lightloop.settings import read_table

MAX_EXTENDS = 8
SUFFIX = ".toml"
CHIP_TABLE = "assign"  # what tells the file of a chip from that of a machine


def preset_names() -> list[str]:
    """The machines that come with lightloop."""
    names = sorted(entry.name.removesuffix(SUFFIX) for entry in _folder().iterdir() if entry.name.endswith(SUFFIX))
    return [name for name in names if not preset_table(name).get("abstract")]


def read_machine(name: str) -> MachineFile:
    """The checked file of a preset, or of a path that ends in `.toml` (read anew each time).

    Raises:
        InputError: The machine is unknown, its file has mistakes, or it is a chip of several machines.
    """
    if not name.endswith(SUFFIX):
        return _preset(name)
    table = merged_table(name)
    if CHIP_TABLE in table:
        parts = table[CHIP_TABLE].values() if isinstance(table[CHIP_TABLE], Mapping) else ()
        raise InputError(
            f"{name} is a chip of several machines; a chip cannot be evaluated, explored or sampled as one machine",
            hint=f"give one of its machines: {', '.join(dict.fromkeys(map(str, parts)))}" if parts else None,
        )
    return checked(table, name)


@cache
def _preset(name: str) -> MachineFile:
    return checked(merged_table(name), name)


def _folder() -> Any:
    return files("lightloop.accelerator") / "machines"


@cache
def preset_table(name: str) -> dict[str, Any]:
    """The table of a preset as it stands in its file."""
    return tomllib.loads((_folder() / f"{name}{SUFFIX}").read_text(encoding="utf-8"))


def merged_table(name: str) -> dict[str, Any]:
    """The table of a machine with those that it extends merged below it. Raises `InputError` for unknown names."""
    return _merged(name, preset_names())


def _merged(name: str, allowed: list[str], depth: int = 0) -> dict[str, Any]:
    if depth > MAX_EXTENDS:
        raise InputError(
            f"machine files extend one another more than {MAX_EXTENDS} times; is there a circle at {name!r}?"
        )
    own_file = name.endswith(SUFFIX)
    known = _all_names() if depth else set(allowed)
    if not own_file and name not in known and Path(name).is_file():
        raise InputError(f"{name} is a file, but not one of a machine", hint=f"machine files end in {SUFFIX}")
    if not own_file and name not in known:
        raise unknown_name("machine", name, allowed, hint="or give the path of a machine file (.toml)")
    table = dict(read_table(Path(name)) if own_file else preset_table(name))
    table.pop("abstract", None)
    parent = table.pop("extends", None)
    if parent is None:
        return table
    if own_file and str(parent).endswith(SUFFIX):
        parent = Path(name).parent / str(parent)  # beside the file that says so
    return _merge(_merged(str(parent), allowed, depth + 1), table)


def _all_names() -> set[str]:
    return {entry.name.removesuffix(SUFFIX) for entry in _folder().iterdir() if entry.name.endswith(SUFFIX)}


def _merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        held = merged.get(key)
        both = isinstance(held, Mapping) and isinstance(value, Mapping)
        merged[key] = _merge(held, value) if both else value  # type: ignore[arg-type]
    return merged
