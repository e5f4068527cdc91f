"""What a list of products costs on a machine, or on many designs of it at once.

Every array has the shape (products,), or (designs, products) for a machine whose quantities are (designs, 1).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from lightloop.accelerator.formulas import amounts
from lightloop.accelerator.machine import Machine
from lightloop.accelerator.mapping import Mapped, map_products
from lightloop.accelerator.memory import cache_read_share
from lightloop.accelerator.modes import Mode
from lightloop.accelerator.vector import VectorCost, vector_cost
from lightloop.errors import InputError
from lightloop.workload.products import MatrixProduct, Workload


@dataclass(frozen=True)
class Price:
    """Energy and time of a workload before they are laid out in time.

    Args:
        products: The products that run.
        skipped: Those that the mode leaves out on this machine.
        repeats: How often each product runs, shape (products,).
        mapped: What one repeat of each makes the machine do.
        energy_j: Component -> energy of all repeats.
        compute_s: Time of the optics, setting included, of all repeats.
        memory_s: Time of the memory, of all repeats.
        cache_write_j: Energy of writing new keys and values to memory.
        cache_write_s: Its time.
        vector: Cost of the element-wise work.
    """

    products: tuple[MatrixProduct, ...]
    skipped: tuple[MatrixProduct, ...]
    repeats: np.ndarray
    mapped: Mapped
    energy_j: dict[str, Any]
    compute_s: Any
    memory_s: Any
    cache_write_j: Any
    cache_write_s: Any
    vector: VectorCost


def price(machine: Machine, workload: Workload, mode: Mode) -> Price:
    """Energy and time of `workload` on `machine`.

    Raises:
        InputError: Nothing of the workload runs on this machine, or a formula of the machine gives no amount.
    """
    products, skipped = _runnable(machine, workload, mode)
    mapped = map_products(machine, products, mode, cache_read_share=cache_read_share(workload))
    repeats = np.array([product.repeat for product in products], dtype=float)
    energy = amounts(machine.file.energy, mapped.events, "energy of")
    q = machine.quantities
    written = 0 if mode.as_reference else workload.cache_written
    return Price(
        products=tuple(products),
        skipped=tuple(skipped),
        repeats=repeats,
        mapped=mapped,
        energy_j={part: joules * repeats for part, joules in energy.items()},
        compute_s=(mapped.compute_cycles / q["clock"] + mapped.programming_s) * repeats,
        memory_s=mapped.memory_s * repeats,
        cache_write_j=written * q["bits"] / 16 * q["hbm.energy"],
        cache_write_s=written * q["bits"] / 8 / q["hbm.bandwidth"],
        vector=vector_cost(machine, workload.vector_work, mode),
    )


def overlapped_s(cost: Price) -> Any:
    """Time when optics, memory and element-wise work overlap perfectly: that of the busiest of them."""
    compute = np.sum(cost.compute_s, axis=-1, keepdims=True)
    memory = np.sum(cost.memory_s, axis=-1, keepdims=True) + cost.cache_write_s
    return np.maximum(np.maximum(compute, memory), cost.vector.time_s)


def charges_j(machine: Machine, cost: Price, latency_s: Any) -> dict[str, Any]:
    """Energy of the powers beside the work that were asked for (`charge.NAME`), over `latency_s`."""
    asked = {name: charge for name, charge in machine.file.charge.items() if np.any(_factor(machine, name))}
    compute = np.sum(cost.compute_s, axis=-1, keepdims=True)
    programming = np.sum(cost.mapped.programming_s * cost.repeats, axis=-1, keepdims=True)
    working = compute - programming
    spans = {"on": latency_s, "computing": working, "waiting": np.maximum(latency_s - working, 0.0)}
    powers = amounts({name: charge.power for name, charge in asked.items()}, machine.quantities, "charge of")
    return {name: powers[name] * spans[charge.while_] * _factor(machine, name) for name, charge in asked.items()}


def _factor(machine: Machine, name: str) -> Any:
    return machine.quantities[f"charge.{name}"]


def _runnable(machine: Machine, workload: Workload, mode: Mode) -> tuple[list[MatrixProduct], list[MatrixProduct]]:
    """The products that run, and those that cannot run on this machine, or that the reference leaves out."""
    file = machine.file
    leave_out = file.mapping.weights_only or (mode.as_reference and not file.reference.dynamic_products)
    skipped = [product for product in workload.products if leave_out and product.dynamic]
    products = [product for product in workload.products if product not in skipped]
    if not products:
        raise InputError(
            f"nothing of {workload.name} runs on {machine.name} in mode {mode.name}",
            hint="its core holds trained weights only"
            if file.mapping.weights_only
            else "mode strict runs every product on this machine",
        )
    return products, skipped
