"""What one asks of a network: tokens, batch, phase, context; checked, all mistakes at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from lightloop.errors import InputError

PHASES = ("prefill", "decode")


@dataclass(frozen=True)
class Request:
    """One run of a network.

    Args:
        tokens: Tokens of each sequence that the run computes; None for the network's own.
        batch: Sequences run together.
        phase: "prefill", "decode" or None.
        context: For decode, the tokens of each sequence that the cache holds, the new ones included.
    """

    tokens: int | None = None
    batch: int = 1
    phase: str | None = None
    context: int | None = None


def refuse(source: str, mistakes: Iterable[str], hint: str | None = None) -> None:
    """Raise one `InputError` with every mistake, one line each; return if there is none."""
    lines = list(mistakes)
    if not lines:
        return
    count = f"{len(lines)} mistake{'s' if len(lines) > 1 else ''}"
    raise InputError("\n".join([f"{source}: {count}", *(f"  - {line}" for line in lines)]), hint=hint)


def size_mistakes(request: Request, *, least_tokens: int = 1) -> list[str]:
    """Sizes that are no whole numbers or too small."""
    wanted = (("tokens", request.tokens, least_tokens), ("batch", request.batch, 1), ("context", request.context, 1))
    return [
        f"{label} must be a whole number of at least {least}, got {value!r}"
        for label, value, least in wanted
        if value is not None and not is_size(value, least)
    ]


def is_size(value: object, least: int = 1) -> bool:
    """Whether it is a whole number of at least `least`."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def phaseless_mistakes(request: Request, what: str) -> list[str]:
    """A phase or a context asked of a network that has neither."""
    found = []
    if request.phase is not None:
        found.append(f"phase {request.phase!r} is for language models that generate text; {what} has no phases")
    if request.context is not None:
        found.append(f"context is for decode of a language model; {what} keeps no key-value cache")
    return found
