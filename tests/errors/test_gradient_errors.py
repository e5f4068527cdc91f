"""What cannot be differentiated is refused, with what to do instead."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lightloop.errors import InputError
from lightloop.maxwell.gradients.adjoint import FieldOf, Scattering
from lightloop.maxwell.gradients.objectives import OfScattering, Transmission
from lightloop.maxwell.gradients.region import Region
from lightloop.maxwell.permittivity import Permittivity
from lightloop.maxwell.ports import Port
from lightloop.maxwell.simulation import Simulation

PORTS = [Port("in", "x", 1.0, 1.6, 1.8, "+"), Port("out", "x", 2.0, 1.6, 1.8, "-")]
X, Y = slice(25, 35), slice(20, 44)


def eps_of() -> np.ndarray:
    eps_r = np.full((60, 64), 2.0736)
    eps_r[:, 27:37] = 12.11
    return eps_r


@pytest.fixture(scope="module")
def simulation() -> Simulation:
    return Simulation(eps_of(), 0.05, 1.55, "Hz", 10)


@pytest.fixture(scope="module")
def region(simulation: Simulation) -> Region:
    return Region(simulation, PORTS, X, Y)


@pytest.mark.parametrize("function", [lambda s: s[1, 0], lambda s: s.abs(), lambda s: 1.0, lambda s: torch.ones(())])
def test_an_objective_is_one_real_number_of_what_it_is_given(simulation: Simulation, function: object) -> None:
    with pytest.raises(InputError, match=r"(?s)the objective gave .*real tensor.*abs\(s\[1, 0\]\)"):
        simulation.gradient(OfScattering(PORTS, function))  # type: ignore[arg-type]


def test_a_port_that_is_not_there() -> None:
    with pytest.raises(InputError, match=r"(?s)unknown port 'outt'.*did you mean 'out'"):
        Transmission(PORTS, out="outt", into="in")


def test_a_permittivity_of_another_grid(simulation: Simulation, region: Region) -> None:
    for function, shape in ((Scattering(simulation, PORTS), r"\(60, 64\)"), (region, r"\(10, 24\)")):
        with pytest.raises(InputError, match=rf"(?s)shape \(3, 4\).*{shape}"):
            function(torch.ones(3, 4))


@pytest.mark.parametrize("value", [0.0, float("nan"), float("inf")])
def test_a_permittivity_that_is_none(simulation: Simulation, region: Region, value: float) -> None:
    wrong = torch.full((10, 24), value, dtype=torch.float64)
    with pytest.raises(InputError, match="zero or not finite"):
        region(wrong)
    whole = eps_of()
    whole[30, 30] = value
    with pytest.raises(InputError, match="zero or not finite"):
        Scattering(simulation, PORTS)(whole)


def test_components_that_do_not_fit_one_another(simulation: Simulation, region: Region) -> None:
    wrong = Permittivity(*(np.ones(shape) for shape in ((10, 24), (10, 24), (11, 24))))
    with pytest.raises(InputError, match=r"(?s)xx has shape \(10, 24\).*\(10, 25\)"):
        region(wrong)
    wrong = Permittivity(*(np.ones(shape) for shape in ((60, 64), (60, 65), (60, 64))))
    with pytest.raises(InputError, match=r"(?s)yy has shape \(60, 64\).*\(61, 64\)"):
        Scattering(simulation, PORTS)(wrong)


def test_a_guide_that_changes_at_a_port(simulation: Simulation) -> None:
    eps_r = eps_of()
    eps_r[:, 26] = 12.11
    with pytest.raises(InputError, match=r"(?s)at port in is not that of the simulation.*between the ports"):
        Scattering(simulation, PORTS)(eps_r)


def test_a_current_of_another_grid(simulation: Simulation) -> None:
    with pytest.raises(InputError, match=r"\(60, 64\)"):
        FieldOf(simulation, np.ones((3, 4)))


@pytest.mark.parametrize("x", [slice(15, 30), slice(20, 30), slice(21, 30), slice(30, 41)], ids=str)
def test_a_region_with_a_port_in_it_or_beside_it(simulation: Simulation, x: slice) -> None:
    with pytest.raises(InputError, match=r"(?s)port (in|out) lies in the region x = .* um.*move the port"):
        Region(simulation, PORTS, x, Y)


@pytest.mark.parametrize("x", [slice(0, 5), slice(50, 60), slice(30, 30), slice(25, 35, 2), slice(None)], ids=str)
def test_a_region_that_is_none(simulation: Simulation, x: slice) -> None:
    with pytest.raises(InputError, match=r"(?s)along x are no region.*from 1 to 59"):
        Region(simulation, PORTS, x, Y)


def test_a_region_of_a_grid_that_repeats_itself() -> None:
    periodic = Simulation(eps_of(), 0.05, 1.55, "Ez", (10, 0), bloch_rad=(None, 0.0))
    with pytest.raises(InputError, match=r"(?s)repeats itself.*use Scattering"):
        Region(periodic, PORTS, X, Y)


def test_surroundings_at_resonance(simulation: Simulation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lightloop.maxwell.gradients.region.ACCEPTED", 0.0)
    with pytest.raises(InputError, match=r"(?s)leaves .* of the right-hand side.*a cell larger or smaller"):
        Region(simulation, PORTS, X, Y)
    monkeypatch.setattr("lightloop.maxwell.solvers.surroundings.Pieces", _without_inverse)
    with pytest.raises(InputError, match=r"(?s)has no inverse.*a cell larger or smaller"):
        Region(simulation, PORTS, X, Y)


def _without_inverse(*_: object) -> None:
    raise np.linalg.LinAlgError
