"""What must come from off-chip memory, and what passes the global buffer.

Weights come once. An activation that is larger than the global buffer goes out to memory and comes back; a weight
product whose activations do not fit is cut, and either its weights or its activations come once for each cut,
whichever is less. Attention runs one head after the other, its scores staying on the chip if one head's fit. Keys
and values in a cache come from memory, but for those that this run has just made.

The published simulator knows the weights only (modes compat and fixed).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lightloop.workload.products import MatrixProduct, Workload


@dataclass(frozen=True)
class Traffic:
    """Numbers that pass between the chip and its memory in one repeat, arrays of shape (..., products).

    Args:
        weights: Weights, each time that they come.
        cache: Keys and values that are read.
        spilled: Activations that are written or read for want of room.
    """

    weights: Any
    cache: Any
    spilled: Any

    @property
    def total(self) -> Any:
        """All of them."""
        return self.weights + self.cache + self.spilled


def cache_read_share(workload: Workload) -> float:
    """Share of the cached operands that was there before this run."""
    if not workload.cache_elements:
        return 1.0
    return 1 - workload.cache_written / workload.cache_elements


def reference_traffic(events: dict[str, Any]) -> Traffic:
    """Weights once and nothing else."""
    zero = np.zeros_like(events["m"])
    return Traffic(events["static"] * events["operand_1"] + zero, zero, zero)


def traffic(events: dict[str, Any], products: Sequence[MatrixProduct], read_share: float) -> Traffic:
    """Traffic of `products`, whose `events` have been counted. Arrays of shape (..., products)."""
    e = events
    capacity = capacity_bytes(e) / (e["bits"] / 8)
    static, heads = e["static"], e["heads"]
    cached_left = np.array([product.cached == "left" for product in products], dtype=float)
    cached_right = np.array([product.cached == "right" for product in products], dtype=float)
    left, right, outputs = e["m"] * e["k"], e["k"] * e["n"], e["m"] * e["n"]
    stored = np.array([np.nan if p.stored_right is None else p.stored_right for p in products], dtype=float)
    inputs = np.where(np.isnan(stored), heads * right, stored)
    weights = e["operand_1"]
    fits = inputs <= capacity
    weights_again = weights * np.ceil(inputs / capacity) + inputs
    inputs_again = weights + inputs * np.ceil(weights / capacity)
    by_weights = weights_again <= inputs_again
    weight_reads = np.where(fits | ~by_weights, weights, weights_again - inputs)
    input_reads = np.where(fits, 0.0, np.where(by_weights, inputs, inputs_again - weights))
    head = heads * (
        np.where(left > capacity, left, 0.0) * (1 - cached_left)
        + np.where(right > capacity, right, 0.0) * (1 - cached_right)
        + np.where(outputs > capacity, outputs, 0.0)
    )
    output_writes = np.where(heads * outputs > capacity, heads * outputs, 0.0)
    return Traffic(
        weights=static * weight_reads,
        cache=(1 - static) * heads * (cached_left * left + cached_right * right) * read_share,
        spilled=np.where(static > 0, input_reads + output_writes, head),
    )


def capacity_bytes(quantities: dict[str, Any]) -> Any:
    """Bytes of the global buffers of all tiles."""
    q = quantities
    return q["global_buffer.size"] * np.maximum(q["tiles"] / q["global_buffer.tiles_served"], 1)


def memory_time_s(events: dict[str, Any], hbm_elements: Any) -> Any:
    """Time of the slower of off-chip memory and global buffer, in whole cycles of the SRAM clock."""
    e = events
    off_chip_s = hbm_elements * e["bits"] / 8 / e["hbm.bandwidth"]
    buffer_s = buffer_elements(e) * e["bits"] / 8 / e["global_buffer.bandwidth"]
    return np.ceil(np.maximum(off_chip_s, buffer_s) * e["sram.clock"]) / e["sram.clock"]


def buffer_elements(events: dict[str, Any]) -> Any:
    """Numbers that pass the global buffer: operands to the converters, weights in, results out and back."""
    e = events
    results = e["outputs"] if "outputs" in e else e["heads"] * e["m"] * e["n"]
    return results + e["operand_1"] + e["encodings_2"] + e["static"] * e["operand_1"]
