"""Run folders: every file appears whole or not at all, and says where it came from.

A file is written under a temporary name and renamed; a run killed between two writes leaves the older one intact.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lightloop.errors import InputError

if TYPE_CHECKING:
    from lightloop.settings import Settings

RECORDED_PACKAGES = ("lightloop", "numpy", "scipy", "torch", "tokenizers", "safetensors", "pyarrow", "cma", "optuna")


def write_file(path: str | Path, write: Callable[[Path], Any]) -> Path:
    """Let `write` fill a temporary file beside `path`, then rename it to `path`."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        write(temporary)
        temporary.chmod(0o644)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return path


def write_text(path: str | Path, text: str) -> Path:
    """Write `text` to `path` as a whole."""
    return write_file(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def write_json(path: str | Path, value: Any) -> Path:
    """Write `value` as indented JSON to `path` as a whole."""
    return write_text(path, json.dumps(value, indent=2, allow_nan=False) + "\n")


def write_arrays(path: str | Path, arrays: Mapping[str, Any]) -> Path:
    """Write arrays by name to `path`, compressed (`.npz`), as a whole."""
    import numpy as np

    def write(temporary: Path) -> None:
        with temporary.open("wb") as stream:
            np.savez_compressed(stream, **arrays)

    return write_file(path, write)


def read_json(path: str | Path) -> Any:
    """The JSON value in `path`. Raises `InputError` when it is missing or broken."""
    path = Path(path)
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"file not found: {path}") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path} is not readable JSON: {error}", hint="delete it and resume the run") from None


def file_sha256(path: str | Path) -> str:
    """The SHA-256 digest of a file, in hexadecimal."""
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def provenance() -> dict[str, Any]:
    """Versions of what computes here: Python, the packages whose release can change a figure, the platform."""
    packages = {}
    for name in RECORDED_PACKAGES:
        try:
            packages[name] = version(name)
        except PackageNotFoundError:
            continue
    return {
        "python": platform.python_version(),
        "platform": platform.platform(terse=True),
        "packages": packages,
    }


@dataclass(frozen=True)
class RunFolder:
    """One run on disk: `run.toml` (resolved settings), `result.json`, artefacts, `log.txt`, `report.html`."""

    path: Path

    @classmethod
    def open(cls, path: str | Path, settings: Mapping[str, Any] | Settings, *, resume: bool) -> RunFolder:
        """Create the folder, or go on in one that holds the same settings.

        A run that was begun before a setting existed has the same settings where the new one is at its default;
        `run.toml` is then completed. That takes `settings` as a `Settings`: a plain table knows no defaults.

        Args:
            path: The folder.
            settings: The full resolved settings; written to `run.toml`.
            resume: Go on in a folder that already holds a run.

        Raises:
            InputError: The folder holds a run and `resume` is false, or a run of other settings.
        """
        if Path(path) == Path():
            raise InputError("the run folder has no name", hint="give one, for example --out runs/first")
        folder = cls(Path(path))
        table = _plain(settings)
        if not (folder / "run.toml").exists():
            folder.record(table)
            return folder
        if not resume:
            raise InputError(
                f"{folder.path} already holds a run",
                hint="add --resume to go on with it, or choose another --out",
            )
        held = folder.settings()
        if held == table:
            return folder
        changed = _differences(_completed(held, settings), table)
        if changed:
            raise InputError(
                f"{folder.path} was begun with other settings ({', '.join(changed)})",
                hint="choose another --out for the new settings",
            )
        folder.record(table, made_by=folder.provenance())
        return folder

    def record(self, settings: Mapping[str, Any], *, made_by: Mapping[str, Any] | None = None) -> None:
        """Write `run.toml`; the versions are those of this process unless `made_by` says others."""
        import tomli_w

        table = {"settings": _plain(settings), "provenance": made_by or provenance()}
        write_text(self / "run.toml", tomli_w.dumps(table))

    def __truediv__(self, name: str) -> Path:
        return self.path / name

    def settings(self) -> dict[str, Any]:
        """The settings that the run was begun with. Raises `InputError` when `run.toml` is missing or broken."""
        return self._record()["settings"]

    def provenance(self) -> dict[str, Any]:
        """The versions that the run was begun with."""
        return self._record()["provenance"]

    def _record(self) -> dict[str, Any]:
        import tomllib

        path = self / "run.toml"
        try:
            return tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise InputError(f"{path} cannot be read: {error}", hint="is this a run folder?") from None

    def log(self, line: str) -> None:
        """Append one line, with the time, to `log.txt`."""
        with (self.path / "log.txt").open("a", encoding="utf-8") as stream:
            stream.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {line}\n")


def _plain(settings: Mapping[str, Any] | Settings) -> dict[str, Any]:
    """The settings as TOML gives them back."""
    table = settings if isinstance(settings, Mapping) else settings.model_dump(mode="json")
    return json.loads(json.dumps(_without_none(table)))


def _completed(held: dict[str, Any], settings: Mapping[str, Any] | Settings) -> dict[str, Any]:
    """Held settings with those that were added since at their defaults; as they are where they no longer fit."""
    if isinstance(settings, Mapping):
        return held
    try:
        return _plain(type(settings).model_validate(held))
    except ValueError:  # pydantic's errors are ValueErrors
        return held


def _without_none(value: Any) -> Any:
    """TOML has no null: an absent key says the same."""
    if isinstance(value, Mapping):
        return {key: _without_none(item) for key, item in value.items() if item is not None}
    if isinstance(value, list | tuple):
        return [_without_none(item) for item in value]
    return value


def _differences(held: Any, given: Any, place: str = "") -> list[str]:
    if isinstance(held, dict) and isinstance(given, dict):
        keys = sorted(held.keys() | given.keys())
        return [
            found
            for key in keys
            for found in _differences(held.get(key), given.get(key), f"{place}.{key}" if place else key)
        ]
    return [] if held == given else [place]
