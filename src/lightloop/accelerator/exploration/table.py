"""Tables of designs as Parquet: one part for each chunk, joined into one file when all are there.

The same designs give the same bytes: fixed columns, one row group for each chunk, nothing that knows the time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lightloop.accelerator.designs import BITS
from lightloop.accelerator.exploration.chunk import DESIGN, FEASIBLE, Columns, Job, evaluated
from lightloop.accelerator.exploration.space import Space
from lightloop.accelerator.exploration.tally import TALLY, Tally
from lightloop.errors import InputError
from lightloop.runs import write_file

COMPRESSION = "zstd"
COMPRESSION_LEVEL = 1
TORN = "delete it and resume the run"


def packed(job: Job) -> bytes:
    """The Parquet part of one stretch of designs."""
    import pyarrow as pa

    columns, tally = evaluated(job)
    schema = _schema(job.space, tally)
    table = pa.Table.from_arrays([_to_arrow(columns[each.name], each.type) for each in schema], schema=schema)
    sink = pa.BufferOutputStream()
    with _writer(sink, schema, job.space) as writer:
        _write_group(writer, table)
    return sink.getvalue().to_pybytes()  # type: ignore[no-any-return]


def join(parts: Sequence[Path], path: Path, space: Space) -> None:
    """All parts, in order, in one file of one row group each; the counts of all are in its metadata."""
    tally = Tally()
    for part in parts:
        tally.add(tally_of(part))
    schema = _schema(space, tally)

    def write(temporary: Path) -> None:
        with _writer(temporary, schema, space) as writer:
            for part in parts:
                with _opened(part) as file:
                    table = _groups_of(file, part, None)
                _write_group(writer, table.replace_schema_metadata(schema.metadata))

    write_file(path, write)


def tally_of(path: Path) -> Tally:
    """The counts of a table."""
    with _opened(path) as file:
        return Tally.read(file.schema_arrow.metadata)


def row_groups(path: Path, names: Sequence[str] | None = None) -> Iterator[Columns]:
    """The table, one chunk after the other: column -> values, shape (rows of the chunk,). All columns if None.

    A table without rows is one chunk of none.
    """
    with _opened(path) as file:
        if not file.num_row_groups:
            yield {name: np.zeros(0) for name in (names or file.schema_arrow.names)}
        for group in range(file.num_row_groups):
            columns = file.read_row_group(group, columns=None if names is None else list(names)).combine_chunks()
            yield {name: _to_numpy(columns.column(name).chunk(0)) for name in columns.column_names}


# pyarrow's own conversions from and to numpy import pandas where it is installed, which takes a second.
def _to_arrow(values: np.ndarray, kind: Any) -> Any:
    import pyarrow as pa

    if kind == pa.bool_():
        flat = np.packbits(values, bitorder="little")
    else:
        flat = np.ascontiguousarray(values, dtype=str(kind).replace("double", "float64"))
    return pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(flat)])


def _to_numpy(array: Any) -> np.ndarray:
    import pyarrow as pa

    buffer, stop = array.buffers()[1], array.offset + len(array)
    if array.type == pa.bool_():
        flags = np.unpackbits(np.frombuffer(buffer, np.uint8), bitorder="little")
        return flags[array.offset : stop].astype(bool)
    return np.frombuffer(buffer, str(array.type).replace("double", "float64"))[array.offset : stop]


def _groups_of(file: Any, path: Path, names: Sequence[str] | None) -> Any:
    import pyarrow as pa

    try:
        return file.read(columns=names)
    except (pa.ArrowInvalid, OSError) as error:
        raise InputError(f"{path} cannot be read: {error}", hint=TORN) from None


def _opened(path: Path) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)
        if TALLY not in (file.schema_arrow.metadata or {}):
            raise InputError(f"{path} is no table of an exploration", hint=TORN)
        return file
    except (pa.ArrowInvalid, OSError) as error:
        raise InputError(f"{path} cannot be read: {error}", hint=TORN) from None


def _schema(space: Space, tally: Tally) -> Any:
    """Columns: the design's number, the axes, the figures, whether it is feasible."""
    import pyarrow as pa

    axes = [BITS, *space.axes]
    types = {key: pa.int32() if space.whole(key) else pa.float64() for key in axes}
    fields = [(DESIGN, pa.int64()), *((key, types.get(key, pa.float64())) for key in space.columns)]
    return pa.schema([*fields, (FEASIBLE, pa.bool_())], metadata=tally.metadata())


def _writer(sink: Any, schema: Any, space: Space) -> Any:
    """Axes repeat their values and are written as dictionaries; figures do not."""
    import pyarrow.parquet as pq

    return pq.ParquetWriter(
        str(sink) if isinstance(sink, Path) else sink,
        schema,
        use_dictionary=[BITS, *space.axes],
        compression=COMPRESSION,
        compression_level=COMPRESSION_LEVEL,
    )


def _write_group(writer: Any, table: Any) -> None:
    if table.num_rows:
        writer.write_table(table, row_group_size=table.num_rows)
