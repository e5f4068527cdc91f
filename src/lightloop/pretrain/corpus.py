"""Text to learn from: corpora that come in packages, or the user's own files.

A corpus of `corpora.toml` is read out of its package as data (nothing of the package is run) and must match
the recorded hash.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from glob import has_magic
from pathlib import Path
from typing import Any

from lightloop.errors import InputError, unknown_name
from lightloop.pretrain.packages import READERS

DOCUMENT_SEAM = "\n\n"
SEAMS = (DOCUMENT_SEAM, "\n", " ")
SEAM_REACH = 0.25  # how far a seam may lie from the wanted cut, as a fraction of the held-out text


@dataclass(frozen=True)
class Corpus:
    """A named text.

    Attributes:
        name: The corpus, or the files it was read from.
        text: The documents, joined by an empty line.
    """

    name: str
    text: str

    def __post_init__(self) -> None:
        if not self.text.strip():
            raise InputError(f"the text of {self.name} is empty", hint="give files that hold text")

    def __repr__(self) -> str:
        return f"Corpus({self.name!r}, {self.bytes / 1e6:.2f} MB)"

    @cached_property
    def bytes(self) -> int:
        """Length in UTF-8."""
        return len(self.text.encode())

    @cached_property
    def sha256(self) -> str:
        """Digest of the text in UTF-8, in hexadecimal."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    def split(self, held_out: float) -> tuple[str, str]:
        """The text to train on, and the last part of it, which training never sees.

        The cut is between documents where one ends near the wanted place, else between lines, else between
        words.

        Args:
            held_out: Fraction of the text to hold out, between 0 and 1.
        """
        cut = _seam_near(self.text, round(len(self.text) * (1 - held_out)), len(self.text) * held_out * SEAM_REACH)
        return self.text[:cut], self.text[cut:]


@cache
def corpora() -> dict[str, dict[str, Any]]:
    """The corpora that come in packages: title, package, version, licence, hash."""
    return tomllib.loads(Path(__file__).with_name("corpora.toml").read_text(encoding="utf-8"))


def load_corpus(name: str) -> Corpus:
    """A corpus of `corpora()`.

    Raises:
        InputError: No such corpus, or the package holds another text than the recorded one.
        MissingProgramError: The package is not installed; the message names the line to type.
    """
    if name not in corpora():
        raise unknown_name("corpus", name, corpora(), hint="or give your own text as [text] files = [...]")
    entry = corpora()[name]
    corpus = Corpus(name, DOCUMENT_SEAM.join(document.strip() for document in READERS[entry["channel"]](entry)))
    if corpus.sha256 != entry["sha256"]:
        raise InputError(
            f"the text of {name!r} in {entry['package']} is not the recorded one: "
            f"{corpus.bytes} bytes, sha256 {corpus.sha256[:12]}..., "
            f"recorded {entry['bytes']} bytes, sha256 {entry['sha256'][:12]}...",
            hint=f"install the recorded version: {entry['install']}",
        )
    return corpus


def read_files(places: Sequence[str]) -> Corpus:
    """The user's own text.

    Args:
        places: Files, folders (all `*.txt` below them) or globs, relative to the working directory.

    Raises:
        InputError: Nothing is there, or a file is not UTF-8 text.
    """
    return Corpus(", ".join(places), DOCUMENT_SEAM.join(read_file(path) for path in paths_at(places)))


def paths_at(places: Sequence[str]) -> list[Path]:
    """The files at `places`, each once, in the order of their paths.

    Raises:
        InputError: A place has none.
    """
    return sorted({path.resolve() for place in places for path in _paths_at(place)})


def _paths_at(place: str) -> list[Path]:
    path = Path(place).expanduser()
    if has_magic(place):
        found = [match for match in _matches(path) if match.is_file()]
    elif path.is_dir():
        found = [inner for inner in path.rglob("*.txt") if inner.is_file()]
    else:
        found = [path]
    if not found:
        raise InputError(
            f"no text files at {place}",
            hint="name a file, a folder with *.txt files in it, or a glob such as 'books/*.txt'",
        )
    return found


def _matches(pattern: Path) -> Iterator[Path]:
    root = Path(pattern.anchor or ".")
    return root.glob(str(pattern.relative_to(pattern.anchor)))


def read_file(path: Path) -> str:
    """The text in a file, without the space around it.

    Raises:
        InputError: The file is missing, or not UTF-8 text.
    """
    try:
        return path.read_text(encoding="utf-8-sig").strip()
    except FileNotFoundError:
        raise InputError(f"file not found: {path}", hint="paths are relative to the working directory") from None
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path} is not UTF-8 text: byte {error.start} is 0x{error.object[error.start]:02x}",
            hint="convert it, for instance with: iconv -f latin1 -t utf-8",
        ) from None
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from None


def _seam_near(text: str, target: int, reach: float) -> int:
    """Where the nearest seam of the best kind ends, or `target` when none is within `reach`."""
    for seam in SEAMS:
        places = (text.rfind(seam, 0, target), text.find(seam, target))
        ends = [place + len(seam) for place in places if place >= 0]
        near = min(ends, key=lambda end: abs(end - target), default=None)
        if near is not None and abs(near - target) <= reach:
            return near
    return target
