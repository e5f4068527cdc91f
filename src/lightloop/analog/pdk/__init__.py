"""Open foundry processes: which model files, corners and devices each has."""

from __future__ import annotations

from lightloop.analog.pdk.process import Process, process, processes

__all__ = ["Process", "process", "processes"]
