"""PARDISO of Intel's MKL, if the package `mkl` is installed: complex-symmetric, upper triangle only.

The fill-reducing order depends on the pattern alone, that is on the shape of the grid: it is found once and given to
every further factor. Names and numbers of parameters: "oneMKL PARDISO iparm parameter" (Intel's manual).
"""

from __future__ import annotations

import ctypes
import sys
import weakref
from ctypes import POINTER, byref, c_int32, c_void_p
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp

from lightloop.errors import MissingProgramError
from lightloop.maxwell.stencil import Stencil

Array = np.ndarray[Any, np.dtype[Any]]
COMPLEX_SYMMETRIC, COMPLEX = 6, 13
ANALYSE, ANALYSE_AND_FACTORIZE, SOLVE, RELEASE = 11, 12, 33, -1
HANDLE = 64
# Orders that are kept, one for each shape in use.
REMEMBERED = 8
NAMES = ("libmkl_rt.so*", "mkl_rt*.dll", "libmkl_rt*.dylib")
FOLDERS = ("lib", "Library/bin", "lib64")


@cache
def _library() -> ctypes.CDLL | None:
    found = [path for folder in FOLDERS for name in NAMES for path in sorted(Path(sys.prefix, folder).glob(name))]
    for path in [*map(str, found), "libmkl_rt.so"]:
        try:
            return ctypes.CDLL(path)
        except OSError:
            continue
    return None


def missing() -> str | None:
    """Why it cannot be used."""
    return None if _library() else "the package mkl is not installed (pip install mkl; 0.9 GB, x86 only)"


class Pardiso:
    """A factor of M.

    Raises:
        MissingProgramError: MKL is not installed.
        numpy.linalg.LinAlgError: M is singular.
    """

    def __init__(self, stencil: Stencil) -> None:
        library = _library()
        if library is None:
            raise MissingProgramError("solver pardiso", hint=missing())
        kind = COMPLEX_SYMMETRIC if stencil.symmetric else COMPLEX
        self._call = _Calls(library, kind, _rows(stencil, kind))
        order = _order(stencil.shape, tuple(phase is not None for phase in stencil.bloch), kind)
        self._call(ANALYSE_AND_FACTORIZE, order)
        weakref.finalize(self, self._call, RELEASE)

    def solve(self, f: Array) -> Array:
        """u with M u = f, shapes (nx, ny, k)."""
        columns = np.ascontiguousarray(np.moveaxis(f, -1, 0).reshape(f.shape[-1], -1), dtype=complex)
        u = self._call(SOLVE, None, columns)
        return np.moveaxis(u.reshape(f.shape[-1], *f.shape[:-1]), 0, -1)


class _Calls:
    """Calls for one matrix: its handle, its parameters, and its rows."""

    def __init__(self, library: ctypes.CDLL, kind: int, rows: sp.csr_array) -> None:
        self._pardiso, self._kind, self._handle = library.pardiso, c_int32(kind), (c_void_p * HANDLE)()
        self._rows = (rows.data, rows.indptr.astype(np.int32), rows.indices.astype(np.int32))
        self._size = c_int32(rows.shape[0])
        self._parameters = np.zeros(HANDLE, dtype=np.int32)
        # Own values; order by METIS; pivots perturbed by 1e-13 at least, then refined; rows counted from zero.
        for number, value in ((1, 1), (2, 2), (10, 13), (35, 1)):
            self._parameters[number - 1] = value

    def __call__(self, phase: int, order: Array | None = None, f: Array | None = None) -> Array:
        """Run a phase.

        Args:
            phase: What to do.
            order: The fill-reducing order; while it is all zeros, it is found and written here.
            f: Right-hand sides, shape (k, points).
        """
        if order is not None:
            self._parameters[4] = 1 if order.any() else 2
        u = np.empty_like(f) if f is not None else np.empty((1, 1), dtype=complex)
        one, error = c_int32(1), c_int32(0)
        self._pardiso(
            self._handle,
            byref(one),
            byref(one),
            byref(self._kind),
            byref(c_int32(phase)),
            byref(self._size),
            *map(_pointer, self._rows),
            _pointer(order if order is not None else np.zeros(1, dtype=np.int32)),
            byref(c_int32(len(u))),
            _pointer(self._parameters),
            byref(c_int32(0)),
            _pointer(f if f is not None else u),
            _pointer(u),
            byref(error),
        )
        if error.value:
            raise np.linalg.LinAlgError(f"PARDISO: error {error.value} in phase {phase}")
        return u


def _pointer(array: Array) -> Any:
    return array.ctypes.data_as(POINTER(c_void_p))


def _rows(stencil: Stencil, kind: int) -> sp.csr_array:
    """M by rows, columns in order; of a symmetric one the upper triangle."""
    matrix = sp.csr_array(stencil.matrix().astype(complex))
    rows = sp.csr_array(sp.triu(matrix)) if kind == COMPLEX_SYMMETRIC else matrix
    rows.sort_indices()
    return rows


@lru_cache(maxsize=REMEMBERED)
def _order(shape: tuple[int, int], periodic: tuple[bool, bool], kind: int) -> Array:
    """Of grids of this pattern, once found."""
    library = _library()
    assert library is not None
    nx, ny = shape
    ones = (1.0 + 0.0j if along_x else None for along_x in periodic)
    pattern = Stencil(np.ones(shape), np.ones((nx + 1, ny)), np.ones((nx, ny + 1)), tuple(ones))  # type: ignore[arg-type]
    order = np.zeros(nx * ny, dtype=np.int32)
    calls = _Calls(library, kind, _rows(pattern, kind))
    calls(ANALYSE, order)
    calls(RELEASE)
    return order
