"""Rawfiles of every kind are read; a damaged one is an error that says so."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lightloop.errors import InputError
from lightloop.spice import read_rawfile
from lightloop.spice.rawfile import parse_rawfile

HEADER = (
    "Title: t\nDate: today\nPlotname: {plot}\nFlags: {flags}\nNo. Variables: {variables}\nNo. Points: {points}\n"
    "Variables:\n{names}{form}:\n"
)


def rawfile(plot: str, vectors: dict[str, np.ndarray], *, binary: bool) -> bytes:
    table = np.array(list(vectors.values())).T
    flags = "complex" if np.iscomplexobj(table) else "real"
    names = "".join(f"\t{place}\t{name}\tvoltage\n" for place, name in enumerate(vectors))
    form = "Binary" if binary else "Values"
    head = HEADER.format(
        plot=plot, flags=flags, variables=table.shape[1], points=table.shape[0], names=names, form=form
    ).encode()
    if binary:
        return head + table.tobytes()
    word = (lambda value: f"{value.real!r},{value.imag!r}") if flags == "complex" else repr
    rows = [f" {place}\t" + "\n\t".join(word(v) for v in row.tolist()) + "\n\n" for place, row in enumerate(table)]
    return head + "".join(rows).encode()


REAL = {"time": np.array([0.0, 1e-9, 3e-9]), "v(out)": np.array([0.1, -2.5, 3e-30]), "v1#branch": np.arange(3.0)}
COMPLEX = {"frequency": np.array([1.0 + 0j, 10.0]), "i(@m1[id])": np.array([1 - 2j, 1e-9 + 5j])}


@pytest.mark.parametrize("binary", [True, False])
@pytest.mark.parametrize("vectors", [REAL, COMPLEX], ids=["real", "complex"])
def test_values_are_read_exactly(vectors: dict[str, np.ndarray], binary: bool, tmp_path: Path) -> None:
    path = tmp_path / "x.raw"
    path.write_bytes(rawfile("Some Analysis", vectors, binary=binary))
    (plot,) = read_rawfile(path)
    assert plot.name == "Some Analysis"
    assert plot.points == len(next(iter(vectors.values())))
    for read, given in zip(plot.vectors.values(), vectors.values(), strict=True):
        assert np.array_equal(read, given)
    assert np.array_equal(plot.axis, next(iter(vectors.values())).real)


def test_names_are_plain() -> None:
    (real,) = parse_rawfile(rawfile("x", REAL, binary=True))
    (spectrum,) = parse_rawfile(rawfile("x", COMPLEX, binary=True))
    assert list(real.vectors) == ["time", "v(out)", "i(v1)"]
    assert spectrum.device("m1", "id")[0] == 1 - 2j
    with pytest.raises(InputError, match="nosuch"):
        real.vector("nosuch")


@pytest.mark.parametrize("binary", [True, False])
def test_plots_follow_one_another(binary: bool) -> None:
    plots = parse_rawfile(rawfile("one", REAL, binary=binary) + rawfile("two", COMPLEX, binary=binary))
    assert [plot.name for plot in plots] == ["one", "two"]


@pytest.mark.parametrize("binary", [True, False])
def test_a_file_cut_short_anywhere_is_an_error(binary: bool) -> None:
    data = rawfile("x", REAL, binary=binary)
    last = len(data.rstrip()) - 1
    for end in range(1, last, 3):
        try:
            plots = parse_rawfile(data[:end])
        except InputError:
            continue
        assert not binary and end > last - 4 and plots  # digits cut from the last number of a text


@pytest.mark.parametrize(
    "change",
    [
        (b"No. Points: 3", b"No. Points: 99999999999999"),
        (b"No. Points: 3", b"No. Points: -1"),
        (b"No. Points: 3", b"No. Points: x"),
        (b"No. Variables: 3", b"No. Variables: 0"),
        (b"No. Variables: 3", b"No. Variables: 999999999"),
        (b"Variables:\n", b"Nothing:\n"),
        (b"Title", b"\x00\xff"),
    ],
)
def test_a_damaged_header_is_an_error_or_changes_no_value(change: tuple[bytes, bytes]) -> None:
    data = rawfile("x", REAL, binary=True)
    assert change[0] in data
    if change[0] == b"Title":
        assert len(parse_rawfile(data.replace(*change))) == 1
        return
    with pytest.raises(InputError):
        parse_rawfile(data.replace(*change, 1))


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot read"):
        read_rawfile(tmp_path / "nosuch.raw")
