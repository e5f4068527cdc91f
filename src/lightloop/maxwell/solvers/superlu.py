"""SciPy's SuperLU, with the ordering and the pivoting that suit a matrix of symmetric pattern."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse.linalg import splu

from lightloop.maxwell.stencil import Stencil

Array = np.ndarray[Any, np.dtype[Any]]
# A pivot off the diagonal is taken where it is a thousand times larger.
THRESHOLD = 1e-3


class SuperLU:
    """A factor of M.

    Raises:
        numpy.linalg.LinAlgError: M is singular.
    """

    def __init__(self, stencil: Stencil) -> None:
        order = {"permc_spec": "MMD_AT_PLUS_A", "diag_pivot_thresh": THRESHOLD, "options": {"SymmetricMode": True}}
        try:
            self._factor = splu(stencil.matrix().astype(complex), **order)
        except RuntimeError as error:
            raise np.linalg.LinAlgError(str(error)) from error

    def solve(self, f: Array) -> Array:
        """u with M u = f, shapes (nx, ny, k)."""
        return self._factor.solve(f.reshape(-1, f.shape[-1]).astype(complex)).reshape(f.shape)


def missing() -> str | None:
    """Why it cannot be used: it always can."""
    return None
