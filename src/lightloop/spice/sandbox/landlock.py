"""A wall around the file system by Landlock (Linux 5.13 and later): named folders only, whoever the user is.

Numbers are those of the kernel's <linux/landlock.h>; they are the same on every architecture.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterable

from lightloop.spice.sandbox.system import PR_SET_NO_NEW_PRIVS, control_process, system_call

_CREATE, _ADD, _RESTRICT = 444, 445, 446
_VERSION_ONLY, _PATH_BENEATH = 1, 1

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR, REMOVE_FILE, MAKE_REG, TRUNCATE = 1, 2, 4, 8, 32, 256, 1 << 14
# How many rights over files each version of the interface knows: 5 is the newest that adds one.
_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
_NETWORK_RIGHTS, _SCOPES = 3, 3
_FILE_RIGHTS = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE


class _Ruleset(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("network", ctypes.c_uint64), ("scopes", ctypes.c_uint64))


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("rights", ctypes.c_uint64), ("folder", ctypes.c_int32))


def version() -> int:
    """The version of the kernel's interface; 0 where there is none."""
    try:
        return system_call(_CREATE, None, ctypes.c_size_t(0), ctypes.c_uint(_VERSION_ONLY))
    except OSError:
        return 0


def wall(readable: Iterable[str], executable: Iterable[str], folder: str, shared: Iterable[str] = ()) -> None:
    """Close everything but these places, for this process and all that it starts.

    Args:
        readable: Files and folders that may be read; missing ones are passed over.
        executable: Files that may be read and started.
        folder: The folder in which files may be made, read, written and removed.
        shared: Folders in which nameless temporary files may be made; files that are there are not walled off.

    Raises:
        OSError: The kernel has no Landlock or refuses it.
    """
    known = version()
    if known < 1:
        raise OSError("no Landlock in this kernel")
    handled = (1 << _RIGHTS[min(known, 5)]) - 1
    rules = _Ruleset(handled, _NETWORK_RIGHTS if known >= 4 else 0, _SCOPES if known >= 6 else 0)
    size = 24 if known >= 6 else 16 if known >= 4 else 8
    handle = system_call(_CREATE, ctypes.byref(rules), ctypes.c_size_t(size), ctypes.c_uint(0))
    try:
        for path in readable:
            _allow(handle, path, (READ_FILE | READ_DIR) & handled)
        for path in executable:
            _allow(handle, path, (READ_FILE | EXECUTE) & handled)
        _allow(handle, "/dev/null", (READ_FILE | WRITE_FILE) & handled)
        _allow(handle, folder, (READ_FILE | READ_DIR | WRITE_FILE | REMOVE_FILE | MAKE_REG | TRUNCATE) & handled)
        for path in shared:
            _allow(handle, path, READ_FILE | WRITE_FILE)
        control_process(PR_SET_NO_NEW_PRIVS, 1)
        system_call(_RESTRICT, ctypes.c_int(handle), ctypes.c_uint(0))
    finally:
        os.close(handle)


def _allow(handle: int, path: str, rights: int) -> None:
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        if not os.path.isdir(path):  # noqa: PTH112  (pathlib costs the child 10 ms)
            rights &= _FILE_RIGHTS
        rule = _Beneath(rights, place)
        system_call(_ADD, ctypes.c_int(handle), ctypes.c_int(_PATH_BENEATH), ctypes.byref(rule), ctypes.c_uint(0))
    finally:
        os.close(place)
