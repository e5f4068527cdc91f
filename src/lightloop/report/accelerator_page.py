"""The page of one accelerator run: what it costs, where that goes, how far it is from what physics asks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lightloop.report import accelerator_sections as sections
from lightloop.report.accelerator_figures import Table, run_figures
from lightloop.report.page import Page
from lightloop.runs import provenance
from lightloop.units import engineering


def run_page(
    result: Table,
    *,
    description: Table,
    limits: Table | None = None,
    link: Table | None = None,
    schedule: Sequence[Table] | None = None,
    uncertainty: Table | None = None,
) -> Page:
    """The page of a run. Arguments as `run_figures`; a part that is not given leaves its section out."""
    parts: dict[str, Any] = {
        "description": description,
        "limits": limits,
        "link": link or description.get("link"),
        "schedule": schedule,
        "uncertainty": uncertainty,
    }
    figures = run_figures(result, **parts)
    shown = [
        sections.glance(result, description, limits),
        sections.energy(result, figures),
        sections.layers(result, figures),
        sections.memory_use(result, figures),
        sections.when(result, schedule, figures),
        sections.link_budget(parts["link"], figures),
        sections.floors(limits, figures),
        sections.spread(uncertainty, figures),
        sections.not_counted(result),
    ]
    return Page(
        title=f"{result['workload']} on {result['machine']}",
        subtitle=_subtitle(result),
        sections=[section for section in shown if section is not None],
        footer=footer(),
    )


def footer() -> str:
    """What computed the page."""
    made = provenance()
    packages = ", ".join(f"{name} {version}" for name, version in made["packages"].items())
    return f"Python {made['python']}; {packages}; {made['platform']}."


def _subtitle(result: Table) -> str:
    about = [f"{result['bits']} bit operands", f"mode {result['mode']}"]
    if result.get("phase"):
        about.append(f"{result['phase']}, batch {result['batch']}")
    if result.get("context"):
        about.append(f"{result['context']:,} tokens of context")
    if result.get("tokens"):
        about.append(f"{result['tokens']:,} tokens")
    about.append(f"{engineering(result['macs'], '', 4).strip()} multiply-accumulates")
    changed = ", ".join(f"{key} = {value:g}" for key, value in result.get("overrides", {}).items())
    return ", ".join(about) + "." + (f" Changed from the preset: {changed}." if changed else "")
