"""The designer that asks a language model: prompt, answer, checker's verdict, feedback, next attempt."""

from __future__ import annotations

from lightloop.lazy import on_demand

_PLACES = {"Ablation": "ablation", "DialogueDesigner": "designer"}

__all__ = sorted(_PLACES)

__getattr__, __dir__ = on_demand(__name__, _PLACES)
