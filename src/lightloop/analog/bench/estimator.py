"""Pass@k: the chance that at least one of k trials passes."""

from __future__ import annotations

from math import comb

from lightloop.errors import InputError


def pass_at_k(n: int, c: int, k: int) -> float | None:
    """Unbiased estimate of Pass@k from n trials of which c passed, 1 - C(n - c, k) / C(n, k).

    Source: Chen et al., "Evaluating large language models trained on code", arXiv 2107.03374 (2021), equation 1.

    Args:
        n: Trials.
        c: Those that passed.
        k: Trials that one may choose from.

    Returns:
        The estimate; None where fewer than k trials were made.

    Raises:
        InputError: The counts contradict each other.
    """
    if n < 0 or k < 1 or not 0 <= c <= n:
        raise InputError(f"pass@{k} of {c} passes in {n} trials", allowed=["0 <= passes <= trials", "k >= 1"])
    if n < k:
        return None
    return (comb(n, k) - comb(n - c, k)) / comb(n, k)
