"""What of plotly is drawn here. Anything else is refused by name: a figure with a piece missing would mislead."""

from __future__ import annotations

from typing import Any

from lightloop.errors import InputError
from lightloop.report.theme import Figure

# Words that only matter under a pointer or to a browser.
ON_SCREEN = {"hovertemplate", "hoverinfo", "customdata", "cliponaxis", "legendgroup", "insidetextorientation", "meta"}
TRACES: dict[str, set[str]] = {
    "bar": {"type", "name", "x", "y", "base", "width", "orientation", "marker", "text", "texttemplate", "textposition"}
    | {"textfont", "insidetextanchor", "textangle", "opacity", "showlegend"},
    "scatter": {"type", "name", "mode", "x", "y", "text", "textposition", "textfont", "marker", "line", "fill"}
    | {"fillcolor", "error_y", "opacity", "showlegend"},
    "sunburst": {
        "type",
        "ids",
        "labels",
        "parents",
        "values",
        "branchvalues",
        "sort",
        "rotation",
        "text",
        "textinfo",
        "marker",
    }
    | {"name"},
}
TRACES["scattergl"] = TRACES["scatter"]
LAYOUT = {"font", "paper_bgcolor", "plot_bgcolor", "margin", "height", "legend", "xaxis", "yaxis", "barmode", "shapes"}
LAYOUT |= {"annotations", "showlegend", "uniformtext", "title"}
LAYOUT_ON_SCREEN = {"modebar", "hoverlabel", "hovermode", "meta"}
MODES = {"lines", "markers", "text", "none"}
FILLS = {None, "none", "toself"}
BAR_MODES = {"group", "stack", "overlay", "relative"}
SHAPES = {"line", "rect"}


def check(figure: Figure) -> None:
    """Raise `InputError` that names everything in `figure` which would not be drawn."""
    wrong: list[str] = []
    for place, trace in enumerate(figure.get("data", [])):
        kind = trace.get("type", "scatter")
        if kind not in TRACES:
            wrong.append(f"trace {place} is of type {kind!r}")
            continue
        wrong += [f"{key!r} of trace {place} ({kind})" for key in sorted(trace.keys() - TRACES[kind] - ON_SCREEN)]
        wrong += _values(trace, place)
    layout = figure.get("layout", {})
    wrong += [f"{key!r} of the layout" for key in sorted(layout.keys() - LAYOUT - LAYOUT_ON_SCREEN)]
    wrong += [f"shape of type {s.get('type')!r}" for s in layout.get("shapes", []) if s.get("type") not in SHAPES]
    if layout.get("barmode", "group") not in BAR_MODES:
        wrong.append(f"barmode {layout['barmode']!r}")
    kinds = {trace.get("type", "scatter") for trace in figure.get("data", [])}
    if "sunburst" in kinds and len(figure["data"]) > 1:
        wrong.append("a sunburst beside other traces")
    if wrong:
        raise InputError(
            f"cannot draw without a browser: {'; '.join(wrong)}",
            allowed=sorted(TRACES),
            hint="the HTML page shows every plotly figure",
        )


def _values(trace: dict[str, Any], place: int) -> list[str]:
    wrong = [f"mode {word!r} of trace {place}" for word in sorted(set(trace.get("mode", "lines").split("+")) - MODES)]
    if trace.get("fill") not in FILLS:
        wrong.append(f"fill {trace['fill']!r} of trace {place}")
    return wrong
