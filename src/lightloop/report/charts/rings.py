"""Parts within groups within a whole, as rings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Union

from lightloop.errors import InputError
from lightloop.report.charts.words import amounts_only, words
from lightloop.report.theme import FONT, INK, QUIET, Figure, colour_of, tint

Tree = Mapping[str, Union[float, "Tree"]]
Node = dict[str, Any]


def sunburst(tree: Tree, unit: str, *, whole: str = "total", colours: Mapping[str, str] | None = None) -> Figure:
    """Rings: the whole in the middle, groups around it, their parts outside; each arc is a share of the whole.

    Args:
        tree: Group -> part -> amount, as deep as one likes; a group may itself be an amount.
        unit: Unit of the amounts.
        whole: What the middle is called.
        colours: Group -> hexadecimal colour; the others follow the palette.

    Raises:
        InputError: An amount is negative or not finite, or all of them are zero.
    """
    amounts_only("the rings", dict(_leaves(tree)))
    nodes = _nodes(tree, whole, colours or {})
    total = nodes[0]["value"]
    if total <= 0:
        raise InputError("the rings have nothing to show: all amounts are zero")
    shares = [f"{node['value'] / total:.1%}" for node in nodes]
    details = [f"{node['value']:.4g} {unit}, {share}" for node, share in zip(nodes, shares, strict=True)]
    trace = {
        "type": "sunburst",
        "ids": [node["id"] for node in nodes],
        "labels": [node["label"] for node in nodes],
        "parents": [node["parent"] for node in nodes],
        "values": [node["value"] for node in nodes],
        "branchvalues": "total",
        "sort": False,
        "rotation": 90,
        "customdata": details,
        "text": [f"{total:.4g} {unit}", *shares[1:]],
        "textinfo": "label+text",
        "marker": {"colors": [node["colour"] for node in nodes], "line": {"width": 1.2, "color": "#ffffff"}},
        "insidetextorientation": "auto",
        "hovertemplate": "%{label}: <b>%{customdata}</b><extra></extra>",
    }
    return {
        "data": [trace],
        "layout": {
            "font": {"family": FONT, "size": 13, "color": INK},
            "paper_bgcolor": "rgba(0,0,0,0)",
            "margin": {"l": 8, "r": 8, "t": 8, "b": 8},
            "height": 460,
            "modebar": {"bgcolor": "rgba(0,0,0,0)", "color": QUIET, "activecolor": INK},
            "hoverlabel": {"font": {"family": FONT}},
            "uniformtext": {"minsize": 10, "mode": "hide"},
        },
    }


def _nodes(tree: Tree, whole: str, colours: Mapping[str, str]) -> list[Node]:
    """The whole first, then each group with its parts behind it, largest groups and parts first."""
    ordered = _sorted(tree)
    root = {"id": "/", "label": words(whole), "parent": "", "value": _sum(tree), "colour": "#ffffff"}
    nodes = [root]
    for index, (name, branch) in enumerate(ordered):
        _grow(nodes, name, branch, "/", colours.get(name, colour_of(index)))
    return nodes


def _grow(nodes: list[Node], name: str, branch: float | Tree, parent: str, colour: str) -> None:
    value = _sum(branch)
    if value == 0:
        return
    own = f"{parent}{len(nodes)}/"  # a name may hold anything, also what another name holds
    nodes.append({"id": own, "label": words(name), "parent": parent, "value": value, "colour": colour})
    if isinstance(branch, Mapping):
        for place, (part, inner) in enumerate(_sorted(branch)):
            _grow(nodes, part, inner, own, tint(colour, min(0.22 + 0.13 * place, 0.74)))


def _sorted(tree: Tree) -> list[tuple[str, float | Tree]]:
    return sorted(tree.items(), key=lambda item: -_sum(item[1]))


def _sum(branch: float | Tree) -> float:
    """Sum in the order of drawing, so that a browser that adds up the children finds the very same number."""
    if isinstance(branch, Mapping):
        return sum((_sum(inner) for _, inner in _sorted(branch)), 0.0)
    return float(branch)


def _leaves(tree: Tree, before: str = "") -> list[tuple[str, float]]:
    found: list[tuple[str, float]] = []
    for name, branch in tree.items():
        place = f"{before}{name}"
        found += _leaves(branch, f"{place} > ") if isinstance(branch, Mapping) else [(place, float(branch))]
    return found
