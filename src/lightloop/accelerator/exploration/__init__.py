"""Spaces of designs: `explore("space.toml", out)` evaluates all of them and keeps those that none beats."""

from __future__ import annotations

from lightloop.accelerator.exploration.explore import explore
from lightloop.accelerator.exploration.outcome import Exploration
from lightloop.accelerator.exploration.space import Space, load_space

__all__ = ["Exploration", "Space", "explore", "load_space"]
