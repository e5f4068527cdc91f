"""What cannot be simulated is refused at once, with what was given, what is allowed, and what to do."""

from __future__ import annotations

import tracemalloc
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lightloop.cli.main import main
from lightloop.errors import InputError
from lightloop.maxwell import memory
from lightloop.maxwell.cross_section import cross_section
from lightloop.maxwell.memory import available_bytes, grid_bytes, refuse_too_large, workers_that_fit
from lightloop.maxwell.permittivity import Permittivity
from lightloop.maxwell.ports import Port
from lightloop.maxwell.simulation import Simulation

CORE, CLADDING = 12.11, 2.0736
SHAPE = (60, 80)
# Of the estimate: an upper bound for squares, and not twice too high for a device of five to one.
ESTIMATE = (0.5, 1.0)


def guide() -> np.ndarray:
    """A straight waveguide along x, 0.5 µm wide, in the middle of 3 x 4 µm."""
    y_um = (np.arange(SHAPE[1]) + 0.5) * 0.05 - 2.0
    return np.tile(np.where(np.abs(y_um) < 0.25, CORE, CLADDING), (SHAPE[0], 1))


def with_one(value: complex) -> np.ndarray:
    eps_r = guide().astype(type(value)) if isinstance(value, complex) else guide()
    eps_r[7, 9] = value
    return eps_r


def port(**changes: Any) -> Port:
    given = {"name": "in", "axis": "x", "position_um": 1.5, "center_um": 2.0, "span_um": 2.0}
    return Port(**(given | changes))


def said(caught: pytest.ExceptionInfo[InputError]) -> str:
    assert caught.value.exit_code == 2
    return str(caught.value)


@pytest.mark.parametrize(
    ("eps_r", "words"),
    [
        (with_one(np.nan), ["not finite in 1 of 4800 cells", "(7, 9)"]),
        (with_one(np.inf), ["not finite"]),
        (with_one(complex(2.0, np.nan)), ["not finite"]),
        (with_one(0.0), ["zero in 1 of 4800 cells", "vacuum is 1"]),
        (np.ones(80), ["shape (80,)", "(nx, ny)"]),
        (np.ones((4, 5, 6)), ["shape (4, 5, 6)"]),
        (np.ones((0, 5)), ["shape (0, 5)"]),
        (2.0, ["shape ()"]),
        ([[1, 2], [3]], ["eps_r is no array of numbers"]),
        ([["Si", "SiO2"]], ["not numbers"]),
        (None, ["not numbers"]),
        (np.ones(SHAPE, dtype=bool), ["bool, not numbers"]),
    ],
    ids=str,
)
def test_a_permittivity_that_is_none_is_refused(eps_r: Any, words: list[str]) -> None:
    with pytest.raises(InputError) as caught:
        Simulation(eps_r)
    for word in words:
        assert word in said(caught)


def test_components_of_a_permittivity_must_fit_one_another() -> None:
    whole = Permittivity.of_cells(guide())
    with pytest.raises(InputError) as caught:
        Simulation(whole._replace(xx=whole.zz))
    assert "xx has shape (60, 80)" in said(caught) and "(60, 81)" in said(caught)
    with pytest.raises(InputError) as caught:
        Simulation(whole._replace(yy=whole.yy * np.nan))
    assert "not finite" in said(caught)


def test_gain_is_told_once_and_simulated() -> None:
    with pytest.warns(UserWarning, match="that is gain"):
        Simulation(with_one(2.0 + 0.1j))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Simulation(with_one(2.0 - 0.1j))


@pytest.mark.parametrize("length", ["dl_um", "wavelength_um"])
@pytest.mark.parametrize("value", [0, 0.0, -1.55, float("nan"), float("inf"), "1.55", None, True, 1 + 1j])
def test_a_length_that_is_none_is_refused(length: str, value: Any) -> None:
    with pytest.raises(InputError) as caught:
        Simulation(guide(), **{length: value})
    assert f"{length}={value!r}" in said(caught) and "micrometres" in said(caught)


@pytest.mark.parametrize("lengths", [{"dl_um": 50.0}, {"wavelength_um": 0.00155}, {"dl_um": 0.15}])
def test_a_grid_that_carries_no_wave_is_refused(lengths: dict[str, float]) -> None:
    with pytest.raises(InputError) as caught:
        Simulation(guide(), **lengths)
    assert "no wave propagates" in said(caught) and "times smaller" in said(caught)


@pytest.mark.parametrize("given, near", [("EZ", "Ez"), ("hz", "Hz"), ("TE", None), (None, None), (["Ez"], None)])
def test_an_unknown_polarization_is_refused(given: Any, near: str | None) -> None:
    with pytest.raises(InputError) as caught:
        Simulation(guide(), polarization=given)
    assert "unknown polarization" in said(caught) and "Ez, Hz" in said(caught)
    assert near is None or f"did you mean {near!r}?" in said(caught)


