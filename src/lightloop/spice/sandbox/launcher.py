"""The child before it becomes the program: closes one door after another, reports which, and executes.

Run as `python -I -S -c ... key=value ... -- program argument ...` in the working folder. Only light modules of the
standard library are imported, as every start waits for them. What could be closed is written to the file descriptor
`report`, one word for each wall, before the program starts.
"""

from __future__ import annotations

import os
import resource
import sys

from lightloop.spice.sandbox import landlock, namespaces, seccomp
from lightloop.spice.sandbox.system import PR_SET_PDEATHSIG, control_process

CANNOT_START = 126
_SIGKILL = 9
_TEMPORARY, _OWN_TEMPORARY = "/tmp", "tmp"
_NOBODY = 65534
_ENVIRONMENT = {"HOME": "/nonexistent", "LC_ALL": "C", "OMP_NUM_THREADS": "1"}  # ngspice 39 crashes without HOME


def main(arguments: list[str]) -> int:
    """Close the doors that `arguments` name and become the program after `--`."""
    place = arguments.index("--")
    plan: dict[str, list[str]] = {}
    for argument in arguments[:place]:
        key, _, value = argument.partition("=")
        plan.setdefault(key, []).append(value)
    walls = set(plan.get("wall", []))
    report = int(plan["report"][0])
    os.set_inheritable(report, False)
    reached = _enter_namespaces(walls) if "namespaces" in walls else []
    child = os.fork()
    if child:
        os.close(report)
        return _wait(child)
    _become(plan, walls, reached, report, arguments[place + 1 :])
    return CANNOT_START


def _enter_namespaces(walls: set[str]) -> list[str]:
    try:
        namespaces.enter(keep_user="user" in walls)
    except OSError:
        return []
    if _OWN_TEMPORARY not in walls:
        return ["namespaces"]
    try:
        namespaces.own_temporary_folder(_TEMPORARY)
    except OSError:
        return ["namespaces"]
    return ["namespaces", _OWN_TEMPORARY]


def _wait(child: int) -> int:
    """Wait for the program and end as it did."""
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def _become(plan: dict[str, list[str]], walls: set[str], reached: list[str], report: int, program: list[str]) -> None:
    """In the child: limits first, then the walls from the outside in. Never returns unless it fails."""
    try:
        if "user" in walls:
            reached += _drop_user()
        if "limits" in walls:
            _limit({key: int(values[0]) for key, values in plan.items() if key.startswith("limit.")})
            reached.append("limits")
        control_process(PR_SET_PDEATHSIG, _SIGKILL)
        if "landlock" in walls:
            reached += _wall_in(plan, own_temporary=_OWN_TEMPORARY in reached)
        if "seccomp" in walls:
            reached += _try("seccomp", seccomp.restrict)
        os.write(report, " ".join([*reached, "."]).encode())
        if program:
            os.execve(program[0], program, _ENVIRONMENT)
        os._exit(0)
    except BaseException as error:
        os.write(report, f" !{type(error).__name__}: {error}".encode()[:500])
        os._exit(CANNOT_START)


def _wall_in(plan: dict[str, list[str]], *, own_temporary: bool) -> list[str]:
    """The file-system wall. ngspice needs a nameless file in /tmp: where that is not its own, the wall has a hole."""
    places = (plan.get("read", []), plan.get("execute", []), ".")
    if own_temporary:
        return _try("landlock", landlock.wall, *places)
    return _try("landlock-but-tmp", landlock.wall, *places, [_TEMPORARY])


def _try(name: str, close, *arguments) -> list[str]:  # type: ignore[no-untyped-def]
    try:
        close(*arguments)
    except OSError:
        return []
    return [name]


def _limit(values: dict[str, int]) -> None:
    for key, value in values.items():
        name = getattr(resource, f"RLIMIT_{key.removeprefix('limit.').upper()}")
        hard = resource.getrlimit(name)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(name, (value, value))


def _drop_user() -> list[str]:
    """From root to nobody. A user namespace without that user keeps root, which is nobody outside it."""
    try:
        os.setgroups([])
        os.setresgid(_NOBODY, _NOBODY, _NOBODY)
        os.setresuid(_NOBODY, _NOBODY, _NOBODY)
    except OSError:
        return []
    return ["user"]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
