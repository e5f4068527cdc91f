"""A drawn design in a GDS file, and back."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lightloop.inverse.layout import PML_UM, Layout
from lightloop.inverse.options import DesignOptions
from lightloop.maxwell.geometry.device import Device
from lightloop.maxwell.geometry.gds import read_gds, write_gds
from lightloop.maxwell.geometry.outlines import numbers
from lightloop.maxwell.geometry.shapes import Shape

Array = np.ndarray[Any, np.dtype[Any]]


def write_solid(path: Path, layout: Layout, solid: Sequence[Array], options: DesignOptions) -> Path:
    """Polygons in um as a device that `lightloop field simulate` reads."""
    shapes = tuple(Shape(polygon, options.solid) for polygon in solid)
    return write_gds(Device(layout.task.name, layout.size_um, options.void, shapes, layout.ports(), PML_UM), path)


def read_solid(path: Path) -> list[Array]:
    """The polygons of a file."""
    return [numbers(shape.vertices_um) for shape in read_gds(path).shapes]
