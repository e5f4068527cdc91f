"""The C library's system calls, called with `ctypes`; a failure is an `OSError`."""

from __future__ import annotations

import ctypes
import os

_LIBC = ctypes.CDLL(None, use_errno=True)

PR_SET_PDEATHSIG = 1
PR_SET_NO_NEW_PRIVS = 38
PR_SET_SECCOMP = 22


def call(name: str, *arguments: object) -> int:
    """Call a function of the C library. Raises `OSError` where it returns -1 or does not exist."""
    function = getattr(_LIBC, name, None)
    if function is None:
        raise OSError(f"{name} is not there")
    result = function(*arguments)
    if result == -1:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")
    return result


def system_call(number: int, *arguments: object) -> int:
    """A system call by its number, for those without a function in the C library."""
    return call("syscall", ctypes.c_long(number), *arguments)


def control_process(option: int, *arguments: int) -> None:
    """`prctl(2)`: an option of this process."""
    padded = [*arguments, 0, 0, 0, 0][:4]
    call("prctl", ctypes.c_int(option), *map(ctypes.c_ulong, padded))
