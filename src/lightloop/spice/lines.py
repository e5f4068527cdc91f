"""Deck text as logical lines: comments stripped, continuations joined, the number of the first line kept.

Lines end with a line feed, or a carriage return and a line feed. Every other control character, every character
beyond ASCII and a lone carriage return are mistakes: programs disagree about where such a line ends.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from lightloop.spice.findings import Finding

MAX_FINDINGS = 100

_COMMENT = re.compile(r";|(?:^|(?<=[ \t,(=]))\$")
_STRANGE = re.compile(r"[^\t -~]")
_SCRIPT = re.compile(r"ng_?script", re.IGNORECASE)
_ENDING = re.compile(r"\.end\s*", re.IGNORECASE)


@dataclass(slots=True)
class Line:
    """One logical line: its first line number (from one) and its text in lower case, by parts."""

    number: int
    parts: list[str]

    @property
    def text(self) -> str:
        """The first line and its continuations, joined by blanks."""
        return " ".join(self.parts)


@dataclass(slots=True)
class Lines:
    """The logical lines of a deck, and what was wrong with the text itself."""

    title: str = ""
    lines: list[Line] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    ended: bool = False


def logical_lines(text: str, max_lines: int) -> Lines:
    """Split the text of a deck. The first line is the title, as in SPICE, whatever it holds.

    Lines with strange characters are not read. Reading stops after more than `max_lines` logical lines or
    `MAX_FINDINGS` findings.
    """
    found = Lines()
    rows = text.split("\n")
    rows = [row[:-1] if row.endswith("\r") else row for row in rows]
    found.findings += strange_characters(rows)
    strange = {finding.line for finding in found.findings}
    found.title = rows[0].strip()
    if len(strange) > MAX_FINDINGS:
        return found
    if found.title.startswith((".", "+")) or _SCRIPT.search(found.title):
        found.findings.append(Finding(1, "title", "the first line is the title and must not be a card"))
    for number, row in enumerate(rows[1:], start=2):
        if number not in strange:
            _add(found, number, row.strip(" \t"))
        if len(found.findings) > MAX_FINDINGS or len(found.lines) > max_lines:
            return found
    if not found.ended:
        found.findings.append(Finding(len(rows), "end", "the deck does not end with .end", "warning"))
    return found


def strange_characters(rows: list[str]) -> list[Finding]:
    """A finding for each line with a character that is neither printable ASCII nor a tab."""
    found = []
    for number, row in enumerate(rows, start=1):
        if not row.isascii() or not row.isprintable():
            strange = _STRANGE.search(row)
            if strange:
                found.append(Finding(number, "characters", f"character U+{ord(strange[0]):04X} is not allowed"))
            if len(found) > MAX_FINDINGS:
                return found
    return found


def _add(found: Lines, number: int, row: str) -> None:
    if not row:
        return
    if row[0] == "*":
        if _SCRIPT.search(row):
            found.findings.append(Finding(number, "control", "a script for the simulator is not allowed"))
        return
    comment = _COMMENT.search(row) if ";" in row or "$" in row else None
    text = (row[: comment.start()] if comment else row).rstrip(" \t").lower()
    if not text:
        return
    if found.ended:
        found.findings.append(Finding(number, "end", "text after .end"))
    elif text[0] == "+":
        _join(found, number, text[1:].strip(" \t"))
    elif _ENDING.fullmatch(text):
        found.ended = True
    else:
        found.lines.append(Line(number, [text]))


def _join(found: Lines, number: int, text: str) -> None:
    if not found.lines:
        found.findings.append(Finding(number, "continuation", "a continuation of no line"))
        return
    found.lines[-1].parts.append(text)
