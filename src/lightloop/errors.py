"""What went wrong, said once and so that the reader knows what to do next.

Every error names what was given, what is allowed, and a hint. The command line prints it as one message and
exits with the error's code; a library user catches `LightloopError`.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class LightloopError(Exception):
    """Base of all errors raised on purpose.

    Args:
        message: What is wrong, in one sentence, with the value that was given.
        allowed: The values that would have been accepted, if they can be listed.
        hint: What to do next.
    """

    exit_code = 2

    def __init__(self, message: str, *, allowed: Iterable[object] | None = None, hint: str | None = None) -> None:
        self.message = message
        self.allowed = None if allowed is None else [str(item) for item in allowed]
        self.hint = hint
        super().__init__(str(self))

    def __str__(self) -> str:
        lines = [self.message]
        if self.allowed is not None:
            lines.append(f"allowed: {', '.join(self.allowed) or '(none)'}")
        if self.hint:
            lines.append(f"hint: {self.hint}")
        return "\n".join(lines)


class InputError(LightloopError, ValueError):
    """The input cannot be used as given."""


class MissingProgramError(LightloopError):
    """A program or package that this job needs is not installed."""

    exit_code = 3


class RefusedError(LightloopError):
    """The input was refused for safety."""

    exit_code = 4


class InterruptedRunError(LightloopError):
    """The run was stopped from outside and can be resumed."""

    exit_code = 130


def unknown_name(kind: str, given: str, allowed: Iterable[str], hint: str | None = None) -> InputError:
    """An `InputError` for a name that is not in a list, with the nearest allowed name as its hint."""
    names = sorted(allowed)
    near = get_close_matches(given, names, n=1, cutoff=0.5)
    return InputError(
        f"unknown {kind} {given!r}",
        allowed=names,
        hint=f"did you mean {near[0]!r}?" if near else hint,
    )
