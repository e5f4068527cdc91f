"""Schematics of decks, drawn by themselves: `schematic(deck)` places the symbols and draws the wires between them."""

from __future__ import annotations

from lightloop.analog.schematic.draw import schematic
from lightloop.analog.schematic.drawing import Drawing

__all__ = ["Drawing", "schematic"]
