"""Optimizers that keep little state: APOLLO and APOLLO-Mini."""

from __future__ import annotations

from lightloop.optim.apollo import Apollo
from lightloop.optim.backward import fuse_backward
from lightloop.optim.groups import param_groups
from lightloop.optim.plan import plan_memory

__all__ = ["Apollo", "fuse_backward", "param_groups", "plan_memory"]
