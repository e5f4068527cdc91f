"""The `[noise]` table of a run file: the photonic core that a model is trained for, in numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from lightloop.settings import Settings

if TYPE_CHECKING:
    from lightloop.optics.noise import Noise

RECEIVER = ("photons", "thermal_electrons", "readout_products", "adc_bits", "adc_loading")


class NoiseSettings(Settings):
    """A photonic core and its noise: errors are standard deviations; those of the receiver are off if not given.

    Attributes:
        bits: Bits of the operand converters.
        magnitude: Relative error of each encoded operand.
        phase_deg: Phase error of each product, in degrees.
        output: Relative error of each detected dot product.
        photons: Photons for each multiply-accumulate at full scale.
        thermal_electrons: Noise charge of one readout, rms, in electrons.
        readout_products: Products whose charge is summed before one readout.
        adc_bits: Effective bits of the converter of readouts.
        adc_loading: Its full scale over the rms of the readouts.
        wavelengths: Channels of the core.
        exclude: Names of submodules that stay digital; `*` stands for any characters.
        train: Whether the model is trained under the noise, or only measured under it at the end.
        draws: Draws of the noise that the end is measured under.
        tokens: Held-out tokens for each of them.
    """

    bits: int | None = Field(default=4, ge=2, le=16)
    magnitude: float = Field(default=0.03, ge=0)
    phase_deg: float = Field(default=2.0, ge=0, le=180)
    output: float = Field(default=0.05, ge=0)
    photons: PositiveFloat | None = None
    thermal_electrons: float | None = Field(default=None, ge=0)
    readout_products: PositiveInt | None = None
    adc_bits: float | None = Field(default=None, ge=0)
    adc_loading: float | None = Field(default=None, ge=1e-3, le=1e3)
    wavelengths: PositiveInt = 12
    exclude: tuple[str, ...] = ()
    train: bool = True
    draws: PositiveInt = 3
    tokens: PositiveInt = 16_384

    @model_validator(mode="after")
    def _a_noise(self) -> NoiseSettings:
        self.noise()  # checks what belongs together
        return self

    def noise(self) -> Noise:
        """The same numbers as a `Noise`."""
        from lightloop.optics.noise import Noise

        receiver = {name: getattr(self, name) for name in RECEIVER if getattr(self, name) is not None}
        return Noise(magnitude=self.magnitude, phase_deg=self.phase_deg, output=self.output, **receiver)

    def core(self) -> dict[str, Any]:
        """Options of `lightloop.onn.convert`."""
        return {"core": "dot", "bits": self.bits, "wavelengths": self.wavelengths, "exclude": self.exclude}
