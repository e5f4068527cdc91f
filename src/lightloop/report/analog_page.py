"""The page of a designed circuit: verdict, schematic, plots, specification, dialogue, deck."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lightloop.report.analog_figures import plot_figure
from lightloop.report.analog_parts import (
    code,
    dialogue,
    drawing,
    fold,
    nominal_and_varied,
    numbered,
    relative_margin,
    specifications,
    words,
)
from lightloop.report.page import Card, Page, Section, Table, write_page
from lightloop.report.schematic import schematic_svg
from lightloop.report.training_page import footer
from lightloop.runs import write_text

Values = Mapping[str, Any]


def design_page(data: Values) -> Page:
    """The page.

    Args:
        data: Plain values: `task` (key, title, statement, level, kind), `designer` (its name), `trials` (each as
            `Trial.to_dict()`), and where known `evidence` (as `lightloop.analog.evidence.evidence`), `ranking` (rows of
            circuit, score, what it rests on), `made_by` (the versions it was made with).
    """
    task, trials = data["task"], data["trials"]
    last = _last(trials)
    sections = [
        _glance(trials, last),
        _schematic(data),
        _plots(data),
        _specification(last),
        _ranking(data),
        Section(
            "Dialogue",
            ["What was handed in, attempt by attempt, and the checker's verdict. Lines have the numbers of messages."],
            blocks=dialogue(trials),
        ),
        _deck(last),
    ]
    what = f"Task {task.get('id', '')} {task['key']} ({task['level']}), by {data['designer']}."
    return Page(
        title=f"{task['title']}: {'passed' if last and last['ok'] else 'failed'}",
        subtitle=f"{what} {_one_line(task['statement'])}",
        sections=[section for section in sections if section is not None],
        footer=footer(data["made_by"]) if data.get("made_by") else "",
    )


def write_design_report(folder: str | Path, data: Values) -> list[Path]:
    """Write `report.html`, and `schematic.svg` where there is a drawing; each whole or not at all.

    Args:
        folder: Where to.
        data: As for `design_page`.

    Returns:
        The files.
    """
    written = [write_page(design_page(data), Path(folder) / "report.html")]
    shown = (data.get("evidence") or {}).get("schematic")
    if shown:
        picture = schematic_svg(shown, data["task"]["title"], standalone=True)
        written.append(write_text(Path(folder) / "schematic.svg", picture))
    return written


def _last(trials: Sequence[Values]) -> Values | None:
    """The attempt that the page is about: the last one of the first trial that passed, or of the last trial."""
    chosen = next((trial for trial in trials if trial["ok"]), trials[-1] if trials else None)
    return chosen["attempts"][-1] if chosen and chosen["attempts"] else None


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _glance(trials: Sequence[Values], last: Values | None) -> Section:
    attempts = [attempt for trial in trials for attempt in trial["attempts"]]
    verdict = last["verdict"] if last else None
    items = verdict["items"] if verdict else []
    tightest = min(items, key=relative_margin, default=None)
    cards = [
        Card(
            "pass" if last and last["ok"] else "fail",
            "verdict",
            f"last stage: {verdict['stage']}" if verdict else "no deck",
        ),
        Card(str(len(attempts)), f"attempt{_s(attempts)}", f"in {len(trials)} trial{_s(trials)}"),
    ]
    if tightest is not None:
        cards.append(Card(_percent(relative_margin(tightest)), "least margin", words(tightest["name"])))
    tokens = sum(attempt["prompt_tokens"] + attempt["answer_tokens"] for attempt in attempts)
    if tokens:
        cards.append(Card(f"{tokens:,}", "tokens", "of prompts and answers"))
    seconds = sum(attempt["seconds"] for attempt in attempts)
    if seconds:
        cards.append(Card(f"{seconds:.1f} s", "of design", "from question to verdict"))
    text = [verdict["message"]] if verdict and not last["ok"] else []  # type: ignore[index]
    return Section("At a glance", text, cards=cards)


def _s(things: Sequence[object]) -> str:
    return "" if len(things) == 1 else "s"


def _percent(margin: float) -> str:
    return "none" if margin == float("-inf") else f"{100 * margin:+.1f} %"


def _schematic(data: Values) -> Section | None:
    shown = (data.get("evidence") or {}).get("schematic")
    if not shown:
        return None
    told = (
        "Drawn from the deck: supplies above, ground below, the signal from left to right. W/L of transistors in µm. "
        "What a wire would reach only by a long way is joined by name; voltages at rest stand beside flags and nodes."
    )
    return Section("Schematic", [told], blocks=[drawing(shown, f"Schematic: {data['task']['title']}")])


def _plots(data: Values) -> Section | None:
    found = data.get("evidence") or {}
    plots, missing = found.get("plots", []), found.get("missing", [])
    if not plots and not missing:
        return None
    told = ["Simulations of the deck as written; the checker's sources drive its inputs."]
    told += [f"Not shown: {_one_line(reason)}" for reason in missing]
    return Section("Behaviour", told, [(plot_figure(plot), plot["title"]) for plot in plots])


def _specification(last: Values | None) -> Section | None:
    if not last or not last["verdict"] or not last["verdict"]["items"]:
        return None
    nominal, varied = nominal_and_varied(last["verdict"]["items"])
    told = ["Bars show the margin as a share of the limit: right of the mark the limit is kept. A full bar is 100 %."]
    blocks: list[str] = [specifications(nominal)] if nominal else []
    if varied:
        blocks.append(
            fold(
                "The worst under varied supply, temperature, parts and mismatch", [specifications(varied)], is_open=True
            )
        )
    return Section("Specification", told, blocks=blocks)


def _ranking(data: Values) -> Section | None:
    ranking = data.get("ranking") or []
    if not ranking:
        return None
    columns = list(ranking[0])
    rows = [[_cell(row[name]) for name in columns] for row in ranking]
    return Section(
        "Circuits considered",
        ["Parametric circuits of the library that could serve the task, the best fit first."],
        table=Table([words(name) for name in columns], rows),
    )


def _cell(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _deck(last: Values | None) -> Section | None:
    if not last or not last["deck"]:
        return None
    return Section("Deck", blocks=[code(numbered(last["deck"]))])
