"""What a report shows of a design: its schematic, and plots of simulations of the deck as it is written."""

from __future__ import annotations

from lightloop.analog.evidence.collect import evidence, picture

__all__ = ["evidence", "picture"]
