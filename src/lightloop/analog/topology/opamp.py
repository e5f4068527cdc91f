"""What the library op-amp can do: see `library/opamp.cir`, whose metadata are measured."""

from __future__ import annotations

from lightloop.analog.topology.spec import OutOfReach

UNITY_HZ = 10e6
OUTPUT_V = 5.0  # from the lower to the upper rail of its own
SLEW_V_PER_S = 10e6
SPARE = 20.0  # unity-gain frequency over what a circuit needs: 5 % of error


def within_band(frequency_hz: float, gain: float) -> None:
    """Raises `OutOfReach` where the op-amp has too little gain left for a closed-loop gain at a frequency."""
    if frequency_hz * gain * SPARE > UNITY_HZ:
        raise OutOfReach(
            f"a gain of {gain:.3g} at {frequency_hz:.3g} Hz: the op-amp's gain-bandwidth product is {UNITY_HZ:.3g} Hz"
        )
