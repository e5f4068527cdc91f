"""All design tasks: figure of merit at each check, corners, smallest feature, and processor time, as a Markdown table.

    python benchmarks/inverse_tasks.py OUT [TASK ...]

Runs that OUT already holds are gone on with. OUT/tasks.png shows the fields, OUT/tasks.json holds the figures.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from lightloop.inverse.evaluate import simulations
from lightloop.inverse.export import read_solid
from lightloop.inverse.layout import PML_UM, Layout
from lightloop.inverse.result import DesignResult
from lightloop.inverse.run import design
from lightloop.inverse.tasks import TASKS
from lightloop.maxwell.gradients.region import Region
from lightloop.runs import write_json

COLUMNS = (
    "task", "as designed", "from the GDS", "finer grid", "edges +10 / −10 nm", "ε +1 / −1 %", "λ +10 / −10 nm",
    "smallest feature, gap", "steps", "CPU s",
)  # fmt: skip
CORNER_PAIRS = ("etch {}10 nm", "permittivity {}1 %", "wavelength {}10 nm")


def row(found: DesignResult) -> list[str]:
    pairs = [[found.corners[pair.format(sign)].figure for sign in "+-"] for pair in CORNER_PAIRS]
    return [
        found.task,
        *(f"{score.figure:.4f}" for score in (found.binarised, found.reimported, found.finer)),
        *(f"{more:.3f} / {less:.3f}" for more, less in pairs),
        f"{1e3 * found.features.solid_um:.0f}, {1e3 * found.features.void_um:.0f} nm",
        str(found.steps),
        f"{found.seconds:.0f}",
    ]


def draw(found: list[DesignResult], out: Path) -> None:
    """|Ez| of each design from its first port, without the absorbing layers."""
    from matplotlib.figure import Figure

    figure = Figure((9.0, 6.2), layout="constrained")
    for axes, one in zip(figure.subplots(2, 3).ravel(), found, strict=False):
        layout = Layout(TASKS[one.task])
        simulation = simulations(layout, one.options, read_solid(out / one.task / "design.gds"), one.options.dl_um)[0]
        entering = Region(simulation, layout.ports(), *layout.region(one.options.dl_um))
        x, y = entering.x, entering.y
        field = np.abs(entering.fields(simulation.eps_r[x, y])[..., 0])
        cut = round(PML_UM / one.options.dl_um)
        inner = (slice(cut, -cut), slice(cut, -cut))
        axes.imshow(field[inner].T, origin="lower", cmap="magma", interpolation="bilinear")
        eps_r = np.real(simulation.eps_r[inner])
        axes.contour(eps_r.T, levels=[0.5 * (eps_r.min() + eps_r.max())], colors="white", linewidths=0.5)
        axes.set_title(f"{one.task}  {one.reimported.figure:.4f}", fontsize=10)
        axes.set_axis_off()
    figure.savefig(out / "tasks.png", dpi=100)


def main(out: Path, names: list[str]) -> None:
    found = [design(name, out / name, resume=True) for name in names or TASKS]
    lines = [COLUMNS, ["---"] * len(COLUMNS), *(row(one) for one in found)]
    sys.stdout.write("\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n")
    draw(found, out)
    write_json(out / "tasks.json", {one.task: one.to_dict() for one in found})


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
