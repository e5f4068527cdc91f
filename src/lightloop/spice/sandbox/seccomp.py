"""A filter of system calls: the program may not start processes, open sockets, or touch what rules the machine.

A refused call fails with EPERM; `clone3` fails with ENOSYS, so that the C library uses `clone`, whose flags the filter
can read: threads are allowed, processes are not. Numbers: <asm/unistd_64.h> and <asm-generic/unistd.h>; program
form: <linux/filter.h>, <linux/seccomp.h>.
"""

from __future__ import annotations

import ctypes
import os
import struct

from lightloop.spice.sandbox.system import PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, control_process

_LOAD, _EQUAL, _AT_LEAST, _BITS, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _KILL = 0x7FFF0000, 0x80000000
_EPERM, _ENOSYS = 0x00050001, 0x00050026
_NUMBER_AT, _MACHINE_AT, _FIRST_ARGUMENT_AT = 0, 4, 16
_CLONE_THREAD = 0x00010000
_FILTER_MODE = 2
_X32_BIT = 0x40000000
_CLONE3 = 435

# machine word of the kernel, number of clone, numbers of the calls that are refused
_MACHINES: dict[str, tuple[int, int, tuple[int, ...]]] = {
    # fork vfork socket socketpair ptrace mount umount2 unshare setns kill tkill tgkill init_module finit_module
    # delete_module reboot swapon kexec_load bpf perf_event_open keyctl add_key request_key userfaultfd io_uring_setup
    # process_vm_readv process_vm_writev open_by_handle_at chroot pivot_root
    "x86_64": (
        0xC000003E, 56,
        (57, 58, 41, 53, 101, 165, 166, 272, 308, 62, 200, 234, 175, 313, 176, 169, 167, 246, 321, 298, 250, 248, 249,
         323, 425, 310, 311, 304, 161, 155),
    ),
    "aarch64": (
        0xC00000B7, 220,
        (198, 199, 117, 40, 39, 97, 268, 129, 130, 131, 105, 273, 106, 142, 224, 104, 280, 241, 219, 217, 218, 282, 425,
         270, 271, 265, 51, 41),
    ),
}  # fmt: skip


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


def restrict() -> None:
    """Put the filter over this process and all that it becomes. Raises `OSError` where the kernel has none."""
    machine = os.uname().machine
    if machine not in _MACHINES:
        raise OSError(f"no system-call filter for {machine}")
    code = b"".join(struct.pack("HBBI", *step) for step in _steps(*_MACHINES[machine]))
    buffer = ctypes.create_string_buffer(code, len(code))
    program = _Program(len(code) // 8, ctypes.addressof(buffer))
    control_process(PR_SET_NO_NEW_PRIVS, 1)
    control_process(PR_SET_SECCOMP, _FILTER_MODE, ctypes.addressof(program))


def _steps(machine: int, clone: int, refused: tuple[int, ...]) -> list[tuple[int, int, int, int]]:
    """Instructions (code, jump if true, jump if false, value)."""
    steps = [
        (_LOAD, 0, 0, _MACHINE_AT),
        (_EQUAL, 1, 0, machine),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER_AT),
        (_AT_LEAST, 0, 1, _X32_BIT),
        (_RETURN, 0, 0, _EPERM),
        (_EQUAL, 0, 1, _CLONE3),
        (_RETURN, 0, 0, _ENOSYS),
    ]
    for number in refused:
        steps += [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, _EPERM)]
    return [
        *steps,
        (_EQUAL, 0, 3, clone),
        (_LOAD, 0, 0, _FIRST_ARGUMENT_AT),
        (_BITS, 1, 0, _CLONE_THREAD),
        (_RETURN, 0, 0, _EPERM),
        (_RETURN, 0, 0, _ALLOW),
    ]
