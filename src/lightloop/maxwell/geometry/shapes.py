"""Polygons of a material, and the vertices of common ones.

    rectangle(0, 0, 8, 3)                          strip(path, width) along any path of points
    arc_path((0, 5), 5, -90, 0)                    s_bend_path(0, 0, length_um=4, shift_um=1)

All lengths are in um. Curves are drawn with chords that leave them by at most `CHORD_ERROR_UM`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from lightloop.errors import InputError
from lightloop.maxwell.geometry.materials import check_material
from lightloop.maxwell.geometry.outlines import SAME_UM, Values, is_tensor, numbers, signed_area

Array = np.ndarray[Any, np.dtype[Any]]
# A tenth of a GDS file's database unit.
CHORD_ERROR_UM = 1e-4


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """A polygon filled with a material.

    Attributes:
        vertices_um: Along its boundary in either sense, shape (n, 2), x and y from the grid's lower left corner. A
            torch tensor keeps its gradient through `Device.permittivity`.
        material: A name of `materials.toml`, or ε_r.

    Raises:
        InputError: The vertices are not finite, are fewer than three, or enclose no area; the material is unknown.
    """

    vertices_um: Values
    material: str | complex

    def __post_init__(self) -> None:
        if not is_tensor(self.vertices_um):
            object.__setattr__(self, "vertices_um", _array(self.vertices_um))
        elif not self.vertices_um.is_floating_point():
            raise InputError(f"vertices of type {self.vertices_um.dtype}", allowed=["a tensor of float64 or float32"])
        else:
            object.__setattr__(self, "vertices_um", self.vertices_um.double())
        _refuse_no_polygon(numbers(self.vertices_um))
        check_material(self.material)

    def __repr__(self) -> str:
        (low_x, low_y), (high_x, high_y) = self.bounds_um
        return (
            f"Shape({len(self.vertices_um)} vertices within {low_x:g} to {high_x:g} by {low_y:g} to {high_y:g} um, "
            f"{self.material})"
        )

    @property
    def bounds_um(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """Lower left and upper right corner of its bounding box."""
        known = numbers(self.vertices_um)
        (low_x, low_y), (high_x, high_y) = known.min(0).tolist(), known.max(0).tolist()
        return (low_x, low_y), (high_x, high_y)

    def moved(self, x_um: float, y_um: float) -> Shape:
        """The same somewhere else."""
        shift = np.array([x_um, y_um])
        moved = self.vertices_um + (self.vertices_um.new_tensor(shift) if is_tensor(self.vertices_um) else shift)
        return Shape(moved, self.material)


class Path(NamedTuple):
    """A line through points.

    Attributes:
        points_um: Shape (n, 2).
        along: Unit vectors of its direction there, shape (n, 2).
    """

    points_um: Array
    along: Array


def rectangle(low_x_um: float, low_y_um: float, high_x_um: float, high_y_um: float) -> Array:
    """A rectangle between two corners."""
    return np.array([(low_x_um, low_y_um), (high_x_um, low_y_um), (high_x_um, high_y_um), (low_x_um, high_y_um)], float)


def taper(start_um: tuple[float, float], end_um: tuple[float, float], width_um: float, end_width_um: float) -> Array:
    """A strip along a straight line whose width goes from one value to another in proportion to the way."""
    return strip(straight_path(start_um, end_um), np.array([width_um, end_width_um]))


def strip(path: Path, width_um: float | Array) -> Array:
    """What lies within half a width of a path.

    Args:
        path: Its middle.
        width_um: One, or one at each point of the path, shape (n,).
    """
    left = np.stack([-path.along[:, 1], path.along[:, 0]], axis=1)
    half = left * 0.5 * np.broadcast_to(width_um, len(left))[:, None]
    return np.concatenate([path.points_um - half, (path.points_um + half)[::-1]])


def straight_path(start_um: tuple[float, float], end_um: tuple[float, float]) -> Path:
    """A straight line."""
    points = np.array([start_um, end_um], float)
    way = points[1] - points[0]
    return Path(points, np.tile(way / np.linalg.norm(way), (2, 1)))


def path_through(points_um: Sequence[tuple[float, float]] | Array) -> Path:
    """A line through points, its direction at each of them that from the one before to the one behind."""
    points = _array(points_um)
    way = np.gradient(points, axis=0)
    return Path(points, way / np.linalg.norm(way, axis=1)[:, None])


def arc_path(center_um: tuple[float, float], radius_um: float, from_deg: float, to_deg: float) -> Path:
    """A part of a circle, from one angle to another, counted anticlockwise from the x axis."""
    turn = math.radians(to_deg - from_deg)
    angle = np.linspace(math.radians(from_deg), math.radians(to_deg), _chords(radius_um, turn) + 1)
    out = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    along = math.copysign(1.0, turn) * np.stack([-np.sin(angle), np.cos(angle)], axis=1)
    return Path(np.array(center_um) + radius_um * out, along)


def s_bend_path(x_um: float, y_um: float, length_um: float, shift_um: float) -> Path:
    """y + shift (1 − cos(πs))/2 at x + length s, s from 0 to 1: level at both ends.

    The least radius is 2 length²/(π² shift), at the ends.
    """
    if shift_um == 0:
        return straight_path((x_um, y_um), (x_um + length_um, y_um))
    radius = 2.0 * length_um**2 / (math.pi**2 * abs(shift_um))
    s = np.linspace(0.0, 1.0, _chords(radius, length_um / radius) + 1)
    points = np.stack([x_um + length_um * s, y_um + shift_um * 0.5 * (1.0 - np.cos(math.pi * s))], axis=1)
    way = np.stack([np.full(len(s), length_um), shift_um * 0.5 * math.pi * np.sin(math.pi * s)], axis=1)
    way[[0, -1], 1] = 0.0
    return Path(points, way / np.linalg.norm(way, axis=1)[:, None])


def _chords(radius_um: float, turn_rad: float) -> int:
    """How many chords stay within `CHORD_ERROR_UM` of an arc: r (1 − cos(θ/2)) each."""
    step = math.sqrt(8.0 * CHORD_ERROR_UM / radius_um)
    return max(2, math.ceil(abs(turn_rad) / step))


def _array(vertices_um: Any) -> Array:
    try:
        return np.array(vertices_um, dtype=float)
    except (TypeError, ValueError):
        raise InputError(
            "vertices_um is not a table of numbers", allowed=["one x and y in um for each vertex, shape (n, 2)"]
        ) from None


def _refuse_no_polygon(vertices_um: Array) -> None:
    if vertices_um.ndim != 2 or vertices_um.shape[1] != 2 or len(vertices_um) < 3:
        raise InputError(
            f"vertices of shape {vertices_um.shape} are no polygon", allowed=["shape (n, 2) with n at least 3"]
        )
    broken = np.flatnonzero(~np.isfinite(vertices_um).all(1))
    if len(broken):
        raise InputError(
            f"vertex {broken[0] + 1} of {len(vertices_um)} is {vertices_um[broken[0]].tolist()}",
            allowed=["finite positions in um"],
        )
    if abs(signed_area(vertices_um)) <= SAME_UM * float(np.ptp(vertices_um, axis=0).max()):
        raise InputError(
            f"a polygon of {len(vertices_um)} vertices encloses no area",
            hint="give the vertices in order along the boundary, not all on one line",
        )
