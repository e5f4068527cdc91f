"""What the options of a design stand for, and whether they can be used."""

from __future__ import annotations

import math
from collections.abc import Callable

from lightloop.errors import InputError, unknown_name
from lightloop.inverse.density import Density
from lightloop.inverse.levelset import LevelSet
from lightloop.inverse.options import DesignOptions
from lightloop.inverse.parametrization import Canvas, Parametrization
from lightloop.inverse.task import Task

PARAMETRIZATIONS: dict[str, Callable[[Canvas], Parametrization]] = {"density": Density, "levelset": LevelSet}
# Whether edges that move count, from what the task says.
ROBUST: dict[str, Callable[[Task], bool]] = {
    "auto": lambda task: task.robust,
    "etch": lambda task: True,
    "none": lambda task: False,
}
# Of the radius of the cone to the smallest feature asked for: what is found stays above it with room to spare.
MARGIN = 1.25
# Cells that the smallest feature is to have: fewer do not show it.
CELLS_IN_FEATURE = 2.0
# So that the cone stays within what is known around a region.
LARGEST_UM = 0.5


def check_options(options: DesignOptions, task: Task) -> None:
    """Raises `InputError` for what cannot be used."""
    if options.parametrization not in PARAMETRIZATIONS:
        raise unknown_name("parametrization", options.parametrization, PARAMETRIZATIONS)
    if options.robust not in ROBUST:
        raise unknown_name("value of robust", options.robust, ROBUST)
    if not (math.isfinite(options.dl_um) and options.dl_um > 0):
        raise InputError(f"dl_um={options.dl_um} cannot be used", allowed=["a length > 0"])
    low, high = CELLS_IN_FEATURE * options.dl_um, min(0.25 * min(task.region_um), LARGEST_UM)
    if not low <= options.min_feature_um <= high:
        raise InputError(
            f"a smallest feature of {options.min_feature_um:g} um cannot be designed with cells of {options.dl_um:g} "
            f"um in a region of {task.region_um[0]:g} x {task.region_um[1]:g} um",
            allowed=[f"{low:g} to {high:g} um"],
            hint="choose another min_feature_um, or a smaller dl_um",
        )
    if options.iterations < 0 or options.seed < 0:
        raise InputError(
            f"iterations={options.iterations}, seed={options.seed} cannot be used", allowed=["whole numbers >= 0"]
        )


def parametrization(options: DesignOptions, canvas: Canvas) -> Parametrization:
    """The one that the options name."""
    return PARAMETRIZATIONS[options.parametrization](canvas)
