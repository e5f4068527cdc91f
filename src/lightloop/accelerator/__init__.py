"""Architecture simulation of photonic AI accelerators: energy, latency, area and power of any network.

Example:
    >>> from lightloop import accelerator
    >>> m = accelerator.machine("lt-base", bits=4)
    >>> w = accelerator.workload("deit-tiny", tokens=197)
    >>> round(accelerator.simulate(m, w, mode="compat").energy_mj, 6)
    0.384301
"""

from __future__ import annotations

from lightloop.accelerator.chip import Chip
from lightloop.accelerator.compare import Comparison, compare
from lightloop.accelerator.describe import Description
from lightloop.accelerator.designs import evaluate
from lightloop.accelerator.engine import describe, link_budget, machine, simulate
from lightloop.accelerator.exploration import Exploration, explore
from lightloop.accelerator.ladder import Limits, limits
from lightloop.accelerator.layout import NodeLayout, node_layout
from lightloop.accelerator.machine import Machine
from lightloop.accelerator.machine_file import preset_names as machine_names
from lightloop.accelerator.quoted import QuotedFigure, quoted
from lightloop.accelerator.receiver import Receiver, receiver
from lightloop.accelerator.result import LayerCost, MemoryUse, SimulationResult
from lightloop.accelerator.uncertainty import Uncertainty, uncertainty
from lightloop.workload import workload, workload_from_torch, workload_names

__all__ = [
    "Chip",
    "Comparison",
    "Description",
    "Exploration",
    "LayerCost",
    "Limits",
    "Machine",
    "MemoryUse",
    "NodeLayout",
    "QuotedFigure",
    "Receiver",
    "SimulationResult",
    "Uncertainty",
    "compare",
    "describe",
    "evaluate",
    "explore",
    "limits",
    "link_budget",
    "machine",
    "machine_names",
    "node_layout",
    "quoted",
    "receiver",
    "simulate",
    "uncertainty",
    "workload",
    "workload_from_torch",
    "workload_names",
]
