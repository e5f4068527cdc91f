"""The link budget as a waterfall: how the light's level falls from the laser to the detector."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lightloop.errors import InputError
from lightloop.report.charts.words import plain, words
from lightloop.report.theme import INK, QUIET, Figure, colour_of, layout

GOOD, BAD = "#009E73", "#C0392B"
BAR_WIDTH = 0.72
GAP = 3  # free slots behind a detector, where its margin is written
TALL = 0.12  # share of the whole fall from which a bar has its loss written beside it, not above
CLOSE = 0.09  # share of it below which a margin is too short to be written beside its mark


@dataclass(frozen=True)
class LinkStage:
    """One element that the light passes: its name, what it takes in dB, and the part of the machine it belongs to."""

    name: str
    loss_db: float
    part: str


@dataclass(frozen=True)
class LinkPath:
    """One way from the laser to a detector: the level that enters it in dBm, and what it passes, in order."""

    name: str
    start_dbm: float
    stages: Sequence[LinkStage]

    @property
    def end_dbm(self) -> float:
        """Level at the detector, in dBm."""
        return self.start_dbm - sum(stage.loss_db for stage in self.stages)


def waterfall(paths: Sequence[LinkPath], sensitivity_dbm: float) -> Figure:
    """The level after each stage of each path, the detector's sensitivity, and the margin left above it.

    Args:
        paths: The paths, drawn side by side.
        sensitivity_dbm: Least level that the detector needs.

    Raises:
        InputError: There is no path.
    """
    if not paths:
        raise InputError("a waterfall needs at least one path from the laser to a detector")
    starts = _starts(paths)
    levels = [level for path in paths for level in (path.start_dbm, path.end_dbm)] + [sensitivity_dbm]
    fall = (max(levels) - min(levels)) or 1.0
    parts = list(dict.fromkeys(stage.part for path in paths for stage in path.stages))
    data: list[dict[str, Any]] = [
        _losses(part, colour_of(index), paths, starts, fall) for index, part in enumerate(parts)
    ]
    data += [
        trace
        for path, start in zip(paths, starts, strict=True)
        for trace in _levels(path, start, sensitivity_dbm, fall)
    ]
    data.append(_tall_losses(paths, starts, fall))
    data += _margins(paths, starts, sensitivity_dbm, fall)
    last = starts[-1] + len(paths[-1].stages) + 1
    data.append(_sensitivity(sensitivity_dbm, last))
    if len(paths) > 1:
        data.append(_titles(paths, starts, max(levels) + 0.16 * fall + 1.0))
    ticks = [
        (start + place, text)
        for path, start in zip(paths, starts, strict=True)
        for place, text in enumerate(["laser", *(words(stage.name) for stage in path.stages), "detector"])
    ]
    room = 0.14 * fall + 1.0
    x_axis = {
        "tickmode": "array",
        "tickvals": [place for place, _ in ticks],
        "ticktext": [text for _, text in ticks],
        "tickangle": -40,
        "range": [-0.7, last + GAP - 0.4],
        "showgrid": False,
    }
    y_axis = {"range": [min(levels) - room, max(levels) + room * (1.6 if len(paths) > 1 else 1.0)]}
    return {
        "data": data,
        "layout": layout("", "level (dBm)", height=470, barmode="overlay", xaxis=x_axis, yaxis=y_axis),
    }


def _starts(paths: Sequence[LinkPath]) -> list[int]:
    """The slot of each path's laser; a path takes a slot for the laser, one for each stage, one for the detector."""
    starts, place = [], 0
    for path in paths:
        starts.append(place)
        place += len(path.stages) + 2 + GAP
    return starts


def _losses(part: str, colour: str, paths: Sequence[LinkPath], starts: Sequence[int], fall: float) -> dict[str, Any]:
    """Floating bars: each hangs from the level before its stage and ends at the level after it."""
    bars: list[tuple[float, float, float, list[str]]] = []
    for path, start in zip(paths, starts, strict=True):
        level = path.start_dbm
        for place, stage in enumerate(path.stages, start=1):
            level -= stage.loss_db
            if stage.part == part:
                detail = [words(stage.name), f"{stage.loss_db:.3g} dB", _dbm(level)]
                bars.append((start + place, level, stage.loss_db, detail))
    return {
        "type": "bar",
        "name": words(part),
        "x": [bar[0] for bar in bars],
        "base": [bar[1] for bar in bars],
        "y": [bar[2] for bar in bars],
        "width": [BAR_WIDTH] * len(bars),
        "customdata": [bar[3] for bar in bars],
        "marker": {"color": colour, "line": {"width": 0}},
        "text": [f"−{bar[2]:.3g}" if 0 < bar[2] <= TALL * fall else "" for bar in bars],
        "textposition": "outside",
        "textfont": {"size": 10, "color": QUIET},
        "cliponaxis": False,
        "hovertemplate": "<b>%{customdata[0]}</b> takes %{customdata[1]}<br>level after it %{customdata[2]}"
        "<extra></extra>",
    }


