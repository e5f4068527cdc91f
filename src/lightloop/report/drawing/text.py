"""Plotly's little HTML and its number templates, as plain strings."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from typing import Any

from lightloop.errors import InputError

_BREAK, _TAG = re.compile(r"<br\s*/?>"), re.compile(r"</?(?:b|i|em|strong|sub|sup|span)(?:\s[^<>]*)?>")
_FIELD = re.compile(r"%\{(\w+)(?::([^}]*))?\}")


def unmarked(text: object) -> str:
    """Text without its tags, `<br>` as a line break, entities as their characters."""
    return html.unescape(_TAG.sub("", _BREAK.sub("\n", str(text))))


def weight(text: object) -> str:
    """Bold if the text as a whole is."""
    return "bold" if str(text).strip().startswith("<b>") and str(text).strip().endswith("</b>") else "normal"


def filled(template: str, values: Mapping[str, Any]) -> str:
    """A template such as "%{y:.3g}" with its fields filled in.

    Raises:
        InputError: A field is not known, or its number format is not one that Python shares with d3.
    """

    def fill(match: re.Match[str]) -> str:
        name, form = match.groups()
        if name not in values:
            raise InputError(f"no {name!r} for the template {template!r}", allowed=values)
        try:
            return format(values[name], form or "")
        except ValueError as error:
            raise InputError(f"cannot write {values[name]!r} as {form!r}: {error}") from None

    return unmarked(_FIELD.sub(fill, template))


def listed(value: Any, count: int) -> list[Any]:
    """A value for each of `count` points: plotly takes one for all or a list."""
    return list(value) if isinstance(value, list | tuple) else [value] * count
