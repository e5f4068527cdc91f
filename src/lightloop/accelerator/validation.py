"""Published figures beside ours: each is computed anew, and held to the tolerance that its source allows.

The list is `validation.toml`; `markdown()` is the table of the documentation.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from lightloop.accelerator.describe import describe
from lightloop.accelerator.machine import machine
from lightloop.accelerator.simulate import simulate
from lightloop.settings import Settings, mistaken, mistakes
from lightloop.workload import workload


class Elsewhere(Settings):
    """What another simulator prints."""

    tool: str
    value: float


class Recipe(Settings):
    """How lightloop computes a figure.

    machine, bits, workload, tokens, mode: what is run; without a workload the machine is described.
    figure: key of the result, with a dot where it is a table.
    over: the figure is that of `machine` over that of this machine. of: this number over the figure. scale: a factor.
    """

    machine: str
    figure: str
    bits: int = 4
    workload: str | None = None
    tokens: int | None = None
    mode: str = "strict"
    over: str | None = None
    of: float | None = None
    scale: float = 1.0


class Published(Settings):
    """One published figure."""

    what: str
    published: float
    unit: str
    source: str
    tolerance: float
    why: str
    ours: Recipe
    elsewhere: Elsewhere | None = None


@dataclass(frozen=True)
class Validated:
    """One published figure and ours."""

    published: Published
    value: float

    @property
    def ratio(self) -> float:
        """Ours over the published one."""
        return self.value / self.published.published

    @property
    def holds(self) -> bool:
        """Whether ours is within the tolerance."""
        return abs(self.ratio - 1) <= self.published.tolerance


def published_figures() -> list[Published]:
    """The list. Raises `InputError` with every mistake in it."""
    source = "validation.toml"
    table = tomllib.loads((files("lightloop.accelerator") / source).read_text(encoding="utf-8"))
    lines = [f"{row.get('what')}: {line}" for row in table["figure"] for line in mistakes(Published, row)]
    if lines:
        raise mistaken(source, lines)
    return [Published.model_validate(row) for row in table["figure"]]


def validate() -> list[Validated]:
    """Every published figure, computed anew."""
    return [Validated(figure, _ours(figure.ours)) for figure in published_figures()]


def _ours(recipe: Recipe) -> float:
    value = _figure(recipe, recipe.machine) * recipe.scale
    if recipe.of is not None:
        return recipe.of / value
    return value / _figure(recipe, recipe.over) if recipe.over else value


def _figure(recipe: Recipe, name: str) -> float:
    chosen = machine(name, bits=recipe.bits)
    found: Mapping[str, Any]
    if recipe.workload is None:
        found = describe(chosen).to_dict()
    else:
        found = simulate(chosen, workload(recipe.workload, tokens=recipe.tokens), mode=recipe.mode).to_dict()
    key, _, part = recipe.figure.partition(".")
    return float(found[key][part] if part else found[key])


def markdown(rows: list[Validated]) -> str:
    """The table of the documentation."""
    lines = [
        "| figure | unit | published | lightloop | ratio | elsewhere | source |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        figure, other = row.published, row.published.elsewhere
        beside = f"{other.tool} {other.value:g}" if other else ""
        lines.append(
            f"| {figure.what} | {figure.unit} | {figure.published:g} | {row.value:.6g} | {row.ratio:.4f} | {beside} "
            f"| {figure.source} |"
        )
    return "\n".join(lines) + "\n"
