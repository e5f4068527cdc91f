"""Drawings, layouts, and device files that cannot be used: what is wrong is said before any work, and what would do."""

from __future__ import annotations

import math
from pathlib import Path

import gdstk
import numpy as np
import pytest
import torch

from lightloop.errors import InputError
from lightloop.maxwell.devices import DEVICES
from lightloop.maxwell.geometry.device import Device
from lightloop.maxwell.geometry.device_file import load_device_file
from lightloop.maxwell.geometry.gds import Foreign, layer_of, read_gds, write_gds
from lightloop.maxwell.geometry.materials import permittivity
from lightloop.maxwell.geometry.shapes import Shape
from lightloop.maxwell.ports import Port

SQUARE = [(1.0, 1.0), (3.0, 1.0), (3.0, 3.0), (1.0, 3.0)]


@pytest.mark.parametrize(
    "vertices, said",
    [
        ([(0, 0), (1, math.nan), (1, 1)], "vertex 2 of 3 is [1.0, nan]"),
        ([(0, 0), (1, math.inf), (1, 1)], "vertex 2 of 3 is [1.0, inf]"),
        ([(0, 0), (1, 1)], "shape (2, 2) are no polygon"),
        ([1, 2, 3], "shape (3,) are no polygon"),
        ([(0, 0), (1, 1), (2, 2)], "encloses no area"),
        ([(0, 0), (1, 1), (2,)], "not a table of numbers"),
        ("abc", "not a table of numbers"),
        (torch.tensor([[0, 0], [1, 0], [0, 1]]), "torch.int64"),
        (torch.tensor([[0, 0], [1, 0], [0, math.nan]], dtype=torch.float64), "vertex 3 of 3"),
    ],
)
def test_vertices_that_are_no_polygon(vertices: object, said: str) -> None:
    with pytest.raises(InputError) as error:
        Shape(vertices, "Si")
    assert said in str(error.value)


def test_a_boundary_that_crosses_itself_is_named_with_the_place() -> None:
    device = Device("bow", (4.0, 4.0), "SiO2", (Shape(SQUARE, "Si"), Shape([(1, 1), (3, 3), (3, 1), (1, 2)], "Si")), ())
    with pytest.raises(InputError, match=r"shape 2 crosses itself near x = 1\.667, y = 1\.667 um"):
        device.permittivity(0.1, 1.55)


@pytest.mark.parametrize(
    "material, said",
    [
        ("sio2", "did you mean 'SiO2'"),
        ("unobtainium", "a number is taken"),
        (0, "permittivity of 0"),
        (math.nan, "nan"),
        (None, "None"),
    ],
)
def test_materials_that_are_none(material: str | complex, said: str) -> None:
    with pytest.raises(InputError, match=said):
        Shape(SQUARE, material)
    with pytest.raises(InputError, match=said):
        Device("device", (4.0, 4.0), material, (), ())


@pytest.mark.parametrize("wavelength_um, said", [(0.5, "1.36 to 11 um"), (12.0, "1.36 to 11 um"), (0.0, "> 0")])
def test_a_wavelength_that_silicon_is_not_known_at(wavelength_um: float, said: str) -> None:
    device = Device("device", (4.0, 4.0), "SiO2", (Shape(SQUARE, "Si"),), ())
    with pytest.raises(InputError, match=said):
        device.permittivity(0.1, wavelength_um)
    with pytest.raises(InputError, match="> 0"):
        permittivity("Si", math.nan)


@pytest.mark.parametrize(
    "port, said",
    [
        (Port("in", "x", 0.5, 2.0, 1.4), "x from 0.75 to 3.25 um"),
        (Port("in", "x", 1.5, 1.0, 1.4), "y from 0.75 to 3.25 um"),
        (Port("in", "y", 9.0, 2.0, 1.4), "y from 0.75 to 3.25 um"),
    ],
)
def test_a_port_in_the_absorbing_layer_or_outside(port: Port, said: str) -> None:
    with pytest.raises(InputError, match=said):
        Device("device", (4.0, 4.0), "SiO2", (), (port,))


def test_sizes_and_grids_that_leave_nothing() -> None:
    for size in ((1.5, 4.0), (math.nan, 4.0), (4.0, -1.0)):
        with pytest.raises(InputError, match="size_um="):
            Device("device", size, "SiO2", (), ())
    with pytest.raises(InputError, match="pml_um="):
        Device("device", (4.0, 4.0), "SiO2", (), (), pml_um=-1.0)
    for dl_um in (0.0, math.nan, 1.0):
        with pytest.raises(InputError, match="dl_um="):
            Device("device", (4.0, 4.0), "SiO2", (), ()).simulation(dl_um)
    ports = (Port("in", "x", 1.5, 2.0, 1.0), Port("in", "x", 2.5, 2.0, 1.0, "-"))
    with pytest.raises(InputError, match="more than one port is named 'in'"):
        Device("device", (4.0, 4.0), "SiO2", (), ports)


