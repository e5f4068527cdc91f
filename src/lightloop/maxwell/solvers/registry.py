"""The solvers there are, and which of them is taken."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from lightloop.errors import MissingProgramError, unknown_name
from lightloop.maxwell.solvers import nested, pardiso, superlu
from lightloop.maxwell.solvers.refinement import Checked, Factor, resonance
from lightloop.maxwell.stencil import Stencil

AUTO = "auto"
log = logging.getLogger(__name__)


class Solver(NamedTuple):
    """A way to factorise M.

    Attributes:
        factorize: It.
        missing: Why it cannot be used here, or None.
    """

    factorize: Callable[[Stencil], Factor]
    missing: Callable[[], str | None]


SOLVERS = {
    "nested": Solver(nested.factorize, lambda: None),
    "pardiso": Solver(pardiso.Pardiso, pardiso.missing),
    "superlu": Solver(superlu.SuperLU, superlu.missing),
}


def choose(name: str) -> tuple[str, str]:
    """The name of the solver to take, and why.

    Args:
        name: One of `SOLVERS`, or "auto".

    Raises:
        InputError: There is no such solver.
        MissingProgramError: What it needs is not installed.
    """
    if name == AUTO:
        return "nested", "always there; factorises as fast as PARDISO, and solves twice as fast"
    if name not in SOLVERS:
        raise unknown_name("solver", str(name), [AUTO, *SOLVERS])
    absent = SOLVERS[name].missing()
    if absent:
        raise MissingProgramError(f"solver {name} cannot be used here: {absent}", hint="take solver=auto")
    return name, "asked for"


def factorize(stencil: Stencil, name: str = AUTO) -> Factor:
    """A factor of M by the solver of that name; the choice is logged with its reason.

    Where it fails, "auto" goes on with SuperLU.

    Raises:
        InputError: M is singular, or the solver that was asked for cannot factorise it.
    """
    chosen, reason = choose(name)
    log.info("%d x %d points: solver %s, %s", *stencil.shape, chosen, reason)
    instead = SOLVERS["superlu"].factorize if name == AUTO else None
    try:
        return Checked(stencil, SOLVERS[chosen].factorize(stencil), instead)
    except np.linalg.LinAlgError as error:
        if instead is None:
            raise resonance(f"solver {chosen} finds no factor") from error
    log.warning("%d x %d points: a front has no inverse, solver superlu", *stencil.shape)
    return factorize(stencil, "superlu")
