"""How matrix products meet the cores: blocks, cycles, encodings, detections, conversions.

A product (m, k) @ (k, n) is cut into blocks of height x wavelengths x width, one per clock and core:

    i_m = ceil(m / height),  i_k = ceil(k / wavelengths),  i_n = ceil(n / width)

Products are taken all at once, and so are designs: every name below is an array of shape (products,), or
(designs, products) where the machine's quantities are arrays of shape (designs, 1).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lightloop.accelerator.formulas import amounts, formula
from lightloop.accelerator.machine import Machine
from lightloop.accelerator.memory import Traffic, memory_time_s, reference_traffic, traffic
from lightloop.accelerator.modes import Mode
from lightloop.workload.products import MatrixProduct


@dataclass(frozen=True)
class Mapped:
    """Products on a machine.

    Args:
        events: Name -> array: what the machine's energy formulas count, for one repeat.
        compute_cycles: Clock cycles of the optics.
        programming_s: Seconds spent on setting stationary operands.
        memory_s: Seconds to bring the operands in.
        traffic: Numbers that pass between the chip and its memory.
    """

    events: dict[str, Any]
    compute_cycles: np.ndarray
    programming_s: np.ndarray
    memory_s: np.ndarray
    traffic: Traffic


def map_products(
    machine: Machine, products: Sequence[MatrixProduct], mode: Mode, *, cache_read_share: float = 1.0
) -> Mapped:
    """Count what `products` make `machine` do, each product once (not yet times its repeats).

    Args:
        machine: The machine.
        products: The products.
        mode: Rules of the simulation.
        cache_read_share: Share of the cached operands that comes from memory.
    """
    rules = machine.file.mapping
    q = machine.quantities
    columns = np.array([(p.m, p.k, p.n, p.heads, p.dynamic, *_sides(p)) for p in products], dtype=float)
    m, k, n, heads, dynamic, left_positive, right_positive = columns.T
    passes = np.ones_like(m)
    if rules.positive_stream:
        # The right operand streams. If only the left one is free of negative numbers, and it is no weight, the
        # product is run transposed.
        swap = dynamic * left_positive
        m, n = np.where(swap, n, m), np.where(swap, m, n)
        passes = np.where(right_positive + swap > 0, 1.0, 2.0)
    i_m, i_k, i_n = np.ceil(m / q["height"]), np.ceil(k / q["wavelengths"]), np.ceil(n / q["width"])
    events: dict[str, Any] = {
        **q, "m": m, "k": k, "n": n, "heads": heads, "dynamic": dynamic, "static": 1 - dynamic,
        "passes": passes, "i_m": i_m, "i_k": i_k, "i_n": i_n, "blocks": heads * i_m * i_k * i_n,
        "repriced": _repriced(machine, dynamic, mode), "exact": float(not mode.as_reference),
        "convolution": np.array([product.kind == "convolution" for product in products], dtype=float),
    }  # fmt: skip
    with np.errstate(all="ignore"):  # what comes of it is checked where it is an amount
        for name, text in machine.file.events.items():
            events[name] = formula(text)(events, f"events.{name}")
    programming = amounts({"programming time": rules.program_time}, events, "the")["programming time"]
    cycles, settings = _packed(events, flat=mode.flat_packing or not rules.wired)
    moved = reference_traffic(events) if mode.as_reference else traffic(events, products, cache_read_share)
    events["hbm_elements"] = moved.total
    return Mapped(
        events,
        compute_cycles=cycles * passes,
        programming_s=settings * programming,
        memory_s=_reference_memory_s(machine, events) if mode.as_reference else memory_time_s(events, moved.total),
        traffic=moved,
    )


def _reference_memory_s(machine: Machine, events: dict[str, Any]) -> np.ndarray:
    stalls = machine.file.reference.memory_stalls
    formulas = {"memory cycles": machine.file.latency.reference_memory_cycles}
    cycles = amounts(formulas, events, "the")["memory cycles"] + np.zeros_like(events["m"])
    return cycles * stalls / machine.quantities["sram.clock"]


def _sides(product: MatrixProduct) -> tuple[bool, bool]:
    return product.nonnegative == "left", product.nonnegative == "right"


def _packed(e: dict[str, Any], *, flat: bool) -> tuple[np.ndarray, np.ndarray]:
    """Cycles over all cores, and how often a core's stationary block is set."""
    if flat:
        cores = e["tiles"] * e["cores_per_tile"]
        return np.ceil(e["blocks"] / cores), np.ceil(e["heads"] * e["i_m"] * e["i_k"] / cores)
    # Tiles share the right operand and so split m; the cores of a tile add their currents and so split k.
    settings = e["heads"] * np.ceil(e["i_m"] / e["tiles"]) * np.ceil(e["i_k"] / e["cores_per_tile"])
    return settings * e["i_n"], settings


def _repriced(machine: Machine, dynamic: np.ndarray, mode: Mode) -> np.ndarray:
    """The reference multiplies the buffer energy of attention operands, in millijoules, by itself once more."""
    if not mode.attention_buffer_repriced:
        return np.ones_like(dynamic)
    return np.where(dynamic > 0, machine.quantities["global_buffer.energy"] * 1e3, 1.0)
