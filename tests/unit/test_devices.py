"""Every device of the library, as it is drawn without a parameter."""

from __future__ import annotations

import math

import numpy as np
import pytest

from lightloop.maxwell.devices import DEVICES
from lightloop.maxwell.devices.framing import spread
from lightloop.maxwell.geometry.shapes import CHORD_ERROR_UM, arc_path, s_bend_path, signed_area, strip

# Walls of a port's span cut the tails of a mode; the guides of a port are 0.9 um wider than their core.
RECIPROCITY = 1e-3
GAINED = 1e-3
# From what is known to the last digit.
ROUNDING = 1e-9
# Half a chord's error along the whole arc.
AREA = CHORD_ERROR_UM


@pytest.mark.parametrize("polarization", ["Ez", "Hz"])
@pytest.mark.parametrize("name", DEVICES)
def test_a_device_scatters_alike_both_ways_and_makes_no_light(name: str, polarization: str) -> None:
    device = DEVICES[name]()
    dl_um = 0.1 if max(device.size_um) > 15 else 0.05
    s = device.simulation(dl_um, polarization=polarization).smatrix(device.ports)
    assert s.ports == tuple(port.name for port in device.ports)
    assert s.reciprocity_error < (20 * RECIPROCITY if dl_um > 0.05 else RECIPROCITY)
    powers = np.abs(s.values) ** 2
    assert powers.sum(1).max() < 1 + GAINED
    assert powers.max() > 0.01


def test_the_multimode_coupler_of_the_reference_is_a_preset_drawn_cell_by_cell() -> None:
    """8.0 x 3.0 um, ports of 0.5 um 1.0 um apart: all borders are on lines of a grid of 50 nm."""
    dl_um = 0.05
    device = DEVICES["mmi"](length_um=8.0, width_um=3.0, core=12.11, cladding=2.0736)
    nx, ny = device.grid(dl_um)
    x, y = (np.arange(nx) + 0.5) * dl_um - device.size_um[0] / 2, (np.arange(ny) + 0.5) * dl_um - device.size_um[1] / 2
    body = (np.abs(x) < 4.0)[:, None] & (np.abs(y) < 1.5)
    guides = (np.abs(x) > 4.0)[:, None] & np.any([np.abs(y - at) < 0.25 for at in spread(3, 1.0)], axis=0)
    expected = np.where(body | guides, 12.11, 2.0736)
    assert np.allclose(device.permittivity(dl_um, 1.55).zz, expected, rtol=ROUNDING)
    assert [port.center_um - device.size_um[1] / 2 for port in device.ports[:3]] == pytest.approx([-1.0, 0.0, 1.0])


def test_the_cavities_of_a_seed_are_always_the_same_and_in_every_second_row() -> None:
    one, same, other = (DEVICES["etched-mmi"](seed=seed) for seed in (1, 1, 2))
    assert all(np.array_equal(a.vertices_um, b.vertices_um) for a, b in zip(one.shapes, same.shapes, strict=True))
    holes = [[shape.bounds_um[0] for shape in device.shapes if shape.material == "SiO2"] for device in (one, other)]
    assert holes[0] != holes[1]
    assert 8 <= len(holes[0]) <= int(0.075 * 210)
    height = 0.8 * 6.25 / 7
    rows = {round((low[1] - one.size_um[1] / 2 + 0.4 * 6.25) / height, 6) for low in holes[0]}
    assert rows <= {0.0, 2.0, 4.0, 6.0}


def test_a_metaline_takes_the_lengths_of_its_slots() -> None:
    device = DEVICES["metaline"](layers=1, atoms=4, slots_um=[0.0, 0.5, 1.0, 2.0])
    slots = [shape.bounds_um for shape in device.shapes if shape.material == "SiO2"]
    assert [high[0] - low[0] for low, high in slots] == pytest.approx([0.5, 1.0, 2.0])


def test_strips_along_curves_have_the_area_of_length_times_width() -> None:
    assert abs(signed_area(strip(arc_path((0, 5), 5.0, -90, 0), 0.5))) == pytest.approx(math.pi / 2 * 2.5, rel=AREA)
    path = s_bend_path(0.0, 0.0, 4.0, 1.0)
    length = np.linalg.norm(np.diff(path.points_um, axis=0), axis=1).sum()
    assert abs(signed_area(strip(path, 0.5))) == pytest.approx(0.5 * length, rel=AREA)
    assert path.points_um[-1] == pytest.approx([4.0, 1.0])
    assert path.along[[0, -1]] == pytest.approx(np.array([[1.0, 0.0], [1.0, 0.0]]))
