"""What a photonic core must do, and the cores there are. A new core is a new file and a line in `CORES`."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

from torch import Tensor

from lightloop.errors import InputError, unknown_name
from lightloop.onn.dot import DotCore


@runtime_checkable
class Core(Protocol):
    """A tile of photonic hardware, and the matrix product that it computes."""

    def product(self, x_tk: Tensor, w_ok: Tensor) -> Tensor:
        """Dot products `(..., t, o)` of rows of `x_tk`, `(..., t, k)`, with rows of `w_ok`, `(..., o, k)`."""


CORES: dict[str, Callable[..., Core]] = {
    "dot": DotCore,
}


def build_core(core: str | Core, **options: Any) -> Core:
    """The core of that name with these options, or `core` itself if it already is one.

    Raises:
        InputError: The name or an option is unknown, an option is out of range, or options come with a built
            core.
    """
    if not isinstance(core, str):
        if not isinstance(core, Core):
            raise InputError(f"not a photonic core: {core!r}", allowed=sorted(CORES))
        if options:
            raise InputError(
                f"options {', '.join(options)} given with a core that is already built",
                hint="set them where the core is built",
            )
        return core
    if core not in CORES:
        raise unknown_name("core", core, CORES)
    known = inspect.signature(CORES[core]).parameters
    for option in options:
        if option not in known:
            raise unknown_name(f"option of core {core!r}", option, known)
    return CORES[core](**options)
