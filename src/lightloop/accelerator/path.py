"""The light's way as a graph: stages from the laser to the detectors, each with a loss.

The way that loses most sets the laser; the others only receive more light than they need.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Any

import numpy as np

from lightloop.accelerator.formulas import amounts
from lightloop.accelerator.schema import Stage

LASER = "laser"
MAX_WAYS = 256


@dataclass(frozen=True)
class StageLoss:
    """One stage of a way, with its loss in dB."""

    name: str
    loss_db: float
    part: str


def order(path: Mapping[str, Stage]) -> list[str]:
    """The stages, each after all those that it follows; a machine file has no circles when it has been checked."""
    graph = {name: [before for before in stage.after if before != LASER] for name, stage in path.items()}
    return list(TopologicalSorter(graph).static_order())


def circles(graph: Mapping[str, Iterable[str]]) -> list[list[str]]:
    """Circles of a graph of name -> names that come before it, each from a name back to itself; no name in two."""
    rest = {name: [before for before in befores if before in graph] for name, befores in graph.items()}
    found: list[list[str]] = []
    while True:
        try:
            TopologicalSorter(rest).prepare()
            return found
        except CycleError as error:
            found.append(list(reversed(error.args[1])))
            rest = {name: [before for before in befores if before not in found[-1]] for name, befores in rest.items()}


def ends(path: Mapping[str, Stage]) -> list[str]:
    """Stages that no other follows: there the detectors are."""
    followed = {before for stage in path.values() for before in stage.after}
    return [name for name in path if name not in followed]


def losses_db(path: Mapping[str, Stage], quantities: Mapping[str, Any]) -> dict[str, Any]:
    """Loss of each stage. Raises `InputError` for a loss that is no amount."""
    return amounts({name: stage.loss_db for name, stage in path.items()}, quantities, "loss of link.path")


def worst_way(path: Mapping[str, Stage], quantities: Mapping[str, Any]) -> tuple[Any, Any]:
    """Loss before and after the operands meet on the way that loses most, in dB; arrays where `quantities` are."""
    loss = losses_db(path, quantities)
    reached: dict[str, tuple[Any, Any]] = {LASER: (0.0, 0.0)}
    for name in order(path):
        before, after = _worst([reached[earlier] for earlier in path[name].after])
        gained = (loss[name], 0.0) if path[name].part == "modulation" else (0.0, loss[name])
        reached[name] = (before + gained[0], after + gained[1])
    return _worst([reached[name] for name in ends(path)])


def _worst(ways: list[tuple[Any, Any]]) -> tuple[Any, Any]:
    worst = ways[0]
    for way in ways[1:]:
        more = np.greater(way[0] + way[1], worst[0] + worst[1])
        worst = tuple(_choose(more, mine, other) for mine, other in zip(way, worst, strict=True))  # type: ignore
    return worst


def _choose(condition: Any, yes: Any, no: Any) -> Any:
    return np.where(condition, yes, no) if np.ndim(condition) else (yes if condition else no)


def ways(path: Mapping[str, Stage], quantities: Mapping[str, Any]) -> list[list[StageLoss]]:
    """Every way from the laser to a detector, stage by stage, at most `MAX_WAYS` of them; the worst one first."""
    loss = losses_db(path, quantities)
    found: list[list[str]] = []

    def back(trail: list[str]) -> None:
        for before in path[trail[0]].after:
            if len(found) >= MAX_WAYS:
                return
            if before == LASER:
                found.append(trail)
            else:
                back([before, *trail])

    for end in ends(path):
        back([end])
    staged = [[StageLoss(name, float(loss[name]), path[name].part) for name in trail] for trail in found]
    return sorted(staged, key=lambda way: -sum(stage.loss_db for stage in way))
