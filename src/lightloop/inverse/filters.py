"""The filter that gives a pattern its length scale: a cone of radius R (Bruns and Tortorelli 2001).

(x * k)(r) = Σ k(r − r') x(r') / Σ k(r − r'),   k(r) = max(0, 1 − |r|/R)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor


def cone(radius: float) -> Tensor:
    """k of a radius in cells, with Σ k = 1; shape (2 n + 1, 2 n + 1)."""
    import torch

    reach = int(np.ceil(radius)) - 1
    places = np.arange(-reach, reach + 1)
    k = np.maximum(0.0, 1.0 - np.hypot(places[:, None], places) / radius)
    return torch.from_numpy(k / k.sum())


def filtered(x: Tensor, kernel: Tensor) -> Tensor:
    """x * k, shape (nx, ny); x is (nx + 2 n, ny + 2 n), the outer n what lies beside."""
    import torch

    return torch.nn.functional.conv2d(x[None, None], kernel[None, None])[0, 0]
