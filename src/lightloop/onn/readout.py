"""Noise of the receiver behind a dot-product core: photons, electrons, and a converter set to a layer's range.

Shapes: `t` rows of the first operand, `o` rows of the second, `k` the summed axis, `r` readouts, `p` products of one.

A product of length k is read out in R = ceil(k / p) pieces, each converted and then added digitally. In field units
(amplitudes in [−1, 1]) each piece adds thermal and converter noise, each scalar product the shot noise of its light:

    Var = Σ_k (x_k² + w_k²) / (2 n)  +  R (σ_e / n)²  +  R v · mean(readout²)

n photons per product at full scale, σ_e electrons of noise per readout, v the converter's relative variance. The mean
is that of the layer's own readouts, as a gain that is set once per layer would have it; it is taken on a fixed sample
of rows. A last, shorter readout counts as a whole one. Amplitudes are put on a scale of the row's largest, so the light
of a row is what its data ask for and no more.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import pad

from lightloop.optics.noise import Noise

# Rows, and entries of each batch axis, that the converter's range is measured on. 1024 outputs of a layer tell the
# mean square of its readouts to some percent.
SAMPLE_ROWS = 32
SAMPLE_BATCH = 4


def readout_variance(noise: Noise, x_tk: Tensor, w_ok: Tensor) -> Tensor:
    """Variance in field units of one output by thermal and converter noise, the same for all outputs; 0-dimensional.

    Args:
        noise: The noise.
        x_tk: A sample of the first operand as field amplitudes, shape `(..., t, k)`.
        w_ok: A sample of the second operand as field amplitudes, shape `(..., o, k)`.
    """
    readouts = -(-x_tk.shape[-1] // noise.readout_products)
    variance = x_tk.new_tensor(noise.thermal_variance())
    if noise.adc_variance():
        variance = variance + noise.adc_variance() * mean_square_readout(x_tk, w_ok, noise.readout_products)
    return readouts * variance


@torch.no_grad()
def mean_square_readout(x_tk: Tensor, w_ok: Tensor, products: int) -> Tensor:
    """Mean square of the partial sums over `products` elements of all outputs; 0-dimensional."""
    x_trp, w_orp = (_in_readouts(item, products) for item in (x_tk, w_ok))
    return torch.einsum("...trp,...orp->...tor", x_trp, w_orp).square().mean()


def sample_rows(x_tk: Tensor) -> Tensor:
    """Evenly spaced rows and batch entries of an operand or of its scales, shape `(..., t, any)`.

    Axes that broadcast have length 1 and stay; equal ones thin out alike, so that two operands still fit.
    """
    limits = [SAMPLE_BATCH] * (x_tk.dim() - 2) + [SAMPLE_ROWS]
    return x_tk[tuple(slice(None, None, -(-size // limit)) for size, limit in zip(x_tk.shape, limits, strict=False))]


def _in_readouts(x_tk: Tensor, products: int) -> Tensor:
    length = x_tk.shape[-1]
    products = min(products, length)
    return pad(x_tk, (0, -length % products)).unflatten(-1, (-1, products))
