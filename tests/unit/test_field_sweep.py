"""Sweeps: what each point gives alone, whatever the number of workers, and the same after an interruption."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lightloop.errors import InputError
from lightloop.maxwell.geometry.parametric import source_of
from lightloop.maxwell.ports import Port
from lightloop.maxwell.simulation import Simulation
from lightloop.maxwell.sweeps.points import FOLDER
from lightloop.maxwell.sweeps.result import SweepResult
from lightloop.maxwell.sweeps.sweep import sweep
from lightloop.maxwell.sweeps.touchstone import touchstone

BAR = 0.05  # of a guide that sends all of its power on, from grids of 0.1 and 0.05 µm
PORTS = (Port("in", "x", 1.2, 1.5, 1.4, "+"), Port("out", "x", 2.3, 1.5, 1.4, "-"))


@dataclass(frozen=True)
class Guide:
    """A guide along x of some width, 3.5 x 3 µm with the absorbing layers."""

    width_um: float = 0.5
    ports: tuple[Port, ...] = PORTS

    def simulation(self, dl_um: float = 0.05, **settings: Any) -> Simulation:
        y_um = (np.arange(round(3.0 / dl_um)) + 0.5) * dl_um - 1.5
        eps_r = np.where(np.abs(y_um) < 0.5 * self.width_um, 12.11, 2.0736)
        return Simulation(np.tile(eps_r, (round(3.5 / dl_um), 1)), dl_um, pml_cells=round(0.75 / dl_um), **settings)


@pytest.fixture(scope="module")
def widths() -> SweepResult:
    return sweep(Guide, [1.5, 1.55], {"width_um": [0.4, 0.5, 0.6]}, dl_um=0.1, workers=1)


def test_each_point_is_what_its_simulation_gives_alone(widths: SweepResult) -> None:
    assert widths.values.shape == (3, 2, 2, 2) and list(widths.axes) == ["width_um", "wavelength_um"]
    alone = Guide(0.6).simulation(0.1, wavelength_um=1.5).smatrix(PORTS)
    assert np.array_equal(widths.values[2, 0], alone.values)
    assert np.array_equal(widths.between("in", "out")[2, 0], alone.values[1, 0])
    assert widths.errors["residual"][2, 0] == alone.residual
    with pytest.raises(InputError, match="did you mean 'out'"):
        widths.between("in", "outt")


def test_workers_change_nothing(widths: SweepResult) -> None:
    again = sweep(Guide, [1.5, 1.55], {"width_um": [0.4, 0.5, 0.6]}, dl_um=0.1, workers=2)
    assert again.to_dict() == widths.to_dict()


def test_an_interrupted_sweep_goes_on_to_the_same_result(widths: SweepResult, tmp_path: Path) -> None:
    given: dict[str, Any] = {"vary": {"width_um": [0.4, 0.5, 0.6]}, "dl_um": 0.1, "folder": tmp_path, "workers": 1}

    class Stopped(Exception):
        pass

    def stop(done: int, total: int) -> None:
        assert total == 6
        if done == 4:
            raise Stopped

    with pytest.raises(Stopped):
        sweep(Guide, [1.5, 1.55], on_progress=stop, **given)
    kept = sorted((tmp_path / FOLDER).iterdir())
    assert len(kept) == 4
    times = {path: path.stat().st_mtime_ns for path in kept}
    (tmp_path / FOLDER / ".0000005.json.abc").write_text("{")  # of a process that was killed while it wrote
    done: list[int] = []
    again = sweep(Guide, [1.5, 1.55], on_progress=lambda one, _: done.append(one), **given)
    assert done == [4, 5, 6]
    assert {path: path.stat().st_mtime_ns for path in kept} == times
    assert again.to_dict() == widths.to_dict()
    assert len(list((tmp_path / FOLDER).iterdir())) == 6


def test_several_grids_give_error_bars() -> None:
    found = sweep(Guide(), 1.55, dl_um=(0.1, 0.05), workers=1)
    alone = Guide().simulation(0.05, wavelength_um=1.55).smatrix(PORTS)
    assert np.array_equal(found.values[0], alone.values)
    power, bar = found.estimate["extrapolated"][0, 1, 0], found.estimate["error_bar"][0, 1, 0]
    assert abs(power - 1.0) <= bar < BAR
    assert found.estimate["error_bar"].shape == (1, 2, 2)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"wavelength_um": [1.55, 0.0]}, "wavelength_um=0.0"),
        ({"wavelength_um": []}, "cannot be swept"),
        ({"wavelength_um": [1.55, 1.55]}, "each once"),
        ({"vary": {"width_um": [0.4, float("nan")]}}, "width_um over"),
        (
            {"vary": {"width_um": np.linspace(0.4, 0.5, 2000)}, "wavelength_um": np.linspace(1.5, 1.6, 2000)},
            "4,000,000",
        ),
        ({"dl_um": -0.05}, "dl_um=-0.05"),
        ({"polarization": "TE"}, "unknown polarization"),
        ({"wavelength_um": [1.55, 60.0]}, "does not propagate"),
        ({"vary": {"wavelength_um": [1.5, 1.6]}}, "no parameter of a device"),
        ({"dl_um": (0.1, 0.1)}, "of one ratio"),
        ({"vary": {"width": [0.4, 0.5]}}, "cannot be built of width"),
    ],
    ids=str,
)
def test_what_cannot_be_swept_is_told_before_any_point(given: dict[str, Any], words: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=words):
        sweep(Guide, **({"wavelength_um": 1.55, "dl_um": 0.1} | given), folder=tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("workers", [1, 2])
def test_a_point_that_is_impossible_is_named_and_the_others_are_kept(workers: int, tmp_path: Path) -> None:
    given: dict[str, Any] = {"dl_um": 0.1, "folder": tmp_path, "workers": workers}
    with pytest.raises(InputError, match=r"at width_um=0\.01, wavelength_um=1\.55: mode 0 of port in"):
        sweep(Guide, 1.55, {"width_um": [0.4, 0.01, 0.5]}, **given)
    assert workers > 1 or (tmp_path / FOLDER / "0000000.json").exists()


def test_what_is_no_device_is_refused() -> None:
    with pytest.raises(InputError, match="3 is no device"):
        sweep(3)  # type: ignore[arg-type]


def test_a_device_of_fixed_shape_has_nothing_to_vary() -> None:
    with pytest.raises(InputError, match="width_um cannot be varied"):
        sweep(Guide(), 1.55, {"width_um": [0.4, 0.5]})


def test_a_preset_knows_its_parameters() -> None:
    with pytest.raises(InputError, match="did you mean 'gap_um'"):
        source_of("coupler", {"gap": 0.2}, {})
    with pytest.raises(InputError, match="did you mean 'length_um'"):
        source_of("coupler", {}, {"lengt_um": 3.0})
    with pytest.raises(InputError, match="did you mean 'coupler'"):
        source_of("couplr", {}, {})
    with pytest.raises(InputError, match="given: 'wide'"):
        source_of("coupler", {"gap_um": "wide"}, {})
    found = source_of("mmi", {"n_in": 1.0}, {"n_out": 2.0})
    assert len(found.options.device.ports) == len(found.build(n_out=2.0).ports) == 3


def test_the_table_holds_every_point_in_three_formats(widths: SweepResult, tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    widths.write(tmp_path)
    with (tmp_path / "table.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 6
    row = next(row for row in rows if row["width_um"] == "0.6" and row["wavelength_um"] == "1.5")
    s = complex(float(row["real.out.in"]), float(row["imag.out.in"]))
    assert s == widths.values[2, 0, 1, 0] and float(row["power.out.in"]) == pytest.approx(abs(s) ** 2)
    assert pq.read_table(tmp_path / "table.parquet").to_pydict()["real.out.in"][4] == s.real
    arrays = np.load(tmp_path / "smatrix.npz", allow_pickle=False)
    assert np.array_equal(arrays["s"], widths.values) and list(arrays["ports"]) == ["in", "out"]


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_a_touchstone_file_reads_back(count: int, tmp_path: Path) -> None:
    skrf = pytest.importorskip("skrf")
    rng = np.random.default_rng(0)
    s = rng.normal(size=(2, count, count, 2)) @ np.array([1.0, 1.0j])
    path = tmp_path / f"device.s{count}p"
    path.write_text(touchstone([f"p{number}" for number in range(count)], np.array([1.5, 1.6]), s))
    network = skrf.Network(str(path))
    assert np.array_equal(network.s, s[::-1])  # frequencies ascend
    assert network.f[0] == pytest.approx(299_792_458 / 1.6e-6)
    assert network.port_names == [f"p{number}" for number in range(count)]
