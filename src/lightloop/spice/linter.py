"""Read a deck by an allow-list: what is not known is refused with its line, and never reaches the simulator."""

from __future__ import annotations

from pathlib import Path

from lightloop.errors import InputError
from lightloop.spice.cards import CARDS, Block
from lightloop.spice.deck import Deck
from lightloop.spice.elements import Context, read_element
from lightloop.spice.findings import Finding, LintResult, SourceError, quoted
from lightloop.spice.lines import MAX_FINDINGS, Line, logical_lines
from lightloop.spice.policy import STRANGER, Policy
from lightloop.spice.structure import structure_findings
from lightloop.spice.tokens import words_of


def lint(text: str | bytes, policy: Policy = STRANGER) -> LintResult:
    """Check a deck and read it.

    Args:
        text: The deck, title line first.
        policy: What it may contain.

    Returns:
        All findings by line, and the deck where none of them is an error.
    """
    if len(text) > policy.max_bytes:
        return _refused([Finding(1, "size", f"the deck has {len(text)} bytes; at most {policy.max_bytes}")])
    if isinstance(text, bytes):
        text = text.decode("latin-1")
    found = logical_lines(text, policy.max_cards)
    if len(found.lines) > policy.max_cards:
        line = found.lines[policy.max_cards].number
        return _refused([*found.findings, Finding(line, "size", f"more than {policy.max_cards} lines")])
    reader = _Reader(policy, _model_names(found.lines) | policy.supplied_models)
    for item in found.lines:
        reader.read(item)
        if len(reader.findings) > MAX_FINDINGS:
            break
    deck = reader.deck(found.title)
    findings = [*found.findings, *reader.findings]
    if not any(finding.severity == "error" for finding in findings):
        findings += structure_findings(deck, policy)
    findings = sorted(findings, key=lambda finding: finding.line)
    if any(finding.severity == "error" for finding in findings):
        return _refused(findings)
    return LintResult(tuple(findings), deck)


def parse_deck(text: str | bytes, policy: Policy = STRANGER) -> Deck:
    """The deck in `text`. Raises `RefusedError` with every error where the linter refuses it."""
    return lint(text, policy).accepted()


def read_deck(path: str | Path) -> str:
    """The text of a deck file, no more of it than the linter accepts. Raises `InputError` where it cannot be read."""
    try:
        with Path(path).open("rb") as stream:
            return stream.read(STRANGER.max_bytes + 1).decode("utf-8", errors="replace")
    except OSError as error:
        raise InputError(f"the deck {str(path)!r} cannot be read: {error.strerror}") from None


class _Reader:
    """Reads logical lines into blocks, and keeps what was wrong with each."""

    def __init__(self, policy: Policy, models: frozenset[str]) -> None:
        self.policy = policy
        self.block = Block()
        self.findings: list[Finding] = []
        self.elements = 0
        keep_initial = not policy.left_out
        self.context = Context(models, policy.wave_nodes, policy.keep_ac, keep_initial)

    def read(self, item: Line) -> None:
        """One line; a mistake becomes a finding."""
        text = item.text
        if len(text) > self.policy.max_line:
            self._error(item, "size", f"a line of {len(text)} characters; at most {self.policy.max_line}")
            return
        try:
            if text[0] == ".":
                self._card(text, item)
            else:
                self._element(text, item)
        except InputError as error:
            self._error(item, "source" if isinstance(error, SourceError) else "syntax", error.message)
        for message in self.context.left_out:
            self.findings.append(Finding(item.number, "left-out", message, "warning"))
        self.context.left_out.clear()

    def _card(self, text: str, item: Line) -> None:
        name = text.split(None, 1)[0]
        if name in self.policy.left_out:
            self.findings.append(Finding(item.number, "left-out", f"{name} is left out", "warning"))
        elif name in self.policy.cards:
            self.block = CARDS[name](text, item.number, self.block, self.policy.models)
        else:
            allowed = ", ".join([*sorted(self.policy.cards), ".end"])
            self._error(item, "card", f"card {quoted(name)} is not allowed; allowed: {allowed}")

    def _element(self, text: str, item: Line) -> None:
        if text[0] not in self.policy.kinds:
            allowed = " ".join(sorted(self.policy.kinds)).upper()
            message = f"{quoted(words_of(text)[0])} is no element that is allowed; allowed: {allowed}"
            self._error(item, "element", message)
            return
        self.elements += 1
        if self.elements > self.policy.max_elements:
            if self.elements == self.policy.max_elements + 1:
                self._error(item, "size", f"more than {self.policy.max_elements} elements")
            return
        self.block.elements.append(read_element(text, item.number, self.context))

    def _error(self, item: Line, rule: str, message: str) -> None:
        self.findings.append(Finding(item.number, rule, message))

    def deck(self, title: str) -> Deck:
        """What was read; an open subcircuit is a finding."""
        block = self.block
        if block.outer is not None:
            self.findings.append(Finding(block.line, "subcircuit", f"subcircuit {block.name} is not closed by .ends"))
            block = block.outer
        return Deck(
            title,
            tuple(block.elements),
            tuple(block.models),
            tuple(block.subcircuits),
            block.parameters,
            tuple(block.cards),
        )


def _model_names(lines: list[Line]) -> frozenset[str]:
    """The second words of all model cards, known before the elements that may stand above them are read."""
    models = [item.text.split(None, 2) for item in lines if item.parts[0].startswith(".model")]
    return frozenset(words[1] for words in models if len(words) > 1)


def _refused(findings: list[Finding]) -> LintResult:
    return LintResult(tuple(findings[: 2 * MAX_FINDINGS]), None)
