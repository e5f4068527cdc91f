"""Tables of device files: materials, lengths, ports, shapes, and how to simulate."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from lightloop.maxwell.geometry.materials import check_material, name_or_number
from lightloop.maxwell.geometry.shapes import Shape, Values, path_through, rectangle, strip
from lightloop.maxwell.ports import Port
from lightloop.settings import Settings

Polarizations = Literal["Ez", "Hz"]


def _material(given: Any) -> Any:
    """A name or ε_r, checked."""
    if not isinstance(given, str | int | float) or isinstance(given, bool):
        raise ValueError("a material is a name, a number, or a complex number as text")
    material = name_or_number(given) if isinstance(given, str) else float(given)
    check_material(material)
    return material


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise ValueError("must be a finite number")
    return value


def _several(value: Any) -> Any:
    return value if isinstance(value, list | tuple) else [value]


Material = Annotated[Any, AfterValidator(_material)]
Number = Annotated[float, AfterValidator(_finite)]
Length = Annotated[Number, Field(gt=0)]
Point = tuple[Number, Number]
Corners = tuple[Number, Number, Number, Number]


class Options(Settings):
    """How to simulate: `[simulation]`.

    Attributes:
        dl_um: Side of a cell.
        wavelength_um: In vacuum; one or several.
        polarization: "Ez" or "Hz".
    """

    dl_um: Length = 0.05
    wavelength_um: Annotated[tuple[Length, ...], BeforeValidator(_several), Field(min_length=1)] = (1.55,)
    polarization: Polarizations = "Ez"


class PortEntry(Settings):
    """A `[[port]]`, as `Port`."""

    name: str
    axis: Literal["x", "y"]
    position_um: Number
    center_um: Number
    span_um: Length
    direction: Literal["+", "-"]
    mode: Annotated[int, Field(ge=0)] = 0

    def port(self) -> Port:
        """The port."""
        return Port(**self.model_dump())


class ShapeEntry(Settings):
    """A `[[shape]]`: a polygon, a rectangle between two corners, or a strip along a path.

    Attributes:
        material: Of the shape.
        polygon_um: Vertices along the boundary.
        rectangle_um: Low x, low y, high x, high y.
        path_um, width_um: Points of the strip's middle, and its width.
    """

    material: Material
    polygon_um: list[Point] | None = None
    rectangle_um: Corners | None = None
    path_um: Annotated[list[Point], Field(min_length=2)] | None = None
    width_um: Length | None = None

    @model_validator(mode="after")
    def _of_one_kind(self) -> ShapeEntry:
        given = [name for name in OUTLINES if getattr(self, name) is not None]
        if len(given) != 1 or (self.path_um is None) != (self.width_um is None):
            raise ValueError(f"a shape has one of {', '.join(OUTLINES)}; path_um goes with width_um")
        self.shape()
        return self

    def shape(self) -> Shape:
        """The shape."""
        name = next(name for name in OUTLINES if getattr(self, name) is not None)
        return Shape(OUTLINES[name](self), self.material)


OUTLINES: dict[str, Callable[[Any], Values]] = {
    "polygon_um": lambda entry: entry.polygon_um,
    "rectangle_um": lambda entry: rectangle(*entry.rectangle_um),
    "path_um": lambda entry: strip(path_through(entry.path_um), entry.width_um),
}
