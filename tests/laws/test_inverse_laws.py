"""What filters, projections, length scales, outlines, and gradients of inverse design must obey."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from lightloop.inverse.corners import deviating
from lightloop.inverse.feature import violation
from lightloop.inverse.filters import cone, filtered
from lightloop.inverse.layout import Layout
from lightloop.inverse.measure import features, features_of_polygons
from lightloop.inverse.options import DesignOptions
from lightloop.inverse.outline import Outline, opened_and_closed, outline
from lightloop.inverse.parametrization import raster
from lightloop.inverse.polygons import area, simpler, united
from lightloop.inverse.problem import problem_of
from lightloop.inverse.projection import binarisation, cell_means, moved, projected, refined
from lightloop.inverse.schedule import STAGES, Stage
from lightloop.inverse.symmetry import IMAGES, symmetric
from lightloop.inverse.task import Access, Task, power
from lightloop.inverse.tasks import TASKS
from lightloop.inverse.ways import PARAMETRIZATIONS

ROUNDING = 1e-12
# Rounding of the solver and of differences leaves less than this.
GRADIENT = 1e-5
# Central differences of a function whose third derivative is about 1e3.
STEP = 1e-5
STEP_UM = 0.005
SMALL = Task(
    "small",
    "straight on",
    (1.0, 1.0),
    (Access("in", "left"), Access("out", "right")),
    figure=lambda s: power(s, 0, 1),
    readings=lambda s: {"transmission": float(power(s, 0, 1))},
)
COARSE = {"dl_um": 0.05, "min_feature_um": 0.12}


def bar(width_um: float, step_um: float = STEP_UM) -> np.ndarray:
    pattern = np.zeros((200, 200), dtype=bool)
    pattern[:, 80 : 80 + round(width_um / step_um)] = True
    return pattern


def disc(radius: float, count: int, sharp: float = 4.0) -> np.ndarray:
    """1/2 at the radius, in steps of the raster."""
    places = np.arange(count) + 0.5 - count / 2
    return np.clip(0.5 + (radius - np.hypot(places[:, None], places)) / sharp, 0.0, 1.0)


def test_the_filter_keeps_constants() -> None:
    kernel = cone(3.7)
    reach = kernel.shape[0] // 2
    out = filtered(torch.full((20 + 2 * reach, 11 + 2 * reach), 0.3, dtype=torch.float64), kernel)
    assert out.shape == (20, 11)
    assert torch.allclose(out, torch.tensor(0.3, dtype=torch.float64), atol=ROUNDING)


def test_the_filter_reaches_no_further_than_its_radius() -> None:
    x = torch.zeros(21, 21, dtype=torch.float64)
    x[10, 10] = 1.0
    out = filtered(x, cone(4.0))
    i, j = np.nonzero(out.numpy())
    assert np.hypot(i - 7, j - 7).max() < 4.0


@pytest.mark.parametrize("beta", [1.0, 8.0, 160.0])
def test_the_projection_keeps_nothing_and_all(beta: float) -> None:
    ends = torch.tensor([0.0, 1.0], dtype=torch.float64)
    assert torch.allclose(projected(ends, beta, 0.4), ends, atol=ROUNDING)


def test_the_projection_tends_to_a_step() -> None:
    f = torch.tensor([0.1, 0.49, 0.51, 0.9], dtype=torch.float64)
    step = torch.tensor([0.0, 0.0, 1.0, 1.0], dtype=torch.float64)
    assert torch.equal(projected(f, math.inf), step)
    assert torch.allclose(projected(f, 2000.0), step, atol=1e-8)
    assert binarisation(projected(f, 2000.0)) == pytest.approx(1.0, abs=1e-8)
    assert binarisation(torch.full((3, 3), 0.5)) == 0.0


def test_a_cell_is_filled_as_far_as_the_border_goes() -> None:
    """A straight border at 0.3 of a cell fills 0.3 of it."""
    places = (torch.arange(6, dtype=torch.float64) - 0.5 - 2.3) / -20.0 + 0.5
    fine = projected(refined(places[:, None].expand(6, 6), 20), math.inf)
    assert torch.allclose(cell_means(fine, 20)[:, 0], torch.tensor([1.0, 1.0, 0.3, 0.0], dtype=torch.float64))


@pytest.mark.parametrize("edge", [-3.0, 2.0])
def test_moved_edges_of_a_field_are_those_of_its_distance(edge: float) -> None:
    """The radius of a disc grows by what its edge is moved."""
    f = torch.from_numpy(disc(60.0, 200, 10.0))
    area_of = float(projected(moved(f, edge), math.inf).sum())
    assert math.sqrt(area_of / math.pi) == pytest.approx(60.0 + edge, abs=0.1)


@pytest.mark.parametrize("names", [(), ("mirror-x",), ("mirror-x", "mirror-y", "diagonal"), ("antidiagonal",)])
def test_a_symmetric_pattern_is_its_own_image(names: tuple[str, ...]) -> None:
    x = symmetric(torch.rand(9, 9, generator=torch.Generator().manual_seed(1), dtype=torch.float64), names)
    for name in names:
        assert torch.allclose(IMAGES[name](x), x, atol=ROUNDING)


@pytest.mark.parametrize("way", PARAMETRIZATIONS)
@pytest.mark.parametrize("task", ["bend", "crossing"])
def test_patterns_of_a_task_have_its_symmetries(way: str, task: str) -> None:
    problem = problem_of(TASKS[task], DesignOptions(parametrization=way, dl_um=0.05, min_feature_um=0.1))
    parameters = torch.rand_like(problem.way.initial(0), dtype=torch.float64)
    fine = raster(problem.way, parameters, 8.0)
    for name in TASKS[task].symmetries:
        assert torch.allclose(IMAGES[name](fine), fine, atol=1e-9)


@pytest.mark.parametrize("width_um", [0.06, 0.08, 0.1, 0.15])
def test_a_bar_measures_its_width(width_um: float) -> None:
    """Within the raster, and never more; the wide rest measures the largest that is tried."""
    found = features(bar(width_um), STEP_UM)
    assert width_um - 2 * STEP_UM <= found.solid_um <= width_um + ROUNDING
    assert found.void_um == pytest.approx(found.limit_um)
    gap = features(~bar(width_um), STEP_UM)
    assert (gap.void_um, gap.solid_um) == (found.solid_um, found.void_um)


def test_a_right_angle_is_no_small_feature_and_a_neck_is() -> None:
    angle = np.zeros((200, 200), dtype=bool)
    angle[:100, :100] = True
    assert features(angle, STEP_UM).smallest_um == pytest.approx(0.2)
    neck = bar(0.4)
    neck[90:110, 98:] = False
    assert 0.08 <= features(neck, STEP_UM).solid_um <= 0.09


@pytest.mark.parametrize("width, allowed", [(0.6, False), (0.8, False), (1.25, True), (2.0, True)])
def test_the_constraint_tells_bars_that_are_too_narrow(width: float, allowed: bool) -> None:
    """Widths in radii of the cone, of solid and of void."""
    radius = 20.0
    kernel = cone(radius)
    reach = kernel.shape[0] // 2
    x = torch.zeros(30 + 2 * reach, 150 + 2 * reach, dtype=torch.float64)
    half = round(width * radius / 2)
    middle = x.shape[1] // 2
    x[:, middle - half : middle + half] = 1.0
    for number, pattern in enumerate((x, 1.0 - x)):
        f = filtered(pattern, kernel)
        rho = pattern[reach:-reach, reach:-reach]
        found = violation(f, rho, radius)[number].item()
        assert (found < 1e-8) == allowed


def test_an_outline_encloses_what_it_was_drawn_around() -> None:
    layout, radius = Layout(SMALL), 60.0
    field = disc(radius, 200) - disc(20.0, 200)
    found = outline(field, layout, 0.005, 0.08)
    ring_um2 = math.pi * 0.005**2 * (radius**2 - 20.0**2)
    guides_um2 = sum(abs(area(guide)) for guide in layout.guides())
    assert sum(abs(area(one)) for one in found.solid) == pytest.approx(ring_um2 + guides_um2, rel=2e-3)
    assert found.dropped == 0


def test_an_outline_drops_what_is_too_small_to_be_made() -> None:
    found = outline(disc(6.0, 200), Layout(SMALL), 0.005, 0.08)
    assert (len(found.solid), found.dropped) == (2, 1)
    filled = outline(1.0 - disc(6.0, 200), Layout(SMALL), 0.005, 0.08)
    assert filled.dropped == 1
    assert sum(abs(area(one)) for one in filled.solid) == pytest.approx(2.0, rel=1e-6)


def test_polygons_are_united_without_holes_and_stay_near_what_they_were() -> None:
    frame = [np.array([(x, y), (x + w, y), (x + w, y + h), (x, y + h)]) for x, y, w, h in
             ((0.0, 0.0, 1.0, 0.2), (0.0, 0.8, 1.0, 0.2), (0.0, 0.0, 0.2, 1.0), (0.8, 0.0, 0.2, 1.0))]  # fmt: skip
    parts = united(frame, (2.0, 2.0))
    assert sum(abs(area(one)) for one in parts) == pytest.approx(0.64)
    for part in parts:
        assert len(np.unique(np.round(part, 6), axis=0)) == len(part)
    angle = np.linspace(0, 2 * np.pi, 1000, endpoint=False)
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    kept = simpler(circle)
    assert len(kept) < 150
    assert area(kept) == pytest.approx(math.pi, rel=1e-3)


def test_a_disc_opens_and_closes_what_is_too_small() -> None:
    """A bar of 40 nm goes, a slit of 40 nm is filled, a square of 300 nm keeps all but a little of its corners."""
    layout = Layout(SMALL)
    square, thin, beside = (
        np.array([(x, y), (x + w, y), (x + w, y + h), (x, y + h)])
        for x, y, w, h in ((1.2, 1.5, 0.3, 0.3), (1.2, 1.1, 0.04, 0.3), (1.54, 1.5, 0.3, 0.3))
    )
    drawn = Outline([*layout.guides(), square, thin, beside], 0)
    found = opened_and_closed(drawn, layout, 0.08)
    (united_squares,) = (one for one in found.solid if one[:, 0].min() > 1.0 and one[:, 0].max() < 2.0)
    assert len(found.solid) == 3
    assert united_squares.min(0) == pytest.approx([1.2, 1.5])
    assert united_squares.max(0) == pytest.approx([1.84, 1.8])
    # (1 − π/4) r² at each corner, and some of the slit's ends, are left out.
    assert area(united_squares) == pytest.approx(0.64 * 0.3, rel=0.05)
    assert features_of_polygons(layout, found.solid).smallest_um >= 0.08


def test_moved_edges_widen_a_guide_by_twice_as_much() -> None:
    layout = Layout(SMALL)
    for edge_um in (0.01, -0.01):
        found = deviating(layout, layout.guides(), edge_um)
        for one in found:
            assert np.ptp(one[:, 1]) == pytest.approx(0.5 + 2 * edge_um, abs=1e-5)
        xs = np.concatenate([one[:, 0] for one in found])
        assert (xs.min(), xs.max()) == (pytest.approx(0.0), pytest.approx(layout.size_um[0]))


@pytest.mark.parametrize("way", PARAMETRIZATIONS)
@pytest.mark.parametrize("robust", ["none", "etch"])
def test_the_gradient_of_the_whole_chain_is_that_of_central_differences(way: str, robust: str) -> None:
    """From the parameters over filter, projection, raster, Maxwell's equations, to figure and smallest feature."""
    problem = problem_of(SMALL, DesignOptions(parametrization=way, robust=robust, **COARSE))
    stage = Stage(1.0, 8.0, 30.0, 0.03, repairs=True)
    draw = torch.Generator().manual_seed(3)
    start = problem.way.initial(0)
    start = problem.way.admissible(start + 0.2 * torch.randn(start.shape, generator=draw, dtype=torch.float64))
    start = 0.25 + 0.5 * start if way == "density" else start
    parameters = start.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(problem.worth(parameters, stage, 0).loss, parameters)
    for _ in range(3):
        direction = torch.randn(start.shape, generator=draw, dtype=torch.float64)
        ahead, behind = (problem.worth(start + sign * STEP * direction, stage, 0).loss for sign in (1, -1))
        slope = float(ahead - behind) / (2 * STEP)
        assert float((gradient * direction).sum()) == pytest.approx(slope, rel=GRADIENT)