@pytest.mark.parametrize(
    "name, given, said",
    [
        ("waveguide", {"width_um": 0}, "width_um=0"),
        ("taper", {"end_width_um": -1, "length_um": math.nan}, "end_width_um=-1, length_um=nan"),
        ("bend", {"radius_um": 0.1}, "radius_um=0.1"),
        ("coupler", {"pitch_um": 1.0}, "at least 1.9 um"),
        ("coupler", {"length_um": -1.0}, "length_um=-1"),
        ("mmi", {"n_out": 0}, "n_out=0"),
        ("mmi", {"n_in": 5}, "do not fit a width of 3 um"),
        ("mmi", {"taper_length_um": 1.0, "taper_width_um": 2.0}, "taper_width_um=2"),
        ("etched-mmi", {"cavity_ratio": 2.0}, "cavity_ratio=2"),
        ("metaline", {"slots_um": [1.0]}, "2 x 10 = 20"),
        ("metaline", {"slots_um": [9.0] * 20}, "lengths from 0 to 4.5 um"),
        ("crossing", {"arm_um": 0.5}, "arm_um=0.5"),
        ("box", {"openings": {"western": [0.0]}}, "did you mean 'west'"),
        ("box", {"openings": {"west": [5.0]}}, "-0.75 to 0.75 um"),
    ],
)
def test_parameters_of_devices(name: str, given: dict, said: str) -> None:
    with pytest.raises(InputError) as error:
        DEVICES[name](**given)
    assert said in str(error.value)


def test_layouts_that_are_missing_broken_or_empty(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    whole = write_gds(DEVICES["waveguide"](), tmp_path / "whole.gds").read_bytes()
    (tmp_path / "half.gds").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "nothing.gds").write_bytes(b"")
    (tmp_path / "text.gds").write_text("HEADER 600")
    library = gdstk.Library("empty")
    library.new_cell("top")
    library.write_gds(tmp_path / "empty.gds")
    gdstk.Library("no cell").write_gds(tmp_path / "no_cell.gds")
    for name, said in (
        ("missing", "file not found"),
        ("half", "is broken"),
        ("nothing", "is not a GDSII file"),
        ("text", "is not a GDSII file"),
        ("empty", "does not say what its layers are made of"),
        ("no_cell", "0 cells on top"),
    ):
        with pytest.raises(InputError, match=said):
            read_gds(tmp_path / f"{name}.gds")
    capfd.readouterr()


def test_layouts_of_other_programs_that_lack_what_was_told(tmp_path: Path) -> None:
    library = gdstk.Library("other")
    for name in ("one", "two"):
        library.new_cell(name).add(gdstk.rectangle((0, 0), (5, 5), layer=4))
    path = tmp_path / "other.gds"
    library.write_gds(path)
    with pytest.raises(InputError, match="one, two"):
        read_gds(path, Foreign({(4, 0): "Si"}, "SiO2"))
    with pytest.raises(InputError, match="did you mean 'one'"):
        read_gds(path, Foreign({(4, 0): "Si"}, "SiO2", cell="oen"))
    with pytest.raises(InputError, match="nothing on layer 5/0\nallowed: 4/0"):
        read_gds(path, Foreign({(5, 0): "Si"}, "SiO2", cell="one"))
    assert layer_of("4") == (4, 0)
    with pytest.raises(InputError, match="LAYER/DATATYPE"):
        layer_of("four")
    with pytest.raises(InputError, match="database_nm=0"):
        write_gds(DEVICES["waveguide"](), path, database_nm=0)


def test_all_mistakes_of_a_device_file_at_once(tmp_path: Path) -> None:
    path = tmp_path / "device.toml"
    for text, expected in (
        (
            '[device]\nkind = "mmi"\nlenght_um = 3\nn_in = "a"\ncore = "Sii"\n[simulation]\ndl_um = -1',
            ["4 mistakes", "did you mean 'length_um'", "device.n_in", "did you mean 'Si'", "simulation.dl_um"],
        ),
        (
            '[device]\nsize_um = [1, nan]\nbackground = true\n[[shape]]\nmaterial = "Si"\nrectangle_um = [0, 0, 0, 1]\n'
            '[[shape]]\nmaterial = 2\n[[port]]\nname = "a"\naxis = "z"',
            [
                "9 mistakes",
                "size_um, entry 2",
                "encloses no area",
                "one of polygon_um, rectangle_um, path_um",
                "'x' or",
            ],
        ),
        ('[device]\nkind = "mmmi"', ["unknown device 'mmmi'", "did you mean 'mmi'"]),
        ("[devise]\nkind = 1", ["a table [device] is missing"]),
        ('[device]\ngds = "no.gds"', ["file not found"]),
        ('[device]\ngds = "no.gds"\nbackground = "SiO2"', ["needs both layers and background"]),
        ("[device]\nsize_um = [4, 4", ["is not valid TOML"]),
    ):
        path.write_text(text)
        with pytest.raises(InputError) as error:
            load_device_file(path)
        for said in expected:
            assert said in str(error.value)


def test_the_examples_are_device_files() -> None:
    folder = Path(__file__).resolve().parents[2] / "examples"
    splitter, drawn = load_device_file(folder / "splitter.toml"), load_device_file(folder / "stub_filter.toml")
    assert [port.name for port in splitter.device.ports] == ["in0", "out0", "out1"]
    assert [port.name for port in drawn.device.ports] == ["in", "out"]
    assert len(drawn.wavelengths_um) == 5
    for one in (splitter, drawn):
        powers = np.abs(one.simulation().smatrix(one.device.ports).values) ** 2
        assert 0.9 < powers[0].sum() < 1.001