@pytest.mark.parametrize(
    ("pml_cells", "words"),
    [
        (40, ["leave nothing of the 60 cells along x", "0 to 29"]),
        ((15, 40), ["leave nothing of the 80 cells along y", "0 to 39"]),
        (-1, ["pml_cells=-1"]),
        (1.5, ["pml_cells=1.5", "an integer"]),
        ((15, 15, 15), ["two of them"]),
        ("15", ["pml_cells='15'"]),
        (None, ["pml_cells=None"]),
    ],
    ids=str,
)
def test_absorbing_layers_that_do_not_fit_are_refused(pml_cells: Any, words: list[str]) -> None:
    with pytest.raises(InputError) as caught:
        Simulation(guide(), pml_cells=pml_cells)
    for word in words:
        assert word in said(caught)


def test_a_grid_either_repeats_itself_or_absorbs() -> None:
    with pytest.raises(InputError, match="along y has no absorbing layers"):
        Simulation(guide(), bloch_rad=(None, 0.3))
    Simulation(guide(), bloch_rad=(None, 0.3), pml_cells=(15, 0))
    for phases in (0.3, (0.3,), (None, float("nan")), (None, "pi")):
        with pytest.raises(InputError, match="bloch_rad"):
            Simulation(guide(), bloch_rad=phases, pml_cells=0)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "changes",
    [
        {"name": ""},
        {"name": 3},
        {"axis": "z"},
        {"direction": "left"},
        {"position_um": float("nan")},
        {"center_um": float("inf")},
        {"center_um": "middle"},
        {"span_um": 0.0},
        {"span_um": float("nan")},
        {"mode": -1},
        {"mode": 0.5},
    ],
    ids=str,
)
def test_a_port_that_is_none_is_refused_before_there_is_a_grid(changes: dict[str, Any]) -> None:
    with pytest.raises(InputError) as caught:
        port(**changes)
    assert repr(*changes.values()) in said(caught) and "allowed" in said(caught)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"position_um": 7.0}, ["port in at x = 7.0 um is outside the grid", "0.9 to 2.1 um"]),
        ({"position_um": -1.0}, ["outside the grid"]),
        ({"position_um": 0.5}, ["in its absorbing layer"]),
        ({"center_um": 9.0}, ["between the absorbing layers", "from 0.75 to 3.25 um"]),
        ({"span_um": 3.0}, ["between the absorbing layers"]),
        ({"span_um": 0.05, "center_um": 1.025}, ["does not propagate", "guides nothing"]),
        ({"mode": 9}, ["mode 9 of port in does not propagate", "modes 0 to", "ask for a lower mode"]),
    ],
    ids=str,
)
def test_a_port_that_the_grid_does_not_have_is_refused_before_any_solution(
    changes: dict[str, Any], words: list[str]
) -> None:
    simulation = Simulation(guide())
    with pytest.raises(InputError) as caught:
        simulation.smatrix([port(**changes)])
    for word in words:
        assert word in said(caught)
    assert "factor" not in vars(simulation)


@pytest.mark.parametrize(
    ("ports", "words"),
    [([], ["no ports"]), ([port(), port(direction="-")], ["'in' is given twice"]), (port(), ["not a list of ports"])],
    ids=["none", "twice", "alone"],
)
def test_ports_are_a_list_of_different_names(ports: Any, words: list[str]) -> None:
    with pytest.raises(InputError) as caught:
        Simulation(guide()).smatrix(ports)
    for word in words:
        assert word in said(caught)


@pytest.mark.parametrize("index", [3.0, None, (3.0,), ("3", 0.0), (-1.0, 0.0), (np.nan, 0.0), (40.0, 0.0)], ids=str)
def test_an_index_that_no_step_can_be_compensated_for_is_refused(index: Any) -> None:
    with pytest.raises(InputError, match="compensated_index"):
        Simulation(guide(), compensated_index=index)


@pytest.mark.parametrize("count", [0, -1, 1.5, "all"])
def test_modes_are_counted_from_one(count: Any) -> None:
    with pytest.raises(InputError, match="modes"):
        Simulation(guide()).modes(port(), count)
    with pytest.raises(InputError, match="modes"):
        cross_section(guide()[0], 0.05, count=count)


def test_a_spectrum_needs_a_wavelength() -> None:
    with pytest.raises(InputError, match="no wavelengths"):
        Simulation(guide()).spectrum([port()], [])


