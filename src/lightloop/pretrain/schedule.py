"""The learning rate over a run: a straight rise, then half a cosine."""

from __future__ import annotations

import math


def rate_factor(step: int, *, steps: int, warmup_fraction: float, min_fraction: float) -> float:
    """The learning rate of a step as a fraction of its peak.

    It rises in a straight line to 1 over the first steps, and falls as a cosine to `min_fraction` at the last
    step (Loshchilov & Hutter, arXiv 1608.03983).

    Args:
        step: The step, 0 for the first.
        steps: Length of the run.
        warmup_fraction: Part of the run spent rising.
        min_fraction: Where the cosine ends.
    """
    warmup = round(steps * warmup_fraction)
    if step < warmup:
        return (step + 1) / warmup
    progress = (step + 1 - warmup) / max(steps - warmup, 1)
    return min_fraction + (1 - min_fraction) * (1 + math.cos(math.pi * progress)) / 2
