"""A layout that is written and read again is the device, to the database unit."""

from __future__ import annotations

from pathlib import Path

import gdstk
import numpy as np
import pytest

from lightloop.maxwell.devices import DEVICES
from lightloop.maxwell.geometry.coverage import area_fractions
from lightloop.maxwell.geometry.device import Device
from lightloop.maxwell.geometry.device_file import load_device_file
from lightloop.maxwell.geometry.gds import Foreign, read_gds, write_gds
from lightloop.maxwell.geometry.shapes import Shape
from lightloop.maxwell.ports import Port

# Half the database unit, and what rounding adds.
HALF_UNIT_UM = 0.5e-3 * (1 + 1e-6)
POWER = 0.01


@pytest.mark.parametrize("name", DEVICES)
def test_a_device_is_restored_to_half_a_nanometre(name: str, tmp_path: Path) -> None:
    device = DEVICES[name]()
    again = read_gds(write_gds(device, tmp_path / "device.gds"))
    assert (again.name, again.background, again.pml_um) == (device.name, device.background, device.pml_um)
    assert (again.size_um, again.ports) == (device.size_um, device.ports)
    for shape, one in zip(device.shapes, again.shapes, strict=True):
        assert one.material == shape.material
        assert np.abs(one.vertices_um - shape.vertices_um).max() <= HALF_UNIT_UM


def test_coverage_changes_by_less_than_a_border_one_nanometre_off(tmp_path: Path) -> None:
    device = DEVICES["bend"]()
    again = read_gds(write_gds(device, tmp_path / "device.gds"))
    lines = np.arange(0, 8.8, 0.05)
    for shape, one in zip(device.shapes, again.shapes, strict=True):
        change = area_fractions(one.vertices_um, lines, lines) - area_fractions(shape.vertices_um, lines, lines)
        assert np.abs(change).max() < 2 * 1e-3 / 0.05


def test_a_finer_unit_restores_more_and_the_same_device_gives_the_same_bytes(tmp_path: Path) -> None:
    device = DEVICES["coupler"]()
    files = [write_gds(device, tmp_path / name, database_nm=0.01) for name in ("one.gds", "two.gds")]
    assert files[0].read_bytes() == files[1].read_bytes()
    again = read_gds(files[0])
    worst = max(np.abs(a.vertices_um - b.vertices_um).max() for a, b in zip(device.shapes, again.shapes, strict=True))
    assert worst <= HALF_UNIT_UM / 100


def test_transmission_is_that_of_the_device(tmp_path: Path) -> None:
    device = DEVICES["coupler"]()
    again = read_gds(write_gds(device, tmp_path / "device.gds"))
    powers = [np.abs(one.simulation(0.05, polarization="Hz").smatrix(one.ports).values) ** 2 for one in (device, again)]
    assert np.abs(powers[0] - powers[1]).max() < POWER


def test_materials_given_as_numbers_come_back(tmp_path: Path) -> None:
    square = [(1.0, 1.0), (3.0, 1.0), (3.0, 3.0), (1.0, 3.0)]
    device = Device("lossy", (4.0, 4.0), 2.0736, (Shape(square, 12.11 - 0.25j), Shape(square, "Si3N4")), ())
    again = read_gds(write_gds(device, tmp_path / "device.gds"))
    assert again.background == 2.0736
    assert [shape.material for shape in again.shapes] == [12.11 - 0.25j, "Si3N4"]


def test_a_layout_of_another_program_needs_only_what_it_does_not_say(tmp_path: Path) -> None:
    """A guide and a hole in it, in a cell that another one holds, with an origin of its own."""
    library = gdstk.Library("other", unit=1e-6, precision=1e-9)
    part, top = library.new_cell("part"), library.new_cell("top")
    part.add(
        gdstk.FlexPath([(-5, 0), (5, 0)], 0.5, layer=3, datatype=1), gdstk.regular_polygon((0, 0), 0.2, 6, layer=7)
    )
    top.add(gdstk.Reference(part, (100.0, 50.0)))
    library.write_gds(tmp_path / "other.gds")
    ports = [
        Port("in", "x", 98.5, 50.0, 1.4, "+"),
        Port("out", "x", 101.5, 50.0, 1.4, "-"),
    ]
    foreign = Foreign({(3, 1): "Si", (7, 0): "SiO2"}, "SiO2", window_um=(97.0, 48.0, 103.0, 52.0), ports=ports)
    device = read_gds(tmp_path / "other.gds", foreign)
    assert device.size_um == (6.0, 4.0)
    eps = device.permittivity(0.05, 1.55).zz
    assert eps[[0, -1], 40] == pytest.approx(eps.max())
    assert eps[60, 40] == pytest.approx(eps.min())
    assert [(port.position_um, port.center_um) for port in device.ports] == [(1.5, 2.0), (4.5, 2.0)]
    assert device.simulation().smatrix(device.ports).reciprocity_error < 1e-3


def test_a_device_file_finds_the_layout_beside_it(tmp_path: Path) -> None:
    device = DEVICES["waveguide"]()
    write_gds(device, tmp_path / "guide.gds")
    (tmp_path / "guide.toml").write_text('[device]\ngds = "guide.gds"\n[simulation]\ndl_um = 0.1\n')
    (tmp_path / "told.toml").write_text(
        '[device]\ngds = "guide.gds"\nlayers = { "1/0" = "Si" }\nbackground = "SiO2"\nwindow_um = [0, 0, 5.5, 4.0]\n'
        '[[port]]\nname = "in"\naxis = "x"\nposition_um = 1.25\ncenter_um = 2.0\nspan_um = 1.4\ndirection = "+"\n'
    )
    own, told = load_device_file(tmp_path / "guide.toml"), load_device_file(tmp_path / "told.toml")
    assert own.dl_um == 0.1
    assert own.device.ports[0] == told.device.ports[0] == device.ports[0]
    assert np.array_equal(own.device.permittivity(0.1, 1.55).zz, told.device.permittivity(0.1, 1.55).zz)
