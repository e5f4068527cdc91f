"""Optimizers that keep little state: APOLLO and APOLLO-Mini."""

from __future__ import annotations

from lightloop.optim.apollo import Apollo
from lightloop.optim.groups import param_groups

__all__ = ["Apollo", "param_groups"]
