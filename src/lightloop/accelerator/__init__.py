"""Architecture simulation of photonic AI accelerators: energy, latency, area and power of any network.

Example:
    >>> from lightloop import accelerator
    >>> m = accelerator.machine("lt-base", bits=4)
    >>> w = accelerator.workload("deit-tiny", tokens=197)
    >>> round(accelerator.simulate(m, w, mode="compat").energy_mj, 6)
    0.384301
"""

from __future__ import annotations

from lightloop.accelerator.compare import Comparison, compare
from lightloop.accelerator.describe import Description, describe
from lightloop.accelerator.machine import Machine, machine
from lightloop.accelerator.result import LayerCost, SimulationResult
from lightloop.accelerator.machine_file import preset_names as machine_names
from lightloop.accelerator.simulate import simulate
from lightloop.workload import workload, workload_from_torch, workload_names

__all__ = [
    "Comparison",
    "Description",
    "LayerCost",
    "Machine",
    "SimulationResult",
    "compare",
    "describe",
    "machine",
    "machine_names",
    "simulate",
    "workload",
    "workload_from_torch",
    "workload_names",
]
