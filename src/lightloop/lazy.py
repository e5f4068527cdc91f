"""Names of a package that load their module when they are first used, so that importing the package is fast."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from typing import Any


def on_demand(
    package: str, places: Mapping[str, str], loaded: Iterable[str] = ()
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """The `__getattr__` and `__dir__` of a package.

    Args:
        package: Its name.
        places: Each public name, and the module below the package that has it.
        loaded: Public names that the package imports itself.

    Example:
        >>> __getattr__, __dir__ = on_demand(__name__, {"check": "check.pipeline"})
    """
    known = sorted({*places, *loaded})

    def find(name: str) -> Any:
        if name in places:
            return getattr(import_module(f"{package}.{places[name]}"), name)
        raise AttributeError(f"module {package!r} has no attribute {name!r}; it has {', '.join(known)}")

    return find, lambda: known
