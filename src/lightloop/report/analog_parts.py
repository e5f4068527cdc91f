"""Parts of the pages of circuits as escaped HTML: drawings, specifications with margins, dialogues, decks."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lightloop.report.schematic import schematic_svg

if TYPE_CHECKING:
    from markupsafe import Markup

Values = Mapping[str, Any]
FULL_MARGIN = 1.0  # relative margin at which a bar is full
VARIED = " at "  # between a quantity and the condition under which it was measured


def drawing(schematic: Values, title: str) -> Markup:
    """A schematic in its frame. `title` is its text for those who do not see it."""
    from markupsafe import Markup

    return Markup('<div class="drawing">{}</div>').format(Markup(schematic_svg(schematic, title)))


def code(text: str) -> Markup:
    """Text of a deck, as it is."""
    from markupsafe import Markup

    return Markup("<pre>{}</pre>").format(text)


def fold(title: str, parts: Sequence[str], *, is_open: bool = False) -> Markup:
    """Parts that a reader can close and open; strings that are no `Markup` are escaped."""
    from markupsafe import Markup

    body = Markup("").join(parts)
    start = Markup("<details open>") if is_open else Markup("<details>")
    return start + Markup("<summary>{}</summary>{}</details>").format(title, body)


def heading(text: str) -> Markup:
    """A small heading within a fold."""
    from markupsafe import Markup

    return Markup("<h3>{}</h3>").format(text)


def badge(ok: bool) -> Markup:
    """Pass or fail."""
    from markupsafe import Markup

    return Markup('<span class="badge">pass</span>') if ok else Markup('<span class="badge bad">fail</span>')


def specifications(items: Sequence[Values]) -> Markup:
    """A table of quantities with value, limits, margin as a bar, pass or fail.

    Args:
        items: As the items of `lightloop.analog.verdict.Verdict.to_dict()`.
    """
    from markupsafe import Markup

    row = Markup("<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>")
    rows = Markup("").join(
        row.format(
            words(item["name"]), number(item["value"], item["unit"]), number(item["low"], item["unit"]),
            number(item["high"], item["unit"]), margin_bar(item), badge(item["ok"]),
        )
        for item in items
    )  # fmt: skip
    head = Markup("").join(
        Markup("<th>{}</th>").format(name)
        for name in ("quantity", "measured", "at least", "at most", "margin", "verdict")
    )
    return Markup(
        '<div class="table-frame"><table class="specs"><thead><tr>{}</tr></thead><tbody>{}</tbody></table></div>'
    ).format(head, rows)


def margin_bar(item: Values) -> Markup:
    """The margin to the nearer limit as a share of it: right of the mark the limit is kept, left of it broken."""
    from markupsafe import Markup

    margin = relative_margin(item)
    if not math.isfinite(margin):
        return Markup("not measured")
    share = 50.0 * min(abs(margin) / FULL_MARGIN, 1.0)
    left, kind = (50.0, "") if item["ok"] else (50.0 - share, "bad")
    told = f"{100 * margin:+.0f} %" if abs(margin) < 100 else f"{margin:+.2g} times"
    bar = Markup('<i class="{}" style="left:{}%;width:{}%"></i><b></b>').format(kind, f"{left:.1f}", f"{share:.1f}")
    return Markup('<span class="margin" role="img" aria-label="margin {}">{}</span> {}').format(told, bar, told)


def relative_margin(item: Values) -> float:
    """Distance to the nearer limit as a share of it (of 1 where it is 0); -inf where nothing was measured."""
    if item["value"] is None:
        return -math.inf
    bounds = [(bound, sign) for bound, sign in ((item["low"], 1.0), (item["high"], -1.0)) if bound is not None]
    return min((sign * (item["value"] - bound) / (abs(bound) or 1.0) for bound, sign in bounds), default=math.inf)


def nominal_and_varied(items: Sequence[Values]) -> tuple[list[Values], list[Values]]:
    """Items of the deck as written, and for each quantity the worst one under varied conditions."""
    nominal = [item for item in items if VARIED not in item["name"]]
    worst: dict[str, Values] = {}
    for item in items:
        if VARIED in item["name"]:
            name = item["name"].split(VARIED)[0]
            if name not in worst or relative_margin(item) < relative_margin(worst[name]):
                worst[name] = item
    return nominal, list(worst.values())


def dialogue(trials: Sequence[Values]) -> list[Markup]:
    """Every attempt in a fold: the plan, the deck, what was wrong, what was fed back."""
    return [
        fold(_attempt_title(trial, place, attempt, len(trials)), _attempt(attempt))
        for trial in trials
        for place, attempt in enumerate(trial["attempts"], 1)
    ]


def _attempt_title(trial: Values, place: int, attempt: Values, trials: int) -> str:
    verdict = attempt["verdict"]
    stage = f"failed at {verdict['stage']}" if verdict else "no deck"
    told = "passed" if attempt["ok"] else stage
    tokens = attempt["prompt_tokens"] + attempt["answer_tokens"]
    extra = [f"{tokens:,} tokens"] if tokens else []
    extra += [f"{attempt['seconds']:.1f} s"] if attempt["seconds"] else []
    trial_name = f"trial {trial['sample'] + 1}, " if trials > 1 else ""
    aside = f" ({', '.join(extra)})" if extra else ""
    return f"{trial_name}attempt {place}: {told}{aside}"


def _attempt(attempt: Values) -> list[str]:
    verdict = attempt["verdict"]
    parts: list[str] = []
    if attempt["plan"]:
        parts += [heading("Plan"), code(attempt["plan"])]
    if attempt["deck"]:
        parts += [heading("Deck"), code(numbered(attempt["deck"]))]
    if verdict:
        parts += [heading("Verdict"), code(verdict["message"])]
    if attempt["feedback"] and attempt["feedback"] != (verdict or {}).get("message"):
        parts += [heading("Feedback"), code(attempt["feedback"])]
    return parts


def numbered(deck: str) -> str:
    """A deck with the numbers of its lines, to which messages refer."""
    return "\n".join(f"{number:>3}  {line}" for number, line in enumerate(deck.splitlines(), 1))


def words(name: str) -> str:
    """A name of a quantity as words."""
    return name.replace("_", " ")


def number(value: float | None, unit: str) -> str:
    """A value with its unit; empty where there is none."""
    return "" if value is None else f"{value:.4g}{'' if unit == '1' else f' {unit}'}"
