"""Backends by prefix: `openai:MODEL`, `replay:FILE`, `files:DIR`. A new one is a new file and a line here."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from lightloop.analog.backends.cassette import Recorder, open_replay
from lightloop.analog.backends.files import open_files
from lightloop.analog.backends.openai import open_openai
from lightloop.analog.backends.protocol import Access, Backend
from lightloop.errors import InputError, unknown_name

BACKENDS: dict[str, Callable[[str, Access], Backend]] = {
    "openai": open_openai,
    "replay": open_replay,
    "files": open_files,
}
EXAMPLES = "openai:MODEL, replay:FILE or files:DIR"


def open_backend(specification: str, access: Access | None = None, *, record: str | Path | None = None) -> Backend:
    """The backend that a specification names.

    Args:
        specification: A prefix of `BACKENDS`, a colon, and what the prefix asks for.
        access: How it is reached.
        record: A cassette that takes down every answer; what it holds already is not asked again.

    Raises:
        InputError: No such backend, or what follows the prefix is missing or unusable.
    """
    prefix, _, rest = specification.partition(":")
    if prefix not in BACKENDS:
        raise unknown_name("backend", prefix, BACKENDS, hint=f"give {EXAMPLES}")
    if not rest.strip():
        raise InputError(f"nothing follows the backend's name in {specification!r}", hint=f"give {EXAMPLES}")
    backend = BACKENDS[prefix](rest, access or Access())
    return backend if record is None else Recorder(backend, Path(record))