def _tall_losses(paths: Sequence[LinkPath], starts: Sequence[int], fall: float) -> dict[str, Any]:
    """The losses of tall bars, to their right, where the light has fallen and the plot is empty."""
    x, y, texts = [], [], []
    for path, start in zip(paths, starts, strict=True):
        level = path.start_dbm
        for place, stage in enumerate(path.stages, start=1):
            level -= stage.loss_db
            if stage.loss_db > TALL * fall:
                x.append(start + place + BAR_WIDTH / 2)
                y.append(level + stage.loss_db / 2)
                texts.append(f"−{stage.loss_db:.3g}")
    return {
        "type": "scatter",
        "mode": "text",
        "x": x,
        "y": y,
        "text": [f"\u00a0{text}" for text in texts],
        "textposition": "middle right",
        "textfont": {"size": 10, "color": QUIET},
        "cliponaxis": False,
        "showlegend": False,
        "hoverinfo": "skip",
    }


def _levels(path: LinkPath, start: int, sensitivity: float, fall: float) -> list[dict[str, Any]]:
    """The stair of levels, and its two ends with their figures."""
    end = start + len(path.stages) + 1
    x, y = _stair(path, start, end)
    stair = {
        "type": "scatter", "mode": "lines", "x": x, "y": y, "showlegend": False, "hoverinfo": "skip",
        "line": {"color": QUIET, "width": 1},
    }  # fmt: skip
    margin = path.end_dbm - sensitivity
    close = abs(margin) < CLOSE * fall
    ends = {
        "type": "scatter",
        "mode": "markers+text",
        "x": [start, end],
        "y": [path.start_dbm, path.end_dbm],
        "text": [_dbm(path.start_dbm), _dbm(path.end_dbm) + (f"<br>{_told(margin)}" if close else "")],
        "textposition": ["top center", "bottom center" if close else "middle right"],
        "textfont": {"size": 11, "color": INK},
        "cliponaxis": False,
        "showlegend": False,
        "marker": {"size": 9, "color": INK},
        "hovertemplate": f"{plain(path.name)}: <b>%{{text}}</b><extra></extra>",
    }
    return [stair, ends]


def _stair(path: LinkPath, start: int, end: int) -> tuple[list[float], list[float]]:
    """Corners of the line of levels: it falls at the left edge of each bar."""
    x, y, level = [start - BAR_WIDTH / 2], [path.start_dbm], path.start_dbm
    for place, stage in enumerate(path.stages, start=1):
        x += [start + place - BAR_WIDTH / 2] * 2
        y += [level, level - stage.loss_db]
        level -= stage.loss_db
    return [*x, end], [*y, level]


def _margins(paths: Sequence[LinkPath], starts: Sequence[int], sensitivity: float, fall: float) -> list[dict[str, Any]]:
    """From the sensitivity to the level at the detector: what is left, or what is missing."""
    found = []
    for path, start in zip(paths, starts, strict=True):
        place, margin = start + len(path.stages) + 1, path.end_dbm - sensitivity
        colour = GOOD if margin >= 0 else BAD
        found.append(
            {
                "type": "scatter",
                "mode": "lines+markers+text",
                "x": [place, place, place],
                "y": [path.end_dbm, (path.end_dbm + sensitivity) / 2, sensitivity],
                "text": ["", "" if abs(margin) < CLOSE * fall else f"\u00a0{_told(margin)}", ""],
                "textposition": "middle right",
                "textfont": {"size": 11, "color": colour},
                "cliponaxis": False,
                "showlegend": False,
                "line": {"color": colour, "width": 3},
                "marker": {"size": [0, 0, 0], "color": colour},
                "hovertemplate": f"{plain(path.name)}: <b>{_told(margin)}</b><extra></extra>",
            }
        )
    return found


def _told(margin: float) -> str:
    return f"{'margin' if margin >= 0 else 'missing'} {abs(margin):.1f} dB"


def _dbm(level: float) -> str:
    return f"{level:.1f} dBm".replace("-", "−")


def _sensitivity(level: float, last: int) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": f"detector's sensitivity, {_dbm(level)}",
        "x": [-0.7, last + GAP - 0.4],
        "y": [level, level],
        "line": {"color": INK, "width": 1.4, "dash": "dot"},
        "hoverinfo": "skip",
    }


def _titles(paths: Sequence[LinkPath], starts: Sequence[int], height: float) -> dict[str, Any]:
    """The name of each path, above its laser."""
    return {
        "type": "scatter",
        "mode": "text",
        "x": [start - BAR_WIDTH / 2 for start in starts],
        "y": [height] * len(paths),
        "text": [f"<b>{words(path.name)}</b>" for path in paths],
        "textposition": "middle right",
        "textfont": {"size": 12, "color": INK},
        "cliponaxis": False,
        "showlegend": False,
        "hoverinfo": "skip",
    }
