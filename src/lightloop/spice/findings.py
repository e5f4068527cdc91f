"""What the linter found: line, rule, message."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from lightloop.errors import InputError, RefusedError

if TYPE_CHECKING:
    from lightloop.spice.deck import Deck

MAX_QUOTED = 40
# Rules against what could reach beyond the circuit: commands and files for the simulator, and ways to hide them.
UNSAFE_RULES = frozenset({"card", "control", "characters", "continuation", "recursion", "size"})


@dataclass(frozen=True, slots=True)
class Finding:
    """One remark on a deck.

    Args:
        line: Line of the deck, from one.
        rule: Short name of the rule, such as `card` or `value`.
        message: What is wrong and what is allowed, in one sentence.
        severity: An `error` refuses the deck; a `warning` says what was left out or assumed.
    """

    line: int
    rule: str
    message: str
    severity: Literal["error", "warning"] = "error"

    def __str__(self) -> str:
        return f"line {self.line}: {self.message} [{self.rule}]"


class SourceError(InputError):
    """A source with a time function where only a DC source may stand."""


@dataclass(frozen=True)
class LintResult:
    """Findings in the order of the lines, and the deck as it was understood (None if it was refused)."""

    findings: tuple[Finding, ...]
    deck: Deck | None

    @property
    def ok(self) -> bool:
        """Whether nothing forbids the simulation."""
        return self.deck is not None

    @property
    def errors(self) -> list[Finding]:
        """The findings that refuse the deck."""
        return [finding for finding in self.findings if finding.severity == "error"]

    @property
    def unsafe(self) -> bool:
        """Whether a finding is more than a mistake in the circuit."""
        return any(finding.rule in UNSAFE_RULES for finding in self.errors)

    def accepted(self) -> Deck:
        """The deck. Raises `RefusedError` with every error if it was refused."""
        if self.deck is None:
            lines = "\n".join(f"  - {finding}" for finding in self.errors)
            raise RefusedError(f"the deck is refused\n{lines}", hint="see 'lightloop analog lint'")
        return self.deck

    def to_dict(self) -> dict[str, Any]:
        """The result as plain values for JSON."""
        return {"ok": self.ok, "findings": [asdict(finding) for finding in self.findings]}


def quoted(text: str) -> str:
    """A piece of a deck for a message: short, printable."""
    return repr(text if len(text) <= MAX_QUOTED else text[: MAX_QUOTED - 3] + "...")
