"""Device files: TOML that names a preset, draws a device, or reads a layout, and says how to simulate it.

    [device]                       [device]                          [device]
    kind = "mmi"                   size_um = [6.0, 4.0]              gds = "chip.gds"
    n_in = 1                       background = "SiO2"               layers = { "1/0" = "Si" }
    n_out = 2                                                        background = "SiO2"
                                   [[shape]]                         window_um = [0, 0, 12, 6]
    [simulation]                   material = "Si"
    dl_um = 0.05                   rectangle_um = [-1, 1.75, 7, 2.25]
    wavelength_um = [1.54, 1.55]
    polarization = "Ez"            [[port]]
                                   name = "in"
                                   ...

All three take a `[simulation]`; drawings and layouts take `[[port]]`s, and a layout by `write_gds` needs `gds` alone.
Materials are names of `materials.toml`, or relative permittivities: 12.11, or "12.11-0.01j".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from inspect import signature
from pathlib import Path
from typing import Annotated, Any, get_type_hints

from pydantic import Field, create_model

from lightloop.errors import InputError, unknown_name
from lightloop.maxwell.devices import DEVICES
from lightloop.maxwell.geometry.device import PML_UM, Device
from lightloop.maxwell.geometry.device_entries import (
    Corners,
    Length,
    Material,
    Number,
    Options,
    Polarizations,
    PortEntry,
    ShapeEntry,
)
from lightloop.maxwell.geometry.gds import SUFFIXES, Foreign, layer_of, read_gds
from lightloop.maxwell.simulation import Simulation
from lightloop.settings import Settings, mistaken, parse_settings, read_table


class DrawnEntry(Settings):
    """`[device]` of a drawing, as `Device`."""

    name: str = ""
    size_um: tuple[Length, Length]
    background: Material
    pml_um: Annotated[Number, Field(ge=0)] = PML_UM


class LayoutEntry(Settings):
    """`[device]` of a layout, as `Foreign`; `gds` is beside the device file, or an absolute path."""

    gds: str
    layers: dict[str, Material] | None = None
    background: Material | None = None
    window_um: Corners | None = None
    margin_um: Number = 0.0
    pml_um: Annotated[Number, Field(ge=0)] = PML_UM
    cell: str | None = None


class DrawnFile(Settings):
    """A file that draws its device."""

    device: DrawnEntry
    shape: tuple[ShapeEntry, ...] = ()
    port: tuple[PortEntry, ...] = ()
    simulation: Options = Options()

    def build(self, path: Path) -> Device:
        """The device."""
        shapes = tuple(entry.shape() for entry in self.shape)
        ports = tuple(entry.port() for entry in self.port)
        entry = self.device
        return Device(entry.name or path.stem, entry.size_um, entry.background, shapes, ports, entry.pml_um)


class LayoutFile(Settings):
    """A file that reads its device from a GDSII file."""

    device: LayoutEntry
    port: tuple[PortEntry, ...] = ()
    simulation: Options = Options()

    def build(self, path: Path) -> Device:
        """The device.

        Raises:
            InputError: The layout cannot be read.
        """
        entry, layout = self.device, path.parent / self.device.gds
        if entry.layers is None and entry.background is None and not self.port:
            return read_gds(layout)
        if not entry.layers or entry.background is None:
            raise InputError(
                f"{path}: a layout of another program needs both layers and background",
                hint='for example layers = { "1/0" = "Si" } and background = "SiO2"',
            )
        layers = {layer_of(name): material for name, material in entry.layers.items()}
        options = entry.model_dump(include={"background", "window_um", "margin_um", "pml_um", "cell"})
        return read_gds(layout, Foreign(layers, ports=[one.port() for one in self.port], **options))


class PresetFile(Settings):
    """A file that names its device: one of `DEVICES`, whose parameters `device` then has as well."""

    device: Any
    simulation: Options = Options()

    def build(self, path: Path) -> Device:
        """The device."""
        given = {name: getattr(self.device, name) for name in self.device.model_fields_set}
        return DEVICES[given.pop("kind")](**given)


@dataclass(frozen=True, slots=True)
class DeviceFile:
    """What a device file says.

    Attributes:
        device: The device.
        dl_um: Side of a cell.
        wavelengths_um: In vacuum, one or more.
        polarization: "Ez" or "Hz".
    """

    device: Device
    dl_um: float
    wavelengths_um: tuple[float, ...]
    polarization: Polarizations

    def simulation(self, wavelength_um: float | None = None) -> Simulation:
        """The device on its grid, at the first wavelength unless another is given."""
        chosen = self.wavelengths_um[0] if wavelength_um is None else wavelength_um
        return self.device.simulation(self.dl_um, chosen, self.polarization)


def load_device_file(path: str | Path) -> DeviceFile:
    """A device and how to simulate it, from a device file or a layout by `write_gds` (`.gds`, with default options).

    Raises:
        InputError: With every mistake in the file, or because the device cannot be built.
    """
    path = Path(path)
    if path.suffix.lower() in SUFFIXES:
        return _with(read_gds(path), Options())
    return device_of_table(read_table(path), path)


def device_of_table(table: Mapping[str, Any], path: Path) -> DeviceFile:
    """The same of what a device file holds; `path` is for messages, for the name of a drawing, and to find layouts."""
    settings: Any = parse_settings(_model_for(table, path), table, str(path))
    return _with(settings.build(path), settings.simulation)


def _with(device: Device, options: Options) -> DeviceFile:
    return DeviceFile(device, options.dl_um, options.wavelength_um, options.polarization)


def _model_for(table: Mapping[str, Any], path: Path) -> type[Settings]:
    """The settings that fit the first of the keys in `[device]` that tells one kind of file from another."""
    device = table.get("device")
    if not isinstance(device, dict):
        raise mistaken(str(path), ["device: a table [device] is missing"])
    if "kind" in device:
        return _preset(device["kind"])
    return LayoutFile if "gds" in device else DrawnFile


def _preset(kind: Any) -> type[Settings]:
    """A model of the parameters of a preset."""
    if not isinstance(kind, str) or kind not in DEVICES:
        raise unknown_name("device", str(kind), DEVICES)
    builder = DEVICES[kind]
    hints = get_type_hints(builder)
    fields: dict[str, Any] = {
        name: (Material if hints[name] == str | complex else hints[name], one.default)
        for name, one in signature(builder).parameters.items()
    }
    device = create_model("Preset", __base__=Settings, kind=(str, ...), **fields)
    return create_model("PresetFile", __base__=PresetFile, device=(device, ...))
