"""The methods of search, one in each file. A file here that defines `create` is a method under the file's name."""

from __future__ import annotations

import pkgutil
from importlib import import_module
from typing import Protocol

from lightloop.errors import unknown_name
from lightloop.search.outcome import Outcome


class Method(Protocol):
    """A search in the unit cube, in batches."""

    def ask(self) -> list[list[float]]:
        """The next batch of points, each coordinate in 0..1."""

    def tell(self, units: list[list[float]], outcomes: list[Outcome]) -> None:
        """What the batch that was asked last came to."""


class Create(Protocol):
    """Makes a method."""

    def __call__(self, dimensions: int, *, seed: int, evaluations: int, start: list[float] | None) -> Method:
        """A method that has not begun.

        Args:
            dimensions: How many variables there are.
            seed: Of the random numbers; the same seed gives the same search.
            evaluations: How many points will be evaluated.
            start: Where to begin, in the unit cube; the method's own choice if None.
        """


def method_names() -> list[str]:
    """The names of all methods."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_"))


def creator(name: str) -> Create:
    """What makes the method of that name. Raises `InputError` if there is none."""
    if name not in method_names():
        raise unknown_name("method of search", name, method_names())
    return import_module(f"{__name__}.{name}").create  # type: ignore[no-any-return]
