"""What must come from off-chip memory, and what passes the global buffer.

Weights come once; where several runs of a layer share one set that fits on the chip, once for all of them. An
activation that is larger than the global buffer is written to memory by the product that makes it and read by each
product that uses it. A weight product whose input does not fit is cut, and either its weights or its input come once
for each cut, whichever is less. Attention scores are used up head by head, so that they leave the chip only if one
head's do not fit. Keys and values of a cache come from memory, but for those that this run has just made; those go to
the cache once.

What element-wise work reads and writes is not counted: it takes results as they come, and hands them on.

The published simulator knows the weights only (modes compat and fixed).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
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
    e, of = events, _flags(products)
    capacity = capacity_bytes(e) / (e["bits"] / 8)
    static, heads = e["static"], e["heads"]
    # As the network has them: a machine that streams positive numbers may turn a product round in its events.
    m, k, n = np.array([(product.m, product.k, product.n) for product in products], dtype=float).T
    left, right, outputs = m * k, k * n, m * n
    inputs = np.where(np.isnan(of["stored_right"]), heads * right, of["stored_right"])
    weights, weight_reads, input_reads = _cut(e["operand_1"], inputs, capacity)
    shared = np.where(weights <= capacity, of["weight_share"], 1.0)
    operand_reads = _spilled(left, heads, capacity, of["left_by_head"]) * (1 - of["cached_left"])
    operand_reads += _spilled(right, heads, capacity, of["right_by_head"]) * (1 - of["cached_right"])
    writes = np.maximum(_spilled(outputs, heads, capacity, of["out_by_head"]) - of["to_cache"], 0.0)
    return Traffic(
        weights=static * weight_reads * shared,
        cache=(1 - static) * heads * (of["cached_left"] * left + of["cached_right"] * right) * read_share,
        spilled=np.where(static > 0, input_reads, operand_reads) + writes,
    )


def _flags(products: Sequence[MatrixProduct]) -> dict[str, np.ndarray]:
    """What decides of each product's traffic beside its sizes, arrays of shape (products,)."""
    hands_on = [_hands_on(one, other) for one, other in pairwise(products)]  # to which operand of the next one
    given = [None, *hands_on]
    columns = {
        "cached_left": [product.cached == "left" for product in products],
        "cached_right": [product.cached == "right" for product in products],
        "left_by_head": [side == "left" for side in given],
        "right_by_head": [side == "right" for side in given],
        "out_by_head": [*(side is not None for side in hands_on), False],
        "to_cache": [product.to_cache for product in products],
        "stored_right": [np.nan if p.stored_right is None else p.stored_right for p in products],
        "weight_share": [1.0 if p.weight_sets is None else p.weight_sets / p.repeat for p in products],
    }
    return {name: np.array(values, dtype=float) for name, values in columns.items()}


def _hands_on(one: MatrixProduct, other: MatrixProduct) -> str | None:
    """The operand of `other` that the output of `one` becomes head by head, as scores become those of the values."""
    if not (one.dynamic and other.dynamic and one.heads == other.heads):
        return None
    if one.m * one.n == other.m * other.k and other.nonnegative != "right":
        return "left"
    return "right" if one.m * one.n == other.k * other.n else None


def _cut(weights: Any, inputs: Any, capacity: Any) -> tuple[Any, Any, Any]:
    """Weights, and how many of them and of the inputs come, when inputs that do not fit cut a product."""
    fits = inputs <= capacity
    again = (weights * np.ceil(inputs / capacity), inputs * np.ceil(weights / capacity))
    by_weights = again[0] + inputs <= weights + again[1]
    weight_reads = np.where(fits | ~by_weights, weights, again[0])
    input_reads = np.where(fits, 0.0, np.where(by_weights, inputs, again[1]))
    return weights, weight_reads, input_reads


def _spilled(one_head: Any, heads: Any, capacity: Any, by_head: np.ndarray) -> Any:
    """Numbers of a tensor that does not fit: as a whole, or head by head where it is used up so."""
    held_at_once = np.where(by_head > 0, one_head, heads * one_head)
    return np.where(held_at_once > capacity, heads * one_head, 0.0)


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
