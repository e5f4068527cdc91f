"""The dynamic dot-product core (DPTC of Lightening-Transformer, HPCA 2024): both operands are light.

Shapes: `t` rows of the first operand, `o` rows of the second, `k` the summed axis; leading batch axes broadcast.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lightloop.errors import InputError
from lightloop.onn.quantize import check_quantizer, full_scale, quantize, to_field
from lightloop.onn.readout import readout_variance, sample_rows
from lightloop.onn.tiles import in_tiles
from lightloop.optics.coupler import coupling_imbalance
from lightloop.optics.dot_product import phase_moments
from lightloop.optics.noise import NoiseDraws, active_noise


@dataclass(frozen=True)
class DotCore:
    """A crossbar of optical dot products over a WDM comb, computed as its field equations say.

    For each output, with field amplitudes x, w in [−1, 1], noise ξ ~ N(0, 1) and phase error δ ~ N(0, s):

        x̂ = Q(x)(1 + σ_m ξ),  ŵ = Q(w)(1 + σ_m ξ)                 one draw per encoded element
        p = Σ_k [ √(1 − e_k²) cos(δ) x̂_k ŵ_k − (e_k/2)(x̂_k² − ŵ_k²) ]
        y = s_x s_w (p (1 + σ_o ξ) + r ξ)                          detected, then rescaled digitally

    e_k is the imbalance of the coupler at wavelength k mod `wavelengths`: a fixed property of the core, there
    with and without noise. r is the noise of the receiver, none unless `Noise` gives its light or its converter
    (`lightloop.onn.readout`). The noises act only inside `with Noise(...).sample(seed):`.

    Approximation: δ is independent for each of the t·o·k scalar products. Instead of drawing them all, each detected
    value is one Gaussian draw with the exact mean and variance of the sum over k and of the output noise on top of
    it. Only the shape of the distribution differs (k equal products have skewness −√(8/k) about their mean), within a
    spread of (1 − e^{−s²})/√2 · √Σp², 0.09 % of √Σp² at 2 degrees.

    Left out, as in the source: crosstalk, drift, and the phase drift over the comb (0.14 degrees at 12 wavelengths,
    3e-6 of the product). Rounding by the converter is noise of the same variance here.

    Args:
        bits: Bits of the operand DACs, 2 to 16; None for ideal DACs.
        wavelengths: Wavelengths of the comb; the summed axis is dealt out over them in turn.
        spacing_nm: Spacing of the comb.
        dispersion: Whether the coupler's splitting follows the wavelength.
        scaling: "vector" (each row to full swing) or "tensor".

    Raises:
        InputError: A value is out of range.
    """

    bits: int | None = 8
    wavelengths: int = 12
    spacing_nm: float = 0.4
    dispersion: bool = True
    scaling: str = "vector"

    def __post_init__(self) -> None:
        check_quantizer(self.bits, self.scaling)
        _ = self.imbalance  # computed now, so that a comb out of range is an error here

    @cached_property
    def imbalance(self) -> NDArray[np.float64]:
        """e = 2κ − 1 on each wavelength of the comb, shape `(wavelengths,)`."""
        return coupling_imbalance(self.wavelengths, self.spacing_nm)

    def product(self, x_tk: Tensor, w_ok: Tensor) -> Tensor:
        """All dot products of rows of `x_tk` with rows of `w_ok`.

        Args:
            x_tk: First operand, shape `(..., t, k)`.
            w_ok: Second operand, shape `(..., o, k)`.

        Returns:
            Shape `(..., t, o)`, in the dtype of the operands (half precision is computed in float32).

        Raises:
            InputError: The lengths k differ, or the operands are not real.
        """
        if x_tk.shape[-1] != w_ok.shape[-1]:
            raise InputError(
                f"dot products of length {x_tk.shape[-1]} and {w_ok.shape[-1]} do not fit "
                f"(operands {tuple(x_tk.shape)} and {tuple(w_ok.shape)})",
                hint="the last axis of both operands is the one that is summed",
            )
        dtype = torch.promote_types(x_tk.dtype, w_ok.dtype)
        if not dtype.is_floating_point:
            raise InputError(f"light carries real amplitudes, got operands of {dtype}", hint="convert them to float")
        if 0 in x_tk.shape or 0 in w_ok.shape:
            return x_tk @ w_ok.mT
        working = torch.promote_types(dtype, torch.float32)
        with torch.autocast(x_tk.device.type, enabled=False):
            return self._product(x_tk.to(working), w_ok.to(working)).to(dtype)

    def _product(self, x_tk: Tensor, w_ok: Tensor) -> Tensor:
        draws = active_noise()
        detector_draws = _draws_of_detector(draws)
        x_scale_t1, w_scale_o1 = full_scale(x_tk, self.scaling), full_scale(w_ok, self.scaling)
        e_k = self._imbalance_along(w_ok) if self.dispersion else None
        added = self._readout_variance(draws, (x_tk, x_scale_t1), (w_ok, w_scale_o1))
        first = partial(self._first, e_k=e_k, draws=draws)
        second = partial(self._second, e_k=e_k, draws=draws, added=added)
        detect = partial(_draw, draws=detector_draws) if detector_draws else _mean
        return in_tiles(first, second, detect, (x_tk, x_scale_t1), (w_ok, w_scale_o1))

    def _encode(self, x_tk: Tensor, scale_t1: Tensor, draws: NoiseDraws | None) -> Tensor:
        field_tk = quantize(to_field(x_tk, scale_t1), self.bits)
        if draws is None or not draws.noise.magnitude:
            return field_tk
        return torch.addcmul(field_tk, field_tk, draws.normal_like(field_tk), value=draws.noise.magnitude)

    def _readout_variance(self, draws: NoiseDraws | None, *scaled: tuple[Tensor, Tensor]) -> Tensor | None:
        if draws is None or not draws.noise.receiver:
            return None
        x_tk, w_ok = (quantize(to_field(*map(sample_rows, item)), self.bits) for item in scaled)
        return readout_variance(draws.noise, x_tk, w_ok)

    def _imbalance_along(self, w_ok: Tensor) -> Tensor:
        return torch.from_numpy(np.resize(self.imbalance, w_ok.shape[-1])).to(w_ok)

    # The matrix product of the first tensors of `_first` and `_second` is the mean detected value: dispersion rides
    # along as two more columns, an offset of each row of x times 1 and 1 times an offset of each row of w. That of
    # the second tensors, there where detection is noisy, is the variance by phase noise times 1 + σ_o². The receiver's
    # variance is two more columns of those: light of x times the scale of w, and the other way round.

    def _first(
        self, x_tk: Tensor, scale_t1: Tensor, e_k: Tensor | None, draws: NoiseDraws | None
    ) -> tuple[Tensor, ...]:
        signal_tk = mean_tk = self._encode(x_tk, scale_t1, draws) * scale_t1
        square_tk = signal_tk.square()
        if e_k is not None:
            offset_t1 = (square_tk @ (e_k / -2)).unsqueeze(-1) / scale_t1
            mean_tk = torch.cat([signal_tk, offset_t1, scale_t1], dim=-1)
        if draws is None or not _draws_of_detector(draws):
            return (mean_tk,)
        if draws.noise.receiver:
            light_t1 = square_tk.sum(dim=-1, keepdim=True) * draws.noise.shot_variance()
            square_tk = torch.cat([square_tk, light_t1, scale_t1.square()], dim=-1)
        return mean_tk, square_tk

    def _second(
        self, w_ok: Tensor, scale_o1: Tensor, e_k: Tensor | None, draws: NoiseDraws | None, added: Tensor | None
    ) -> tuple[Tensor, ...]:
        mean_cos, variance_cos = phase_moments(draws.noise.phase_deg if draws else 0.0)
        field_ok = self._encode(w_ok, scale_o1, draws)
        signal_ok = mean_ok = field_ok * (mean_cos * scale_o1)
        if e_k is not None:
            signal_ok = signal_ok * torch.sqrt(1 - e_k**2)
            offset_o1 = (field_ok.square() @ (e_k / 2)).unsqueeze(-1) * scale_o1
            mean_ok = torch.cat([signal_ok, scale_o1, offset_o1], dim=-1)
        if draws is None or not _draws_of_detector(draws):
            return (mean_ok,)
        square_ok = signal_ok.square() * ((1 + draws.noise.output**2) * variance_cos / mean_cos**2)
        if added is not None:
            light_o1 = field_ok.square().sum(dim=-1, keepdim=True) * draws.noise.shot_variance()
            scale_square_o1 = scale_o1.square()
            square_ok = torch.cat([square_ok, scale_square_o1, scale_square_o1 * (light_o1 + added)], dim=-1)
        return mean_ok, square_ok


def _draws_of_detector(draws: NoiseDraws | None) -> NoiseDraws | None:
    """The draws if the detected values are noisy themselves, not only the operands."""
    return draws if draws and (draws.noise.phase_deg or draws.noise.output or draws.noise.receiver) else None


def _mean(left_tk: Tensor, right_ok: Tensor, out: Tensor | None = None) -> Tensor:
    return torch.matmul(left_tk, right_ok.mT, out=out)


def _draw(
    left_tk: Tensor,
    left_square_tk: Tensor,
    right_ok: Tensor,
    right_square_ok: Tensor,
    *,
    draws: NoiseDraws,
    out: Tensor | None = None,
) -> Tensor:
    """One draw of each detected value: Var[y (1 + σξ)] = (1 + σ²) Var[y] + σ² E[y]²."""
    mean_to = left_tk @ right_ok.mT
    phase_to = left_square_tk @ right_square_ok.mT
    variance_to = torch.addcmul(phase_to, mean_to, mean_to, value=draws.noise.output**2)
    if variance_to.requires_grad:  # the root has no finite slope at 0, where dark rows are
        variance_to = variance_to.clamp_min(torch.finfo(variance_to.dtype).tiny)
    return torch.addcmul(mean_to, variance_to.sqrt_(), draws.normal_like(mean_to), out=out)
