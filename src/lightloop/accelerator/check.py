"""Everything that is wrong with a machine file, found at once.

Beside what the schema refuses: stages that follow unknown stages or go round in a circle, losses below zero, device
constants without a unit, and formulas that use names which nothing defines before them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError

from lightloop.accelerator.devices import constant_mistakes, device_library, read_constants
from lightloop.accelerator.formulas import formula
from lightloop.accelerator.path import LASER, order
from lightloop.accelerator.schema import MachineFile, Stage
from lightloop.errors import InputError
from lightloop.settings import mistaken, mistakes

SIZE_NAMES = (
    "height",
    "width",
    "wavelengths",
    "tiles",
    "cores_per_tile",
    "accumulation",
    "clock",
    "bits",
    "laser_margin",
)
# What mapping knows of a product before the machine's own events.
PRODUCT_NAMES = ("m", "k", "n", "heads", "dynamic", "static", "passes", "i_m", "i_k", "i_n", "blocks", "repriced",
                 "exact", "convolution")  # fmt: skip
MEMORY_NAMES = ("hbm_elements",)


def checked(table: Mapping[str, Any], source: str) -> MachineFile:
    """`table` as a machine file. Raises `InputError` with every mistake, one line each."""
    lines = [line for line in mistakes(MachineFile, table) if not line.startswith("devices.")]
    lines += constant_mistakes(_table(table, "devices"), "devices.")
    lines += _path_mistakes(_table(_table(table, "link"), "path"))
    if not lines:
        file = MachineFile.model_validate(dict(table))
        lines = _name_mistakes(file, source)
        if not lines:
            return file
    raise mistaken(source, lines)


def _table(table: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    inner = table.get(key, {})
    return inner if isinstance(inner, Mapping) else {}


def _path_mistakes(path: Mapping[str, Any]) -> list[str]:
    stages: dict[str, Stage] = {}
    for name, raw in path.items():
        try:
            stages[name] = Stage.model_validate(raw)
        except (ValidationError, TypeError):
            continue  # told by the schema
    lines = [
        f"link.path.{name}.after: {_unknown('stage', before, [LASER, *path])}"
        for name, stage in stages.items()
        for before in stage.after
        if before not in (LASER, *path)
    ]
    lines += [f"link.path.{name}.after: names no stage" for name, stage in stages.items() if not stage.after]
    lines += [
        f"link.path.{name}.loss_db: a loss is not negative, got {stage.loss_db}"
        for name, stage in stages.items()
        if _is_negative_number(stage.loss_db)
    ]
    if path and not lines and len(stages) == len(path):
        try:
            order(stages)
        except InputError as error:
            lines.append(error.message)
    return lines


def _is_negative_number(text: str) -> bool:
    try:
        return float(text) < 0
    except ValueError:
        return False


def _name_mistakes(file: MachineFile, source: str) -> list[str]:
    constants = {**device_library().constants, **read_constants(file.devices, source)}
    known = {constant.si_name for constant in constants.values()} | set(SIZE_NAMES)
    lines: list[str] = []

    def look(place: str, formulas: Mapping[str, str], extra: Iterable[str] = ()) -> None:
        for name, text in formulas.items():
            lines.extend(
                f"{place}{name}: formula {text!r}: {_unknown('quantity', missing, [*known, *extra])}"
                for missing in sorted(formula(text).names - known - set(extra))
            )

    for name, text in file.define.items():
        look("define.", {name: text})
        known.add(name)
    look("link.path.", {f"{name}.loss_db": stage.loss_db for name, stage in file.link.path.items()})
    look("link.", {"split": file.link.split, "snr_per_photon": file.link.snr_per_photon})
    known.add("laser_power")
    look("area.", file.area)
    look("power.", file.power)
    look("charge.", {f"{name}.power": charge.power for name, charge in file.charge.items()})
    if file.node:
        boxes = file.node.devices.items()
        look("node.", {"spacing_x": file.node.spacing_x, "spacing_y": file.node.spacing_y})
        look("node.devices.", {f"{name}.{key}": text for name, box in boxes for key, text in dict(box).items()})
    known |= set(PRODUCT_NAMES)
    for name, text in file.events.items():
        look("events.", {name: text})
        known.add(name)
    look("mapping.", {"program_time": file.mapping.program_time})
    look("latency.", dict(file.latency))
    if file.wear:
        look("wear.", dict(file.wear))
    look("energy.", file.energy, MEMORY_NAMES)
    if not {"operand_1", "encodings_1", "encodings_2", "conversions"} <= file.events.keys():
        lines.append("events: operand_1, encodings_1, encodings_2 and conversions are needed")
    return lines


def _unknown(kind: str, given: str, known: Iterable[str]) -> str:
    near = get_close_matches(given, sorted(set(known)), n=1, cutoff=0.5)
    return f"unknown {kind} {given!r}" + (f"; did you mean {near[0]!r}?" if near else "")