def test_what_is_too_small_is_found_where_it_is() -> None:
    """A slit of four cells in a block: its blemish is the part of the region that it takes."""
    problem = problem_of(SMALL, DesignOptions(robust="none", dl_um=0.025, min_feature_um=0.12))
    density = torch.zeros(problem.way.canvas.shape, dtype=torch.float64)
    density[10:30, 8:32] = 1.0
    assert problem.blemishes(density).item() == 0.0
    density[10:30, 18:22] = 0.0
    found = problem.blemishes(density).item()
    assert 0.1 < found / (20 * 4 / 1600) < 1.2


@pytest.mark.parametrize("name", TASKS)
def test_an_empty_region_gives_every_task_a_figure_within_its_bounds(name: str) -> None:
    task = TASKS[name]
    problem = problem_of(task, DesignOptions(dl_um=0.05, min_feature_um=0.1))
    nx, ny = problem.way.canvas.shape
    figure = float(task.figure(problem.scatterings(torch.zeros(nx, ny, dtype=torch.float64))))
    assert 0.0 <= figure < 0.8


def test_stages_are_all_of_the_steps_and_ever_sharper() -> None:
    assert sum(stage.share for stage in STAGES) == pytest.approx(1.0)
    assert [stage.beta for stage in STAGES] == sorted(stage.beta for stage in STAGES)
