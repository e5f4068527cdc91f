"""Folders of the accelerator's runs: tables, pictures and one page, for a run and for an exploration."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from lightloop.accelerator import Chip, Machine, SimulationResult, describe, limits
from lightloop.accelerator.exploration.explore import explore
from lightloop.accelerator.exploration.outcome import Exploration, read_exploration
from lightloop.accelerator.exploration.space import Space
from lightloop.accelerator.uncertainty import Uncertainty
from lightloop.report.accelerator_figures import run_figures
from lightloop.report.accelerator_page import run_page
from lightloop.report.exploration_page import exploration_figures, exploration_page
from lightloop.report.page import write_page
from lightloop.report.static import write_images
from lightloop.runs import RunFolder, read_json, write_json, write_text
from lightloop.settings import parse_settings
from lightloop.workload.products import Workload

PAGE = "report.html"
RESULT = "result.json"
PICTURES = "pictures"


def write_run(
    out: str | Path, machine: Machine | Chip, workload: Workload, result: SimulationResult, bands: Uncertainty | None
) -> Path:
    """Write everything about one run.

    Args:
        out: The folder. It may hold the same run already, but no other.
        machine: What it ran on.
        workload: What ran.
        result: Its figures.
        bands: Its uncertainty, if that was asked for.

    Returns:
        The page.

    Raises:
        InputError: The folder holds another run.
    """
    settings = {
        "machine": machine.name, "workload": workload.name, "bits": result.bits, "mode": result.mode,
        "schedule": result.schedule, "tokens": workload.tokens, "batch": workload.batch, "phase": workload.phase,
        "context": workload.context, "overrides": dict(result.overrides),
        "rule": None if isinstance(machine, Chip) else machine.link.rule,
        "samples": bands.samples if bands else 0,
    }  # fmt: skip
    folder = RunFolder.open(out, settings, resume=True)
    parts: dict[str, Any] = {"description": describe(machine).to_dict()}
    if not isinstance(machine, Chip):
        parts["limits"] = limits(machine, workload=workload).to_dict()
    if result.timeline:
        parts["schedule"] = [interval.to_dict() for interval in result.timeline]
    if bands:
        parts["uncertainty"] = bands.to_dict()
    table = result.to_dict()
    write_json(folder / RESULT, {"result": table, **parts})
    write_text(folder / "layers.csv", _csv(table["layers"]))
    figures = run_figures(table, link=parts["description"]["link"], **parts)
    write_images(figures, folder / PICTURES)
    folder.log(f"done: {result!r}")
    return _write_run_page(folder.path)


def write_exploration(
    space: str | Path,
    out: str | Path,
    *,
    resume: bool = False,
    cluster: str | None = None,
    report: Callable[[str, int, int], Any] | None = None,
) -> tuple[Exploration, Path]:
    """Explore a space and write its page.

    Args:
        space: Path of a SPACE.toml.
        out: The folder.
        resume: Go on with a run that was interrupted.
        cluster: Address of a Dask scheduler.
        report: Called with ("designs", done, in all).

    Returns:
        The outcome, and the page.

    Raises:
        InputError: The space has mistakes, or the folder holds another run.
    """
    on_progress = (lambda done, total: report("designs", done, total)) if report else None
    found = explore(space, out, resume=resume, cluster=cluster, on_progress=on_progress)
    figures = exploration_figures(found.to_dict(), designs=found.cloud, front=found.front)
    write_images(figures, found.folder / PICTURES)
    return found, _write_exploration_page(found)


def rebuild_page(folder: str | Path) -> Path | None:
    """Write the page of a finished accelerator run or exploration again; None where the folder holds neither."""
    path = Path(folder)
    if not (path / "run.toml").exists():
        return None
    settings = RunFolder(path).settings()
    if "axes" in settings and (path / "designs.parquet").exists():
        space = parse_settings(Space, {key: value for key, value in settings.items() if key != "sha256"}, str(path))
        return _write_exploration_page(read_exploration(path / "designs.parquet", space))
    if (path / RESULT).exists() and "result" in read_json(path / RESULT):
        return _write_run_page(path)
    return None


def _write_run_page(path: Path) -> Path:
    parts = read_json(path / RESULT)
    return write_page(run_page(parts.pop("result"), **parts), path / PAGE)


def _write_exploration_page(found: Exploration) -> Path:
    page = exploration_page(found.to_dict(), designs=found.cloud, front=found.front)
    return write_page(page, found.folder / PAGE)


def _csv(rows: list[Mapping[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
