"""A task, on a grid, described in one way: what a set of parameters is worth, and its pattern."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from lightloop.inverse.feature import violation
from lightloop.inverse.layout import Layout, Medium
from lightloop.inverse.measure import features_of_polygons, violations
from lightloop.inverse.options import DesignOptions
from lightloop.inverse.outline import Outline, opened_and_closed, outline
from lightloop.inverse.parametrization import REFINEMENT, Canvas, Parametrization, cells, raster
from lightloop.inverse.projection import MIDDLE
from lightloop.inverse.scattering import Scatterings
from lightloop.inverse.schedule import Stage
from lightloop.inverse.symmetry import check_symmetries
from lightloop.inverse.task import Task
from lightloop.inverse.ways import MARGIN, ROBUST, check_options, parametrization
from lightloop.maxwell.geometry.materials import permittivity

if TYPE_CHECKING:
    from torch import Tensor

Array = np.ndarray[Any, np.dtype[Any]]
ETCH_UM = 0.01
# How far of it edges are moved, one step after the other.
REACH = (1.0, 0.5)
# Of the disc that finds what is too small while it is repaired to the smallest feature.
BLEMISH = 1.1
# Of discs that finish a pattern to the smallest feature, which is to hold when measured on a raster.
FINISH = (1.0, 1.05, 1.1, 1.2)


class Worth(NamedTuple):
    """Of parameters.

    Attributes:
        loss: What is made small.
        figure: The task's, the mean over moved edges.
        violation: Of the smallest feature, solid and void.
    """

    loss: Tensor
    figure: Tensor
    violation: Tensor


@dataclass(frozen=True)
class Problem:
    """What is optimised."""

    task: Task
    layout: Layout
    options: DesignOptions
    way: Parametrization
    scatterings: Scatterings

    def edges_um(self, step: int) -> tuple[float, ...]:
        """By how much edges are moved where the figure is looked at in a step: not at all, and outwards and inwards.

        By the whole of `ETCH_UM` in one step and half of it in the next, so that a pattern is not good at the ends of
        the range alone.
        """
        if not ROBUST[self.options.robust](self.task):
            return (0.0,)
        edge_um = ETCH_UM * REACH[step % len(REACH)]
        return 0.0, edge_um, -edge_um

    def worth(self, parameters: Tensor, stage: Stage, step: int) -> Worth:
        """How good parameters are at a step of a stage."""
        import torch

        edges = [edge_um / self.options.dl_um for edge_um in self.edges_um(step)]
        rhos = [cells(raster(self.way, parameters, stage.beta, edge)) for edge in edges]
        figure = torch.stack([self.task.figure(self.scatterings(rho)) for rho in rhos]).mean()
        canvas, rho = self.way.canvas, rhos[0]
        too_small = sum(violation(self.way.smooth(parameters, rho), canvas.framed(rho, 1), canvas.radius))
        assert isinstance(too_small, torch.Tensor)
        if stage.repairs:
            too_small = too_small + self.blemishes(parameters)
        return Worth(1.0 - figure + stage.weight * too_small, figure, too_small)

    def blemishes(self, parameters: Tensor) -> Tensor:
        """How far what is measured as too small is from being gone: the mean of f there, or of 1 − f in gaps."""
        import torch

        canvas, f = self.way.canvas, self.way.border(parameters)
        pattern = np.kron(canvas.around, np.ones((REFINEMENT, REFINEMENT))) > MIDDLE
        cut = canvas.margin * REFINEMENT
        inside = (slice(cut, -cut), slice(cut, -cut))
        pattern[inside] = (f > MIDDLE).numpy()
        diameter = BLEMISH * self.options.min_feature_um / self.options.dl_um * REFINEMENT
        solid, gaps = (torch.from_numpy(violations(one, diameter)[inside]) for one in (pattern, ~pattern))
        return (solid * f + gaps * (1.0 - f)).mean()

    def drawn(self, parameters: Tensor) -> Outline:
        """The pattern as polygons."""
        step_um = self.options.dl_um / REFINEMENT
        return outline(self.way.border(parameters).numpy(), self.layout, step_um, self.options.min_feature_um)

    def can_be_made(self, drawn: Outline) -> bool:
        """Whether no feature is too small."""
        return features_of_polygons(self.layout, drawn.solid).smallest_um >= self.options.min_feature_um

    def finished(self, parameters: Tensor) -> Outline:
        """The pattern as polygons; what is still too small is painted away with a disc."""
        drawn = found = self.drawn(parameters)
        for times in FINISH:
            if self.can_be_made(found):
                break
            found = opened_and_closed(drawn, self.layout, times * self.options.min_feature_um)
        return found


def media(options: DesignOptions, wavelengths_um: tuple[float, ...]) -> tuple[Medium, ...]:
    """The two materials at each wavelength."""
    return tuple(
        Medium(*(float(np.real(permittivity(name, one))) for name in (options.solid, options.void)))
        for one in wavelengths_um
    )


def problem_of(task: Task, options: DesignOptions) -> Problem:
    """A task with options.

    Raises:
        InputError: They cannot be used.
    """
    check_options(options, task)
    check_symmetries(task.symmetries, task.region_um)
    layout = Layout(task)
    x, y = layout.region(options.dl_um)
    radius = MARGIN * options.min_feature_um / options.dl_um
    margin = int(np.ceil(radius)) + 2
    around = layout.coverage(options.dl_um)[x.start - margin : x.stop + margin, y.start - margin : y.stop + margin]
    way = parametrization(options, Canvas(around, margin, radius, task.symmetries))
    scatterings = Scatterings(layout, media(options, task.wavelengths_um), task.wavelengths_um, options.dl_um)
    return Problem(task, layout, options, way, scatterings)
