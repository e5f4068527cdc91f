"""The page of a simulated device: its scattering, how far that can be trusted, its fields."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Mapping
from itertools import product
from typing import Any

from lightloop.report.field_figures import curves_cut, picture_figure, scattering_figures
from lightloop.report.page import Card, Page, Section, Table
from lightloop.report.training_page import footer

Values = Mapping[str, Any]
MAX_ROWS, MANY = 500, 20
DIGITS = 4  # the first port stands for those that reciprocity or a mirror makes equal
PNG_SIZE = slice(16, 24)  # where a PNG holds its width and height
ERRORS = {
    "residual": ("residual", "‖M u − f‖ / ‖f‖, the largest of the ports"),
    "power_error": ("power balance", "part of the entered power not found again, the largest of the ports"),
    "reciprocity_error": ("reciprocity", "largest |S − Sᵀ| / largest |S|"),
}


def field_page(result: Values, settings: Values, made_by: Values, pictures: Mapping[str, bytes]) -> Page:
    """The page.

    Args:
        result: As in `result.json`.
        settings: As in `run.toml`.
        made_by: The versions it was begun with.
        pictures: PNG files by caption.
    """
    sections = [
        _glance(result),
        _scattering(result),
        _fields(pictures, settings),
        Section("Settings", table=Table(("Setting", "Value"), [(key, str(value)) for key, value in settings.items()])),
    ]
    return Page(
        title=f"{result['device']}: scattering between {len(result['ports'])} ports",
        subtitle=(
            f"{result['polarization']} in two dimensions on cells of {result['dl_um'] * 1e3:g} nm, "
            f"{result['points']} point{'s' if result['points'] > 1 else ''} of wavelength and geometry."
        ),
        sections=[section for section in sections if section is not None],
        footer=footer(made_by),
    )


def power_matrix(result: Values) -> tuple[list[str], list[tuple[str, ...]]]:
    """Of the first point: column titles, and one row for each port that is left. For a page or a terminal."""
    ports, first = result["ports"], [0] * len(result["axes"])
    rows = [
        (name, *(_power(result, first, left, entered) for entered in range(len(ports))))
        for left, name in enumerate(ports)
    ]
    return ["", *ports], rows


def from_first_port(result: Values) -> tuple[list[str], list[tuple[str, ...]]]:
    """Column titles, and one row for each point: what was varied, and |S|² from the first port to each."""
    ports, axes = result["ports"], result["axes"]
    rows = [
        (
            *(f"{axes[name][place]:.6g}" for name, place in zip(axes, places, strict=True)),
            *(_power(result, places, left, 0) for left in range(len(ports))),
        )
        for places in product(*(range(len(values)) for values in axes.values()))
    ]
    return [*axes, *(f"{ports[0]} to {left}" for left in ports)], rows


def _power(result: Values, places: Iterable[int], left: int, entered: int) -> str:
    """|S|², or what several grids make of it, with its error bar."""
    if "extrapolated" not in result:
        return f"{_at(result['power'], places)[left][entered]:.5f}"
    value, bar = (_at(result[name], places)[left][entered] for name in ("extrapolated", "error_bar"))
    return f"{value:.4f} ± {bar:.4f}"


def _at(table: Any, places: Iterable[int]) -> Any:
    """An entry of nested lists."""
    for place in places:
        table = table[place]
    return table


def _glance(result: Values) -> Section:
    worst = result["worst"]
    cards = [Card(f"{worst[name]:.1e}", label, note) for name, (label, note) in ERRORS.items()]
    numbers = range(len(result["ports"]))
    powers = [
        (_at(result["power"], places)[left][entered], entered, left)
        for places in product(*(range(len(values)) for values in result["axes"].values()))
        for entered, left in product(numbers, numbers)
    ]
    best = max(powers, key=lambda one: round(one[0], DIGITS))
    ports = result["ports"]
    first = Card(f"{best[0]:.4f}", "largest power between ports", f"{ports[best[1]]} to {ports[best[2]]}")
    return Section(
        "At a glance",
        ["The errors are the largest of all points. They say how well the equations on this grid were solved, and not "
         "how far the grid is from the device: that is what two grids tell."],
        cards=[first, *cards],
    )  # fmt: skip


def _scattering(result: Values) -> Section:
    figures = scattering_figures(result)
    columns, rows = power_matrix(result) if result["points"] == 1 else from_first_port(result)
    told = ["|S|²: the power that leaves through a port, for 1 W per metre that enters through another."]
    if "extrapolated" in result:
        told.append(
            "In the table, the powers on an infinitely fine grid (Richardson, from this grid and one of twice the "
            "step), with the bar within which they are expected. Everything else here is of the finer grid."
        )
    if result["points"] > 1:
        told.append(f"The table has the powers from {result['ports'][0]}; table.csv has all.")
    if figures and curves_cut(result):
        told.append(f"{curves_cut(result)} more curves are not drawn.")
    return Section(
        "Scattering",
        told,
        [(figure, "|S|², of the waves that the axis names.") for figure in figures.values()],
        table=Table(columns, rows[:MAX_ROWS], filterable=len(rows) > MANY),
    )


def _fields(pictures: Mapping[str, bytes], settings: Values) -> Section | None:
    if not pictures:
        return None
    figures = []
    for caption, content in pictures.items():
        width, height = (int.from_bytes(content[PNG_SIZE][part : part + 4], "big") for part in (0, 4))
        data_uri = f"data:image/png;base64,{b64encode(content).decode('ascii')}"
        figures.append((picture_figure(data_uri, width, height), caption))
    told = (
        f"Magnitude of the field out of the plane on cells of {settings['dl_um'] * 1e3:g} nm, peak amplitude for 1 W "
        "per metre into one port, behind which stands only what is reflected. Dotted: the absorbing layers."
    )
    return Section("Fields", [told], figures, wide=True)
