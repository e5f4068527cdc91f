"""From Maxwell to perplexity: the loop between AI and the hardware it runs on.

Each engine is a module of its own and is loaded when it is first used: `import lightloop` is fast and needs no torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_ENGINES = (
    "accelerator",
    "analog",
    "inverse",
    "loop",
    "maxwell",
    "onn",
    "optics",
    "optim",
    "pretrain",
    "report",
    "spice",
    "workload",
)

__all__ = ["__version__", *_ENGINES]


def __getattr__(name: str) -> Any:
    if name in _ENGINES:
        return import_module(f"lightloop.{name}")
    raise AttributeError(f"module 'lightloop' has no attribute {name!r}; it has {', '.join(__all__)}")


def __dir__() -> list[str]:
    return sorted(__all__)
