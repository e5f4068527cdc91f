"""GDSII files: devices out, and any layout in.

A device is one cell. Its shapes are polygons in the order of the device, one layer for each material from layer 1 on.
Layer 0 holds the frame of the grid, with labels that say what GDSII has no place for:

    background = SiO2      pml_um = 0.75      layer 1 = Si

and layer 999 a box and a label across each port: `port in: direction +, axis x, span_um 1.4, mode 0`. The origin is the
lower left corner of the grid. A file without such a frame is anyone's: what its layers are made of is then told.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from lightloop.errors import InputError, unknown_name
from lightloop.maxwell.geometry.device import PML_UM, Device
from lightloop.maxwell.geometry.materials import name_or_number
from lightloop.maxwell.geometry.outlines import numbers
from lightloop.maxwell.geometry.shapes import Shape
from lightloop.maxwell.ports import Port
from lightloop.runs import write_file

Layer = tuple[int, int]
FRAME: Layer = (0, 0)
PORTS: Layer = (999, 0)
FIRST_LAYER = 1
SUFFIXES = (".gds", ".gdsii")
# What the format allows a polygon; larger ones are split.
MOST_VERTICES = 8190
# Files of the same device are the same to the last byte.
TIMESTAMP = datetime(2000, 1, 1, tzinfo=UTC)
PORT_LABEL = re.compile(
    r"port (?P<name>.+): direction (?P<direction>\S+), axis (?P<axis>\S+), "
    r"span_um (?P<span_um>\S+), mode (?P<mode>\S+)"
)
BOX_UM = 0.1


@dataclass(frozen=True, slots=True)
class Foreign:
    """What a layout does not say of itself.

    Attributes:
        layers: Material, or ε_r, of each (layer, data type) that is read; later ones lie over earlier ones.
        background: Material, or ε_r, where no shape is.
        window_um: Low x, low y, high x, high y of the grid in the file's coordinates. Its sides should cut the guides,
            which then run through the absorbing layers. None for the shapes and `margin_um` around them.
        margin_um: Around the shapes if there is no window.
        ports: In the file's coordinates.
        pml_um: Thickness of the absorbing layers.
        cell: Name of the cell; the only one that no other cell holds if None.
    """

    layers: Mapping[Layer, str | complex]
    background: str | complex
    window_um: tuple[float, float, float, float] | None = None
    margin_um: float = 0.0
    ports: Sequence[Port] = ()
    pml_um: float = PML_UM
    cell: str | None = None


def write_gds(device: Device, path: str | Path, database_nm: float = 1.0) -> Path:
    """Write a device.

    Args:
        device: Vertices are rounded to the database unit.
        path: Written as a whole or not at all.
        database_nm: The database unit.

    Raises:
        InputError: The unit cannot be used.
    """
    import gdstk

    if not 0 < database_nm <= 100:
        raise InputError(f"database_nm={database_nm} cannot be used", allowed=["more than 0, up to 100"])
    library = gdstk.Library("lightloop", unit=1e-6, precision=database_nm * 1e-9)
    cell = library.new_cell(re.sub(r"[^A-Za-z0-9_?$]", "_", device.name) or "device")
    materials = list(dict.fromkeys(shape.material for shape in device.shapes))
    number = {material: FIRST_LAYER + place for place, material in enumerate(materials)}
    cell.add(gdstk.rectangle((0, 0), device.size_um, *FRAME))
    facts = [f"name = {device.name}", f"background = {device.background}", f"pml_um = {device.pml_um!r}"]
    for fact in facts + [f"layer {layer} = {material}" for material, layer in number.items()]:
        cell.add(gdstk.Label(fact, (0, 0), layer=FRAME[0], texttype=FRAME[1]))
    for shape in device.shapes:
        cell.add(gdstk.Polygon(numbers(shape.vertices_um).tolist(), number[shape.material], 0))
    for port in device.ports:
        cell.add(*_drawn(port))
    return write_file(path, lambda temporary: library.write_gds(temporary, MOST_VERTICES, TIMESTAMP))


def read_gds(path: str | Path, foreign: Foreign | None = None) -> Device:
    """A device from a GDSII file.

    Args:
        path: Written by `write_gds`, or by another program.
        foreign: For those, what the file does not say.

    Raises:
        InputError: The file is missing, broken, or holds no shapes; or it is another program's, and `foreign` is not
            given or does not fit it.
    """
    cell = _cell(Path(path), foreign.cell if foreign else None)
    if foreign is not None:
        return _foreign(Path(path), cell, foreign)
    facts = dict(_fact(label.text) for label in cell.labels if (label.layer, label.texttype) == FRAME)
    frame = [polygon for polygon in cell.polygons if (polygon.layer, polygon.datatype) == FRAME]
    if "background" not in facts or len(frame) != 1:
        layers = sorted({(one.layer, one.datatype) for one in cell.get_polygons()})
        raise InputError(
            f"{path} does not say what its layers are made of",
            hint=f"tell the material of its layers ({_names(layers)}), the background, and the ports",
        )
    return _own(Path(path), cell, facts, frame[0])


def layer_of(text: str) -> Layer:
    """(layer, data type) from "1/0", or "1" for data type 0.

    Raises:
        InputError: It is neither.
    """
    if not re.fullmatch(r"\d{1,5}(/\d{1,5})?", text):
        raise InputError(f"a layer {text!r}", allowed=["LAYER/DATATYPE as in 1/0, or LAYER alone"])
    layer, _, kind = text.partition("/")
    return int(layer), int(kind or 0)


def _drawn(port: Port) -> list[Any]:
    """A box and a label."""
    import gdstk

    place = np.array([port.position_um, port.center_um])
    half = 0.5 * np.array([BOX_UM, port.span_um])
    if port.axis == "y":
        place, half = place[::-1], half[::-1]
    text = f"port {port.name}: direction {port.direction}, axis {port.axis}, span_um {port.span_um!r}, mode {port.mode}"
    return [
        gdstk.rectangle(tuple(place - half), tuple(place + half), *PORTS),
        gdstk.Label(text, tuple(place), layer=PORTS[0], texttype=PORTS[1]),
    ]


def _cell(path: Path, name: str | None) -> Any:
    import gdstk

    if not path.is_file():
        raise InputError(f"file not found: {path}")
    if path.read_bytes()[:4] != b"\x00\x06\x00\x02":  # the header record, which every such file begins with
        raise InputError(f"{path} is not a GDSII file")
    try:
        library = gdstk.read_gds(path, unit=1e-6)
    except (OSError, RuntimeError, ValueError) as error:
        raise InputError(f"{path} is broken: {error}", hint="write it again") from None
    cells = {cell.name: cell for cell in library.cells}
    if name is not None and name not in cells:
        raise unknown_name("cell", name, cells)
    top = [cells[name]] if name is not None else library.top_level()
    if len(top) != 1:
        names = sorted(cell.name for cell in top)
        raise InputError(f"{path} has {len(top)} cells on top", allowed=names, hint="name the one that is the device")
    return top[0]


def _fact(text: str) -> tuple[str, str]:
    name, _, value = text.partition(" = ")
    return name, value


def _own(path: Path, cell: Any, facts: dict[str, str], frame: Any) -> Device:
    materials = {
        int(name.removeprefix("layer ")): name_or_number(value)
        for name, value in facts.items()
        if re.fullmatch(r"layer \d+", name)
    }
    drawn = [one for one in cell.polygons if (one.layer, one.datatype) not in (FRAME, PORTS)]
    _refuse_nothing(path, drawn)
    unnamed = sorted({one.layer for one in drawn} - materials.keys())
    if unnamed:
        raise InputError(f"{path} does not say what layer {unnamed[0]} is made of", hint="write it again")
    ports = [_port(path, label) for label in cell.labels if (label.layer, label.texttype) == PORTS]
    shapes = tuple(Shape(one.points, materials[one.layer]) for one in drawn)
    size_x, size_y = frame.bounding_box()[1]
    name, pml_um = facts.get("name", cell.name), _number(path, "pml_um", facts.get("pml_um", repr(PML_UM)))
    return Device(name, (size_x, size_y), name_or_number(facts["background"]), shapes, tuple(ports), pml_um)


def _port(path: Path, label: Any) -> Port:
    known = PORT_LABEL.fullmatch(label.text)
    if known is None:
        raise InputError(f"{path}: the label {label.text!r} on layer {PORTS[0]} describes no port")
    axis, direction = known["axis"], known["direction"]
    place = label.origin if axis == "x" else label.origin[::-1]
    span, mode = _number(path, "span_um", known["span_um"]), int(_number(path, "mode", known["mode"]))
    return Port(known["name"], axis, float(place[0]), float(place[1]), span, direction, mode)  # type: ignore[arg-type]


def _number(path: Path, name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise InputError(f"{path}: {name} is {text!r}", allowed=["a number"]) from None


def _foreign(path: Path, cell: Any, foreign: Foreign) -> Device:
    drawn = {layer: [] for layer in foreign.layers}  # type: dict[Layer, list[Any]]
    other = set()
    for polygon in cell.get_polygons():
        layer = (polygon.layer, polygon.datatype)
        drawn.get(layer, []).append(polygon.points)
        other.add(layer)
    missing = [layer for layer in foreign.layers if layer not in other]
    if missing:
        raise InputError(f"{path} has nothing on layer {_names(missing)}", allowed=_names(sorted(other)).split(", "))
    shapes = [Shape(points, foreign.layers[layer]) for layer, polygons in drawn.items() for points in polygons]
    _refuse_nothing(path, shapes)
    low, high = _window(foreign, shapes)
    ports = tuple(_shifted(port, low) for port in foreign.ports)
    size = float(high[0] - low[0]), float(high[1] - low[1])
    shapes = [shape.moved(-low[0], -low[1]) for shape in shapes if _reaches(shape, low, high)]
    return Device(path.stem, size, foreign.background, tuple(shapes), ports, foreign.pml_um)


def _window(foreign: Foreign, shapes: Sequence[Shape]) -> tuple[Any, Any]:
    if foreign.window_um is not None:
        return np.array(foreign.window_um[:2]), np.array(foreign.window_um[2:])
    bounds = np.array([shape.bounds_um for shape in shapes])
    return bounds[:, 0].min(0) - foreign.margin_um, bounds[:, 1].max(0) + foreign.margin_um


def _reaches(shape: Shape, low: Any, high: Any) -> bool:
    first, last = shape.bounds_um
    return bool(np.all(np.array(first) < high) and np.all(np.array(last) > low))


def _shifted(port: Port, low: Any) -> Port:
    along, across = low if port.axis == "x" else low[::-1]
    position, center = port.position_um - along, port.center_um - across
    return Port(port.name, port.axis, float(position), float(center), port.span_um, port.direction, port.mode)


def _refuse_nothing(path: Path, shapes: Sequence[Any]) -> None:
    if not shapes:
        raise InputError(f"{path} holds no shapes", hint="draw at least one polygon on a layer that is read")


def _names(layers: Sequence[Layer]) -> str:
    return ", ".join(f"{layer}/{kind}" for layer, kind in layers) or "none"
