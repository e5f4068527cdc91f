"""New namespaces: own mounts, network, processes and interprocess communication, seen by nobody else."""

from __future__ import annotations

import ctypes

from lightloop.spice.sandbox.system import call

_NEW_MOUNTS, _NEW_IPC, _NEW_USER, _NEW_PROCESSES, _NEW_NETWORK = 0x20000, 0x8000000, 0x10000000, 0x20000000, 0x40000000
_RECURSIVE, _PRIVATE, _BIND = 0x4000, 0x40000, 0x1000
_WORLD = _NEW_MOUNTS | _NEW_IPC | _NEW_PROCESSES | _NEW_NETWORK


def enter(*, keep_user: bool) -> None:
    """Move this process into new namespaces; the next child is process 1 there, and all die with it.

    Args:
        keep_user: Stay in the user namespace, which takes root. Otherwise the process enters one of its own, in which
            it has no name and outside of which it has no privilege.

    Raises:
        OSError: The kernel refuses.
    """
    try:
        call("unshare", ctypes.c_int(_WORLD if keep_user else _WORLD | _NEW_USER))
    except OSError:
        call("unshare", ctypes.c_int(_WORLD | _NEW_USER if keep_user else _WORLD))


def own_temporary_folder(place: str) -> None:
    """In the new mount namespace, let the working folder stand at `place` too, such as `/tmp`."""
    call("mount", None, b"/", None, ctypes.c_ulong(_RECURSIVE | _PRIVATE), None)
    call("mount", b".", place.encode(), None, ctypes.c_ulong(_BIND), None)
