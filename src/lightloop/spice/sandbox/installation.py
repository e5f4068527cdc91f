"""What a program needs to read in order to start: its own files, libraries, and the loader that joins them."""

from __future__ import annotations

import os
import shutil
import struct
import sysconfig
from functools import lru_cache
from pathlib import Path

_SYSTEM = (
    "/lib",
    "/lib64",
    "/usr/lib",
    "/usr/lib64",
    "/usr/local/lib",
    "/etc/ld.so.cache",
    "/nix/store",
    "/proc/meminfo",
)
_INTERPRETER = 3


@lru_cache(maxsize=8)
def readable_places(program: Path) -> tuple[str, ...]:
    """Folders and files that the program may read: libraries and its own share of data."""
    prefix = program.resolve().parent.parent
    own = [prefix / "lib", prefix / "lib64", prefix / "share" / program.name]
    return tuple(dict.fromkeys([*_SYSTEM, *map(str, own)]))


@lru_cache(maxsize=8)
def executable_files(program: Path) -> tuple[str, ...]:
    """The program and its loader; nothing else can be started."""
    loader = elf_interpreter(program)
    return (str(program.resolve()), *((loader,) if loader else ()))


def readable_by_all(place: Path) -> bool:
    """Whether every user may reach and read a file or folder."""
    try:
        return bool(place.stat().st_mode & 0o004) and all(above.stat().st_mode & 0o001 for above in place.parents)
    except OSError:
        return False


def elf_interpreter(program: Path) -> str | None:
    """The loader that an ELF file of 64 bits names; None for other files. Format: elf(5)."""
    try:
        with program.open("rb") as stream:
            head = stream.read(64)
            if len(head) < 64 or head[:6] != b"\x7fELF\x02\x01":
                return None
            table, size, count = struct.unpack_from("<Q", head, 32)[0], *struct.unpack_from("<HH", head, 54)
            for index in range(count):
                stream.seek(table + index * size)
                entry = stream.read(56)
                if struct.unpack_from("<I", entry)[0] == _INTERPRETER:
                    stream.seek(struct.unpack_from("<Q", entry, 8)[0])
                    name = stream.read(struct.unpack_from("<Q", entry, 32)[0])
                    return os.path.realpath(name.rstrip(b"\0").decode())
    except (OSError, struct.error, UnicodeDecodeError):
        return None
    return None


def find_program(name: str) -> Path | None:
    """A program of the search path, or beside this Python (where a virtual environment may hold it)."""
    found = shutil.which(name) or shutil.which(name, path=sysconfig.get_path("scripts"))
    return Path(found) if found else None