def test_a_device_larger_than_memory_is_refused_before_it_is_built(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError) as caught:
        refuse_too_large((200_000, 200_000), 1e15)
    assert "200000 x 200000 points takes about" in said(caught) and "make dl_um about" in said(caught)
    with pytest.raises(InputError, match="1000000 x 1000000 points"):
        Simulation(np.broadcast_to(CORE, (1_000_000, 1_000_000)))
    monkeypatch.setattr("lightloop.maxwell.memory.available_bytes", lambda: 1e5)
    with pytest.raises(InputError, match="60 x 80 points"):
        Simulation(guide())


@pytest.mark.parametrize("shape", [(160, 160), (384, 80)], ids=str)
def test_the_estimate_is_what_a_solution_takes(shape: tuple[int, int]) -> None:
    eps_r = np.random.default_rng(0).choice([CLADDING, CORE], shape)
    f = np.ones((*shape, 4), dtype=complex)
    tracemalloc.start()
    try:
        Simulation(eps_r).factor.solve(f)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert ESTIMATE[0] < peak / grid_bytes(*shape) < ESTIMATE[1]


def test_the_memory_of_a_container_counts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    limit, used = tmp_path / "memory.max", tmp_path / "memory.current"
    limit.write_text("1000000\n")
    used.write_text("400000\n")
    monkeypatch.setattr(memory, "CONTROL_GROUPS", ((limit, used),))
    assert available_bytes() == 600_000
    assert workers_that_fit(8, 250_000) == 2 and workers_that_fit(8, 10_000_000) == 1
    limit.write_text("max\n")
    machine = available_bytes()
    assert machine is None or machine > 600_000


DRAWN = """
[device]
size_um = [4.0, 4.0]
background = "SiO2"
[[shape]]
material = "Si"
rectangle_um = [-1, 1.75, 5, 2.25]
[[port]]
name = "in"
axis = "x"
position_um = 1.2
center_um = 2.0
span_um = 1.4
direction = "+"
"""
WAVEGUIDE = ["waveguide", "--set", "length_um=0.5"]


