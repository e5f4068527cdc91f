"""Devices with parameters that a sweep varies, as tables of a device file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from inspect import signature
from pathlib import Path
from typing import Any

from lightloop.errors import InputError, unknown_name
from lightloop.maxwell.devices import DEVICES
from lightloop.maxwell.geometry.device import Device
from lightloop.maxwell.geometry.device_file import DeviceFile, device_of_table, load_device_file
from lightloop.maxwell.geometry.gds import SUFFIXES as LAYOUTS
from lightloop.runs import file_sha256
from lightloop.settings import read_table

TABLES = (".toml", ".yaml", ".yml")


@dataclass(frozen=True)
class Parametric:
    """What a device file holds, as a function of the parameters of its device.

    Attributes:
        table: As in a device file.
        path: Of the file; only its name where there is none.
    """

    table: Mapping[str, Any]
    path: Path = field(default_factory=Path)

    def __call__(self, **parameters: Any) -> Device:
        """The device. Raises `InputError` for parameters that it does not have, or cannot have."""
        return self.file(parameters).device

    def file(self, parameters: Mapping[str, Any]) -> DeviceFile:
        """The device with its options."""
        table = dict(self.table)
        if parameters and isinstance(table.get("device"), Mapping):
            table["device"] = {**table["device"], **parameters}
        return device_of_table(table, self.path)


@dataclass(frozen=True)
class Layout:
    """A layout that says itself what it is made of; it has no parameters."""

    path: Path

    def __call__(self, **parameters: Any) -> Device:
        """The device. Raises `InputError` for any parameter, or a file that cannot be read."""
        return self.file(parameters).device

    def file(self, parameters: Mapping[str, Any]) -> DeviceFile:
        """The device with default options."""
        if parameters:
            raise InputError(f"{self.path} has no {', '.join(parameters)}", hint="a layout has no parameters")
        return load_device_file(self.path)


@dataclass(frozen=True)
class Source:
    """Where a device comes from.

    Attributes:
        build: The device of parameters.
        options: How its file says to simulate it.
        record: Everything that it is made from, for `run.toml`.
    """

    build: Parametric | Layout
    options: DeviceFile
    record: dict[str, Any]


def source_of(device: str, parameters: Mapping[str, float | str], varied: Mapping[str, float]) -> Source:
    """A device by name or file.

    Args:
        device: The name of a preset, or the path of a device file or a layout.
        parameters: Set on top of those of the file.
        varied: One value of each parameter that will be swept.

    Raises:
        InputError: There is no such device, it has no such parameter, or its file has mistakes.
    """
    path = Path(device)
    kind = path.suffix.lower()
    if kind in LAYOUTS:
        layout = Layout(path)
        return Source(layout, layout.file({**parameters, **varied}), {"device": path.name, "sha256": _digest(path)})
    if kind not in TABLES and device not in DEVICES:
        raise unknown_name("device", device, [*DEVICES, *(f"FILE{suffix}" for suffix in (*TABLES, *LAYOUTS))])
    table = read_table(path) if kind in TABLES else {"device": {"kind": device}}
    if parameters and isinstance(table.get("device"), Mapping):
        table = {**table, "device": {**table["device"], **parameters}}
    build = Parametric(table, path)
    options = build.file(varied)
    return Source(build, options, {"device": path.name, "file": table, "sha256": _digest_of_layout(table, path)})


def parameters_of(kind: str) -> dict[str, Any]:
    """The parameters of a preset and their defaults. Raises `InputError` for one that is not there."""
    if kind not in DEVICES:
        raise unknown_name("device", kind, DEVICES)
    return {name: one.default for name, one in signature(DEVICES[kind]).parameters.items()}


def _digest(path: Path) -> str | None:
    return file_sha256(path) if path.is_file() else None


def _digest_of_layout(table: Mapping[str, Any], path: Path) -> str | None:
    """Of the layout that a device file reads."""
    layout = table["device"].get("gds")
    return _digest(path.parent / layout) if layout else None
