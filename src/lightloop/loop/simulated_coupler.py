"""A simulated coupler in place of the published formula: in the optical layers and in the accelerator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lightloop.errors import InputError
from lightloop.maxwell.coupler.response import CouplerResponse
from lightloop.onn.dot import DotCore
from lightloop.optics.coupler import CENTER_UM, wdm_grid_um

# Of a channel's spacing: how far a simulated wavelength may be from the channel's.
SAME_CHANNEL = 0.01


@dataclass(frozen=True)
class SimulatedDotCore(DotCore):
    """`DotCore` with the coupler's imbalance from a simulation instead of from the published fit.

    Loss and phase error scale all products of a channel alike, by less than their square, and are left to the link
    budget (`accelerator_settings`).

    Args:
        measured: e = 2κ − 1 on each channel.
    """

    measured: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if len(self.measured) != self.wavelengths or not all(-1 <= e <= 1 for e in self.measured):
            raise InputError(
                f"{len(self.measured)} imbalances {self.measured} for {self.wavelengths} wavelengths",
                allowed=["one from -1 to 1 for each wavelength"],
            )
        super().__post_init__()

    @property
    def imbalance(self) -> NDArray[np.float64]:  # type: ignore[override]
        """e = 2κ − 1 on each wavelength of the comb, shape `(wavelengths,)`."""
        return np.array(self.measured)


def dot_core(response: CouplerResponse, **options: Any) -> SimulatedDotCore:
    """A core of as many channels as were simulated; `options` as those of `DotCore`.

    Raises:
        InputError: The wavelengths are no comb around 1.55 um.
    """
    return SimulatedDotCore(
        wavelengths=len(response.wavelengths_um),
        spacing_nm=_spacing_nm(response),
        measured=tuple(response.imbalance.tolist()),
        **options,
    )


def accelerator_settings(response: CouplerResponse) -> dict[str, float]:
    """What the coupler is to a machine, by the keys of `lightloop accelerator run --set`.

    The loss is the mean over the channels; the imbalance grows by its slope, in least squares, from one to the next.
    """
    slot = np.round((response.wavelengths_um - CENTER_UM) / (1e-3 * _spacing_nm(response)))
    slope = np.polyfit(slot, response.imbalance, 1)[0]
    return {
        "device.coupler.loss_db": max(0.0, float(response.loss_db.value.mean())),
        "device.receiver.imbalance_per_channel": abs(float(slope)),
    }


def _spacing_nm(response: CouplerResponse) -> float:
    found = response.wavelengths_um
    slots = len(found) - len(found) % 2  # between the first and the last: an even comb leaves one out
    spacing_nm = round(1e3 * float(found[-1] - found[0]) / slots, 6) if slots else 1.0
    away = np.abs(found - wdm_grid_um(len(found), spacing_nm)).max() if spacing_nm > 0 else np.inf
    if not away <= SAME_CHANNEL * 1e-3 * spacing_nm:
        raise InputError(
            f"the wavelengths {found.tolist()} um are no comb",
            allowed=[f"those of comb_um(): evenly spaced around {CENTER_UM} um, an even number without the middle"],
        )
    return spacing_nm
