"""A module whose forward runs inside a context: that of photonic products, or that of digital ones.

Forward hooks could enter and leave the context too, but torch skips them on `KeyboardInterrupt`, and a mode
that is never left would catch every product of the process.
"""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

from torch import nn

from lightloop.onn.intercept import Multiply, ProductMode

Scope = Callable[[], AbstractContextManager[Any]]


@dataclass
class PhotonicScope:
    """Enters a `ProductMode`, and keeps its counts of the last forward.

    Attributes:
        multiply: The product of two dynamic operands.
        photonic: Torch functions computed by `multiply` in the last forward, with their number of calls.
        digital: Products that torch computed itself in the last forward.
    """

    multiply: Multiply
    photonic: Counter[str] = field(default_factory=Counter)
    digital: Counter[str] = field(default_factory=Counter)

    def __call__(self) -> ProductMode:
        """A fresh mode, its counts at zero."""
        self.photonic.clear()
        self.digital.clear()
        return ProductMode(self.multiply, self.photonic, self.digital)


class ScopedForward:
    """The forward of a module, inside a scope. It is copied and pickled with its module.

    Args:
        module: The module whose forward it is.
        scope: Opens the context, anew for each call.
        inner: A forward set on the instance before, or None for that of the class.
    """

    def __init__(self, module: nn.Module, scope: Scope, inner: Callable[..., Any] | None) -> None:
        self.module, self.scope, self.inner = module, scope, inner

    @classmethod
    def wrap(cls, module: nn.Module, scope: Scope) -> None:
        """Let the forward of `module` run inside `scope` from now on."""
        module.__dict__["forward"] = cls(module, scope, module.__dict__.get("forward"))

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the forward."""
        with self.scope():
            return self._forward(*args, **kwargs)

    @property
    def __signature__(self) -> inspect.Signature:
        """That of the forward within, for tools that look which arguments a model takes."""
        return inspect.signature(self._forward)

    @property
    def _forward(self) -> Callable[..., Any]:
        return self.inner or type(self.module).forward.__get__(self.module)


def photonic_scope(model: nn.Module) -> PhotonicScope | None:
    """The scope of a converted model, or None if it is not converted."""
    scope = getattr(model.__dict__.get("forward"), "scope", None)
    return scope if isinstance(scope, PhotonicScope) else None
