"""What a design ends with."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from lightloop.inverse.evaluate import Score
from lightloop.inverse.measure import Features
from lightloop.inverse.options import DesignOptions


@dataclass(frozen=True)
class DesignResult:
    """A finished design; every score is of the exact solver.

    Attributes:
        task: Name.
        options: As given.
        steps: Of the optimiser, repairs included.
        projected: With the last, not quite sharp projection: what was optimised.
        binarisation: Of that pattern on its raster, 1 − mean 4 ρ (1 − ρ).
        binarised: Of the sharp pattern, on the grid of the design.
        reimported: Of the polygons read back from the file, on the same grid.
        finer: Of those on a grid twice as fine.
        corners: Of those on the grid of the design, by deviation.
        features: Of those, measured on a raster of its own.
        polygons, dropped: How many there are; islands and holes too small to keep.
        seconds: Processor time, all in all.
    """

    task: str
    options: DesignOptions
    steps: int
    projected: Score
    binarisation: float
    binarised: Score
    reimported: Score
    finer: Score
    corners: dict[str, Score]
    features: Features
    polygons: int
    dropped: int
    seconds: float

    @property
    def change_by_file(self) -> float:
        """|figure of the polygons read back − that of the sharp pattern|."""
        return abs(self.reimported.figure - self.binarised.figure)

    @property
    def worst_corner(self) -> tuple[str, float]:
        """Its name and figure."""
        name = min(self.corners, key=lambda one: self.corners[one].figure)
        return name, self.corners[name].figure

    def to_dict(self) -> dict[str, Any]:
        """For `result.json`."""
        return {
            "task": self.task,
            "options": asdict(self.options),
            "figure": self.reimported.figure,
            **{name: getattr(self, name).to_dict() for name in ("projected", "binarised", "reimported", "finer")},
            "binarisation": self.binarisation,
            "change_by_file": self.change_by_file,
            "corners": {name: score.to_dict() for name, score in self.corners.items()},
            "min_feature_um": self.features.smallest_um,
            "min_solid_um": self.features.solid_um,
            "min_void_um": self.features.void_um,
            "polygons": self.polygons,
            "dropped": self.dropped,
            "steps": self.steps,
            "cpu_seconds": self.seconds,
        }
