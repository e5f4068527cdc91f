"""The checker: is a deck what its task asks for? Six stages, each of which can reject it.

Example:
    >>> from lightloop.analog import load_task, reference_deck
    >>> from lightloop.analog.check import check
    >>> check(load_task(1), reference_deck(load_task(1))).ok
    True
"""

from __future__ import annotations

from lightloop.analog.check.pipeline import check

__all__ = ["check"]