def refused(arguments: list[str], capsys: pytest.CaptureFixture[str], code: int = 2) -> str:
    """What `lightloop field ...` says; it must write nothing and show no traceback."""
    with pytest.raises(SystemExit) as left:
        main(["field", *arguments])
    told = capsys.readouterr()
    assert left.value.code == code and told.out == "" and "Traceback" not in told.err
    assert "internal error" not in told.err
    return told.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["couplr"], ["unknown device 'couplr'", "did you mean 'coupler'?", "FILE.toml"]),
        (["nowhere.toml"], ["file not found: nowhere.toml"]),
        (["nowhere.gds"], ["nowhere.gds"]),
        ([*WAVEGUIDE, "--wavelength-um", "0"], ["wavelength_um=0"]),
        ([*WAVEGUIDE, "--wavelength-um", "-1.55"], ["wavelength_um=-1.55"]),
        ([*WAVEGUIDE, "--wavelength-um", "nan"], ["--wavelength-um 'nan' is not finite"]),
        ([*WAVEGUIDE, "--wavelength-um", "blue"], ["cannot be read", "1.53:1.57:9"]),
        ([*WAVEGUIDE, "--wavelength-um", "1.5:1.6"], ["cannot be read"]),
        ([*WAVEGUIDE, "--wavelength-um", "1.5:1.6:0"], ["cannot be read"]),
        ([*WAVEGUIDE, "--wavelength-um", "1.5,1.5"], ["each once"]),
        ([*WAVEGUIDE, "--wavelength-um", "0.3"], ["permittivity of Si at 0.3 um is not known"]),
        ([*WAVEGUIDE, "--dl-um", "0"], ["dl_um=0.0"]),
        ([*WAVEGUIDE, "--dl-um", "nan"], ["dl_um=nan"]),
        ([*WAVEGUIDE, "--dl-um", "0.3"], ["no wave propagates"]),
        ([*WAVEGUIDE, "--dl-um", "0.0001"], ["points takes about", "GiB are free", "make dl_um about"]),
        ([*WAVEGUIDE, "--polarization", "TE"], ["unknown polarization 'TE'", "Ez, Hz"]),
        ([*WAVEGUIDE, "--solver", "nestd"], ["unknown solver 'nestd'", "did you mean 'nested'?"]),
        ([*WAVEGUIDE, "--set", "width=0.4"], ["did you mean 'width_um'?"]),
        ([*WAVEGUIDE, "--set", "width_um"], ["not NAME=VALUE"]),
        ([*WAVEGUIDE, "--set", "width_um=wide"], ["width_um", "valid number"]),
        ([*WAVEGUIDE, "--set", "core=Unobtainium"], ["unknown material 'Unobtainium'"]),
        ([*WAVEGUIDE, "--set", "width_um=-0.4"], ["width_um=-0.4"]),
        ([*WAVEGUIDE, "--vary", "width_um=0.4,-0.4"], ["width_um=-0.4"]),
        ([*WAVEGUIDE, "--vary", "width_um=0.4,nan"], ["not finite"]),
        ([*WAVEGUIDE, "--vary", "lenth_um=0.4,0.5"], ["did you mean 'length_um'?"]),
        ([*WAVEGUIDE, "--vary", "width_um=0.1:0.9:2000", "--wavelength-um", "1.5:1.6:2000"], ["4,000,000 points"]),
        ([*WAVEGUIDE, "--vary", "wavelength_um=1.5,1.6"], ["wavelength_um is no parameter", "use --wavelength-um"]),
        ([*WAVEGUIDE, "--set", "dl_um=0.1"], ["dl_um is no parameter", "use --dl-um"]),
        (["mmi", "--vary", "n_in=1,2"], ["have ports in0, out0, out1, out2, and in0, in1"]),
        ([*WAVEGUIDE, "--jobs", "0"], ["--jobs"]),
        (["mmi", "--set", "n_in=1.5"], ["n_in"]),
        (["mmi", "--set", "n_in=0"], ["n_in"]),
    ],
    ids=lambda value: " ".join(value)[-40:],
)
def test_the_command_line_refuses_before_any_work(
    arguments: list[str],
    words: list[str],
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("lightloop.maxwell.simulation.factorize", None)  # none may be asked for
    told = refused(["simulate", *arguments, "--out", str(tmp_path / "out")], capsys)
    for word in words:
        assert word in " ".join(told.split()), told
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("size_um", "siz_um", ["siz_um: unknown key; did you mean 'size_um'?"]),
        ("[4.0, 4.0]", "[4.0]", ["size_um"]),
        ("[4.0, 4.0]", "[0.0, 4.0]", ["size_um"]),
        ('"Si"', '"Sii"', ["unknown material 'Sii'", "did you mean 'Si'?"]),
        ('"SiO2"', "nan", ["background"]),
        ("[-1, 1.75, 5, 2.25]", "[-1, 1.75, 5]", ["rectangle_um"]),
        ("position_um = 1.2", "position_um = 3.9", ["port in at x = 3.9 um", "not between the absorbing layers"]),
        ("position_um = 1.2", "position_um = 0.2", ["not between the absorbing layers"]),
        ("position_um = 1.2", "position_um = nan", ["finite"]),
        ("span_um = 1.4", "span_um = 3.9", ["not between the absorbing layers"]),
        ('direction = "+"', 'direction = "in"', ["direction"]),
        ('direction = "+"', 'direction = "+"\nmode = 9', ["mode 9 of port in does not propagate"]),
        ('direction = "+"', 'direction = "+"\nmode = 0.5', ["mode"]),
        ('axis = "x"', 'axis = "y"', ["mode 0 of port in", "not guided", "guides nothing"]),
        ('[[port]]\nname = "in"', '[[port]]\nname = ""', ["name"]),
        ("[device]", "[device", ["not valid TOML"]),
        ("[device]", "[devices]", ["[device]"]),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_a_device_file_with_a_mistake_is_refused(
    before: str,
    after: str,
    words: list[str],
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("lightloop.maxwell.simulation.factorize", None)
    file = tmp_path / "device.toml"
    assert before in DRAWN
    file.write_text(DRAWN.replace(before, after))
    told = refused(["simulate", str(file), "--out", str(tmp_path / "out")], capsys)
    for word in words:
        assert word in " ".join(told.split()), told
    assert [path.name for path in tmp_path.iterdir()] == ["device.toml"]


def test_a_layout_that_is_none_is_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "chip.gds"
    file.write_bytes(b"not a layout")
    assert "chip.gds" in refused(["simulate", str(file), "--out", str(tmp_path / "out")], capsys)


def test_gain_in_a_file_is_a_note_told_once(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "device.toml"
    file.write_text(DRAWN.replace('"Si"\n', '"12.11+0.001j"\n'))
    with pytest.raises(SystemExit) as left:
        main(["field", "simulate", str(file), "--out", str(tmp_path / "out"), "--dl-um", "0.1", "--jobs", "1"])
    told = capsys.readouterr().err
    assert left.value.code == 0 and told.count("that is gain") == 1 and "note: " in told


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["bench", "--grid", "big"], "--grid 'big' is no grid"),
        (["bench", "--grid", "8x8"], "at least 32 each"),
        (["bench", "--grid", "900000x900000"], "GiB are free"),
        (["bench", "--repeats", "0"], "--repeats"),
    ],
    ids=str,
)
def test_a_benchmark_of_no_grid_is_refused(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert words in " ".join(refused(arguments, capsys).split())
