"""Maxwell's equations in two dimensions: fields, modes, scattering of photonic devices, exact on the grid.

Example:
    >>> import numpy as np
    >>> from lightloop.maxwell import Port, Simulation
    >>> eps_r = np.full((120, 80), 2.0736)
    >>> eps_r[:, 35:45] = 12.11
    >>> ends = [Port("in", "x", 1.5, 2.0, 2.4, "+"), Port("out", "x", 4.5, 2.0, 2.4, "-")]
    >>> s = Simulation(eps_r, dl_um=0.05, wavelength_um=1.55).smatrix(ends)
    >>> round(float(abs(s.values[1, 0])), 3)
    1.0
"""

from __future__ import annotations

from lightloop.lazy import on_demand
from lightloop.maxwell.convergence import Convergence, converge, converge_modes
from lightloop.maxwell.cross_section import Modes, cross_section
from lightloop.maxwell.fields import Fields
from lightloop.maxwell.permittivity import Permittivity
from lightloop.maxwell.ports import Port
from lightloop.maxwell.scattering import PortPowers, SMatrix, Spectrum, spectrum
from lightloop.maxwell.simulation import Simulation

# What needs torch, pydantic, or time to import, or is needed seldom; and the module of each.
_LATER = {
    "DEVICES": "devices",
    "CouplerResponse": "coupler.response",
    "Device": "geometry.device",
    "InFilm": "geometry.effective_index",
    "OfField": "gradients.objectives",
    "OfScattering": "gradients.objectives",
    "Region": "gradients.region",
    "Scattering": "gradients.adjoint",
    "Shape": "geometry.shapes",
    "SweepResult": "sweeps.result",
    "Transmission": "gradients.objectives",
    "load_device_file": "geometry.device_file",
    "read_gds": "geometry.gds",
    "sweep": "sweeps.sweep",
    "write_gds": "geometry.gds",
}

__all__ = [
    "Convergence",
    "Fields",
    "Modes",
    "Permittivity",
    "Port",
    "PortPowers",
    "SMatrix",
    "Simulation",
    "Spectrum",
    "converge",
    "converge_modes",
    "cross_section",
    "spectrum",
    *_LATER,
]

__getattr__, __dir__ = on_demand(__name__, _LATER, __all__)
