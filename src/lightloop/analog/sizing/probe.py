"""What is measured in one circuit of a testbench: the analyses it takes, and how their plots are read.

A probe is one file in `probes/`, found by its presence. It defines `QUANTITIES` (name -> `Quantity`), `CIRCUIT` (which
circuit of the testbench), `analyses(bench, deck)` and `read(bench, deck, plots)`.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib import import_module
from typing import Protocol

from lightloop.analog.sizing.quantity import Quantity
from lightloop.analog.sizing.testbench import Testbench
from lightloop.spice.analyses import Analysis
from lightloop.spice.deck import Deck
from lightloop.spice.rawfile import Plot

PACKAGE = "lightloop.analog.sizing.probes"
Measured = dict[str, float | None]


class Probe(Protocol):
    """A file in `probes/`."""

    QUANTITIES: Mapping[str, Quantity]
    CIRCUIT: str

    def analyses(self, bench: Testbench, deck: Deck) -> tuple[Analysis, ...]:
        """What to simulate of the circuit."""

    def read(self, bench: Testbench, deck: Deck, plots: Sequence[Plot]) -> Measured:
        """The quantities; None for one that the circuit does not have, such as a bandwidth without a fall."""


@cache
def probes() -> tuple[Probe, ...]:
    """All probes."""
    names = sorted(module.name for module in pkgutil.iter_modules(import_module(PACKAGE).__path__))
    return tuple(import_module(f"{PACKAGE}.{name}") for name in names)  # type: ignore[misc]


def needed(quantities: Iterable[str]) -> tuple[Probe, ...]:
    """The probes that measure these quantities; names that no probe has are left aside."""
    wanted = set(quantities)
    return tuple(probe for probe in probes() if wanted & probe.QUANTITIES.keys())
