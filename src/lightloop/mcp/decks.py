"""Decks of strangers: what they may hold, and how much their simulation may cost."""

from __future__ import annotations

from dataclasses import replace

from lightloop.analog.check.lint import LIBRARY, LIBRARY_PORTS, with_library
from lightloop.spice.deck import Deck
from lightloop.spice.linter import lint
from lightloop.spice.policy import STRANGER
from lightloop.spice.sandbox.child import Sandbox
from lightloop.spice.sandbox.limits import Limits
from lightloop.spice.simulator import Simulator

# Sources may have time functions and AC values at every node: the agent is its own checker here.
POLICY = replace(STRANGER, wave_nodes=frozenset("*"), keep_ac=True).with_library({LIBRARY: LIBRARY_PORTS})
SIMULATOR = Simulator(sandbox=Sandbox(Limits(cpu_s=10, wall_s=15.0)))


def read_deck(text: str) -> Deck:
    """A deck with the library op-amp where it calls it. Raises `RefusedError` with every finding of the linter."""
    return with_library(lint(text, POLICY).accepted())
