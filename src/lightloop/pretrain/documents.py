"""Text that comes document by document, and is never in memory as a whole: rows of tables and of data sets."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lightloop.errors import InputError, MissingProgramError
from lightloop.pretrain.corpus import paths_at, read_file

if TYPE_CHECKING:
    from lightloop.pretrain.settings import TextSettings

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Documents:
    """A stream of documents that can be read again from its beginning.

    Attributes:
        name: The data set, or the files.
        read: Begins a new stream.
        limit: Documents to read; all if None.
    """

    name: str
    read: Callable[[], Iterator[str]]
    limit: int | None = None

    def __iter__(self) -> Iterator[str]:
        """The documents that are not empty, without the space around them."""
        return islice((text for document in self.read() if (text := document.strip())), self.limit)


def open_documents(text: TextSettings) -> Documents:
    """The documents that the settings name; the first of them is read, to see that it can be.

    Raises:
        InputError: There is none, a file is broken, or the column is not there or holds no text.
        MissingProgramError: A data set is named, and `datasets` is not installed.
    """
    read = _texts_of_files if text.dataset is None else _texts_of_dataset
    found = Documents(text.dataset or ", ".join(text.files), partial(read, text), text.documents)
    if next(iter(found), None) is None:
        raise InputError(f"the text of {found.name} is empty", hint="give rows that hold text")
    return found


def _texts_of_files(text: TextSettings) -> Iterator[str]:
    for path in paths_at(text.files):
        if path.suffix in TABLES:
            yield from (_text_in(row, text.column, path) for row in TABLES[path.suffix](path, text.column))
        else:
            yield read_file(path)


def _texts_of_dataset(text: TextSettings) -> Iterator[str]:
    return (_text_in(row, text.column, text.dataset) for row in _rows_of_dataset(text))


def _rows_of_lines(path: Path, column: str) -> Iterator[Row]:
    """JSON objects, one in each line."""
    try:
        with path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    yield _object(line, f"line {number} of {path}")
    except FileNotFoundError:
        raise InputError(f"file not found: {path}", hint="paths are relative to the working directory") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read {path}: {error}") from None


def _object(line: str, place: str) -> Row:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise InputError(f"{place} is not JSON: {error}") from None
    if not isinstance(row, dict):
        kind = type(row).__name__
        raise InputError(f"{place} holds a {kind}, not an object", hint='write {"text": "..."} in each line')
    return row


def _rows_of_parquet(path: Path, column: str) -> Iterator[Row]:
    from pyarrow import ArrowException
    from pyarrow.parquet import ParquetFile

    try:
        with ParquetFile(path) as table:
            if column not in table.schema_arrow.names:
                raise _no_column(column, path, table.schema_arrow.names)
            for batch in table.iter_batches(columns=[column]):
                yield from batch.to_pylist()
    except (ArrowException, OSError) as error:
        raise InputError(f"cannot read {path}: {error}") from None


def _rows_of_dataset(text: TextSettings) -> Iterator[Row]:
    """Rows of a saved data set, or of what `datasets.load_dataset` streams."""
    try:
        import datasets
    except ImportError:
        raise MissingProgramError(
            f"the text is the data set {text.dataset}, and Hugging Face datasets is not installed",
            hint="pip install 'lightloop[hf]'; files of .jsonl and .parquet need no package: [text] files = [...]",
        ) from None
    assert text.dataset is not None
    folder = Path(text.dataset).expanduser()
    try:
        if any((folder / mark).exists() for mark in ("dataset_dict.json", "state.json")):
            saved = datasets.load_from_disk(str(folder))
            yield from saved[text.split] if isinstance(saved, datasets.DatasetDict) else saved
        else:
            place = str(folder) if folder.exists() else text.dataset
            yield from datasets.load_dataset(place, text.dataset_config, split=text.split, streaming=True)
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise InputError(
            f"cannot read split {text.split!r} of the data set {text.dataset}: {error}",
            hint="see text.dataset, text.dataset_config and text.split",
        ) from None


def _text_in(row: Row, column: str, source: object) -> str:
    if column not in row:
        raise _no_column(column, source, row)
    if not isinstance(row[column], str):
        raise InputError(f"column {column!r} of {source} holds {type(row[column]).__name__}, not text")
    return row[column]


def _no_column(column: str, source: object, columns: Any) -> InputError:
    return InputError(f"{source} has no column {column!r}", allowed=columns, hint="say which one: text.column")


# How the rows of a table are read, by the ending of its name.
TABLES: dict[str, Callable[[Path, str], Iterator[Row]]] = {".jsonl": _rows_of_lines, ".parquet": _rows_of_parquet}
