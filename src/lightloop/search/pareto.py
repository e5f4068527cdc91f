"""The designs that no other design beats.

A million designs are thinned first: those that dominate most of a sample strike out what they dominate of the whole,
sample after sample, while that pays. What is left is sorted, and divided and conquered (Kung, Luccio and Preparata,
J. ACM 22, 469 (1975)): n log^(d-1) n steps for d objectives, however the designs lie.

A million designs that scatter, or whose costs rise together, take half a second on one core, up to five objectives.
The worst case is a million designs of which none is beaten: less than a second for two objectives, six seconds for
three; with 130,000 on the front of four objectives, eight.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from lightloop.errors import InputError

BRUTE_FORCE_PAIRS = 1 << 14  # comparing all of so few pairs at once is faster than dividing them further
BLOCK = 1 << 7
SAMPLE = 1 << 9
THINNING_FROM = 1 << 12
WORTH_STRIKING = 0.02  # share of all designs that one design must dominate to be held against all of them


def pareto_front(costs: ArrayLike) -> list[int]:
    """Indices of the designs that are not dominated, in the order of their first cost.

    Design a dominates b if a is nowhere worse and somewhere better. Of equal designs the first one stays.

    Args:
        costs: Costs to be made small, shape (designs, objectives). Designs with a NaN among them are left out.

    Raises:
        InputError: `costs` is not a table.
    """
    costs_do = np.asarray(costs, dtype=float)
    if costs_do.size == 0:
        return []
    if costs_do.ndim != 2:
        raise InputError(f"costs must have the shape (designs, objectives), got {costs_do.shape}")
    known = np.flatnonzero(~np.isnan(costs_do).any(axis=1))
    if not len(known):
        return []
    rows = known[_thinned(costs_do if known.size == len(costs_do) else costs_do[known])]
    rows = rows[np.lexsort(costs_do[rows].T[::-1])]
    sorted_do = costs_do[rows]
    first = np.ones(len(rows), dtype=bool)
    first[1:] = (sorted_do[1:] != sorted_do[:-1]).any(axis=1)
    # Among different designs in this order none is dominated by a later one, and the first cost need not be looked at.
    rows, rest_dq = rows[first], sorted_do[first, 1:]
    return rows[_front(rest_dq)].tolist()  # type: ignore[no-any-return]


def _thinned(costs_do: np.ndarray) -> np.ndarray:
    """Indices of designs among which the whole front is."""
    alive, costs_od = np.arange(len(costs_do)), np.ascontiguousarray(costs_do.T)
    while len(alive) >= THINNING_FROM:
        strikers_so = _strikers(costs_od[:, :: len(alive) // SAMPLE].T)
        if not len(strikers_so):
            break
        for striker_o in strikers_so:
            left = ~_dominated(costs_od, striker_o)
            alive, costs_od = alive[left], costs_od[:, left]
    return alive


def _strikers(sample_so: np.ndarray) -> np.ndarray:
    """The few designs of a sample that together dominate most of it, the best one first, shape (chosen, objectives)."""
    dominates_ss = np.stack([_dominated(sample_so.T, design_o) for design_o in sample_so])
    left = np.ones(len(sample_so), dtype=bool)
    chosen: list[int] = []
    while True:
        gains = np.count_nonzero(dominates_ss[:, left], axis=1)
        best = int(np.argmax(gains))
        if gains[best] < WORTH_STRIKING * len(sample_so):
            return sample_so[chosen]
        chosen.append(best)
        left &= ~dominates_ss[best]


def _dominated(costs_od: np.ndarray, by_o: np.ndarray) -> np.ndarray:
    """Which designs `by_o` dominates, shape (designs,)."""
    never_better = costs_od[0] >= by_o[0]
    for costs_d, by in zip(costs_od[1:], by_o[1:], strict=True):
        never_better &= costs_d >= by
    rows = np.flatnonzero(never_better)
    never_better[rows] = (costs_od[:, rows] > by_o[:, None]).any(axis=0)
    return never_better


def _front(points_dq: np.ndarray) -> np.ndarray:
    """Indices of the points that no earlier point meets or beats in every cost."""
    points, costs = points_dq.shape
    if costs == 0:
        return np.arange(min(points, 1))
    if costs == 1:
        least = np.minimum.accumulate(points_dq[:, 0])
        return np.flatnonzero(np.concatenate([[True], points_dq[1:, 0] < least[:-1]]))
    if points <= BLOCK:
        beaten = np.triu((points_dq[:, None] <= points_dq[None]).all(axis=2), k=1).any(axis=0)
        return np.flatnonzero(~beaten)
    left = _front(points_dq[: points // 2])
    right = _front(points_dq[points // 2 :]) + points // 2
    return np.concatenate([left, right[~_beaten(points_dq[left], points_dq[right])]])


def _beaten(by_pq: np.ndarray, points_rq: np.ndarray) -> np.ndarray:
    """Which points some point of `by_pq` meets or beats in every cost, shape (points,)."""
    if not len(by_pq) or not len(points_rq):
        return np.zeros(len(points_rq), dtype=bool)
    costs = by_pq.shape[1]
    if costs == 1:
        return np.asarray(by_pq[:, 0].min() <= points_rq[:, 0])
    if costs == 2:
        return _beaten_in_the_plane(by_pq, points_rq)
    if len(by_pq) * len(points_rq) <= BRUTE_FORCE_PAIRS:
        return _beaten_by_brute_force(by_pq, points_rq)
    return _beaten_by_halves(by_pq, points_rq)


def _beaten_in_the_plane(by_p2: np.ndarray, points_r2: np.ndarray) -> np.ndarray:
    """The least second cost among all whose first cost is no larger, against the point's own."""
    order = np.argsort(by_p2[:, 0])
    least = np.concatenate([[np.inf], np.minimum.accumulate(by_p2[order, 1])])
    below = np.searchsorted(by_p2[order, 0], points_r2[:, 0], side="right")
    return np.asarray((below > 0) & (least[below] <= points_r2[:, 1]))


def _beaten_by_brute_force(by_pq: np.ndarray, points_rq: np.ndarray) -> np.ndarray:
    meets = by_pq[:, None, 0] <= points_rq[None, :, 0]
    for by_p, points_r in zip(by_pq.T[1:], points_rq.T[1:], strict=True):
        meets &= by_p[:, None] <= points_r[None]
    return np.asarray(meets.any(axis=0))


def _beaten_by_halves(by_pq: np.ndarray, points_rq: np.ndarray) -> np.ndarray:
    """Split both sides at the median of the first cost; from low to high that cost is settled and drops out."""
    by_p, points_r = by_pq[:, 0], points_rq[:, 0]
    middle = np.partition(by_p, len(by_p) // 2)[len(by_p) // 2]
    beaten = np.zeros(len(points_rq), dtype=bool)
    from_middle = np.flatnonzero(points_r >= middle)
    beaten[from_middle] = _beaten(by_pq[by_p <= middle, 1:], points_rq[from_middle, 1:])
    below = np.flatnonzero(points_r < middle)
    beaten[below] = _beaten(by_pq[by_p < middle], points_rq[below])
    above = np.flatnonzero((points_r > middle) & ~beaten)
    beaten[above] = _beaten(by_pq[by_p > middle], points_rq[above])
    return beaten
