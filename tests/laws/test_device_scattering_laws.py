"""Every device of the library obeys the laws of scattering on the grid that users get without asking."""

from __future__ import annotations

import numpy as np
import pytest

from lightloop.maxwell import converge
from lightloop.maxwell.devices import DEVICES

DL_UM = 0.05
# What is cut from the tails of modes at the ends of a port's span.
FLUX = RECIPROCITY = 1e-3
RESIDUAL = 1e-9


@pytest.mark.parametrize("polarization", ["Ez", "Hz"])
@pytest.mark.parametrize("name", list(DEVICES))
def test_a_device_without_loss_keeps_power_and_is_reciprocal(name: str, polarization: str) -> None:
    device = DEVICES[name]()
    found = device.simulation(dl_um=DL_UM, polarization=polarization).smatrix(device.ports)
    assert found.power_balance.error < FLUX and found.reciprocity_error < RECIPROCITY
    assert found.power_balance.absorbed == pytest.approx(0.0, abs=RESIDUAL)
    assert np.all(found.power_balance.radiated > -FLUX) and found.residual < RESIDUAL


@pytest.mark.parametrize("polarization", ["Ez", "Hz"])
def test_bars_hold_for_shapes_between_the_points_of_the_grid(polarization: str) -> None:
    device = DEVICES["taper"]()
    found, finer = (
        converge(lambda dl_um: device.simulation(dl_um=dl_um, polarization=polarization).smatrix(device.ports), steps)
        for steps in ((0.1, 0.05), (0.05, 0.025))
    )
    assert np.all(np.abs(found.power.value - finer.power.value) < found.power.error + finer.power.error)
    assert np.all(np.abs(found.n_eff.value - finer.n_eff.value) < found.n_eff.error)
