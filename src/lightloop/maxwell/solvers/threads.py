"""One thread for many small products of matrices.

BLAS libraries split even small ones over all cores, and their threads then wait for one another: where other work keeps
the cores busy, up to ten times longer than one thread takes. On idle ones two threads win a fifth at 512 x 512 points.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, wraps
from typing import ParamSpec, TypeVar

from threadpoolctl import ThreadpoolController

Options = ParamSpec("Options")
Answer = TypeVar("Answer")


@cache
def _pools() -> ThreadpoolController:
    """Those of the libraries that are loaded; found once, as that takes milliseconds."""
    return ThreadpoolController()


def on_one_thread(function: Callable[Options, Answer]) -> Callable[Options, Answer]:
    """The function, during which BLAS takes one thread."""

    @wraps(function)
    def limited(*args: Options.args, **kwargs: Options.kwargs) -> Answer:
        with _pools().limit(limits=1, user_api="blas"):
            return function(*args, **kwargs)

    return limited
