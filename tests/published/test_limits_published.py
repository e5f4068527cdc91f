"""The ladder of physical limits for Lightening-Transformer base: shot noise, converters, light, and the design above.

The table was derived for the published geometry and the published simulator's DeiT-Base run (mode compat), random-sign
operands, quantum efficiency 1. ENOB of the converter: the part that the artefact cites is titled 25 fJ/conversion-step.
"""

from __future__ import annotations

import math
from functools import cache

import pytest

from lightloop import accelerator
from lightloop.accelerator.detection import effective_bits, thermal_electrons
from lightloop.accelerator.ladder import Limits, limits
from lightloop.accelerator.limits import converter_energy_j, digital_mac_energy_j, landauer_energy_j
from lightloop.accelerator.receiver import receiver
from lightloop.units import ELEMENTARY_CHARGE_C, photon_energy_j

# The table is printed to four digits, some columns to three.
PRINTED = 1e-3
ROUNDED = 6e-3

# sqrt(kT C) / q of 10 fF at 300 K.
CAPACITOR_ELECTRONS = math.sqrt(1.380649e-23 * 300 * 10e-15) / 1.602177e-19

# bits: (SQL aJ, with loss and plug aJ, launched fJ, electrical fJ, photons, shot ENOB, converter floor aJ,
#        DeiT-Base fJ, over SQL, over the floor)
LADDER = {
    2: (3.076, 40.64, 0.5571, 2.785, 1645, 5.05, 0.7953, 204.1, 6.63e4, 5.01e3),
    4: (49.21, 650.2, 2.228, 11.14, 6580, 6.05, 12.72, 309.6, 6.29e3, 475),
    6: (787.4, 1.04e4, 8.913, 44.57, 26320, 7.05, 203.6, 496.9, 631, 47.6),
    8: (1.26e4, 1.665e5, 35.65, 178.3, 105279, 8.05, 3257, 966.9, 76.7, 5.8),
    10: (2.016e5, 2.663e6, 142.6, 713.0, 421118, 9.05, 5.212e4, None, None, None),
}


@cache
def published(bits: int) -> Limits:
    return limits(accelerator.machine("lt-base", bits=bits), mode="compat")


def rung(found: Limits, name: str) -> float:
    return next(item.energy_aj_per_mac for item in found.ladder if item.name == name)


@pytest.mark.parametrize("bits", LADDER)
def test_the_ladder_of_lt_base(bits: int) -> None:
    found = published(bits)
    sql, plug, launched, electrical, photons, enob, converter, *_ = LADDER[bits]
    assert found.sql_aj_per_mac == pytest.approx(sql, rel=PRINTED)
    assert rung(found, "shot_noise") == found.sql_aj_per_mac
    assert rung(found, "with_loss") == pytest.approx(sql * 10**0.422, rel=PRINTED)
    assert rung(found, "with_loss_and_plug") == pytest.approx(plug, rel=PRINTED)
    assert found.launched_aj_per_mac == pytest.approx(launched * 1e3, rel=PRINTED)
    assert found.laser_aj_per_mac == pytest.approx(electrical * 1e3, rel=PRINTED)
    assert found.detected_photons_per_mac == pytest.approx(photons, abs=0.5)
    assert found.enob["shot"] == pytest.approx(enob, abs=0.005)
    assert converter_energy_j(bits) * 1e18 == pytest.approx(converter, rel=PRINTED)


@pytest.mark.parametrize("bits", [2, 4, 6, 8])  # the published converter has 8 bits at most
def test_deit_base_above_its_ladder(bits: int) -> None:
    found = published(bits)
    *_, total, over_sql, over_floor = LADDER[bits]
    ratios = {item.name: item.ratio for item in found.ladder}
    assert found.energy_aj_per_mac == pytest.approx(total * 1e3, rel=PRINTED)
    assert ratios["shot_noise"] == pytest.approx(over_sql, rel=PRINTED)
    assert ratios["light_and_converters"] == pytest.approx(over_floor, rel=ROUNDED)


def test_limits_of_the_issue() -> None:
    four, eight = (limits(accelerator.machine("lt-base", bits=bits)) for bits in (4, 8))
    assert four.sql_aj_per_mac == pytest.approx(49.21, abs=0.005)
    assert eight.sql_aj_per_mac == pytest.approx(12.60e3, abs=5)
    assert round(four.detected_photons_per_mac) == 6580
    assert round(eight.detected_photons_per_mac) == 105279
    assert round(four.enob["shot"] or 0, 2) == 6.05
    assert round(eight.enob["shot"] or 0, 2) == 8.05


def test_light_is_ample_at_4_bits_matched_at_8_and_short_at_10() -> None:
    """Because it doubles with each bit where shot noise asks for four times as much."""
    sentences = {bits: " ".join(limits(accelerator.machine("lt-base", bits=bits)).remarks) for bits in (4, 8, 10)}
    assert "17.1 times what 4 bits need" in sentences[4]
    assert "times what 8 bits need" not in sentences[8]
    assert "10 bits would need 3.73 times more" in sentences[10]


def test_the_published_8_bit_point_has_not_the_bits_that_it_claims() -> None:
    """14.8 mW at 10 GS/s is 1.48 pJ per conversion; at 25 fJ per step that is 5.9 bits."""
    found = limits(accelerator.machine("lt-base", bits=8))
    assert found.enob["adc"] == pytest.approx(5.9, abs=0.05)
    assert found.enob["adc"] == pytest.approx(math.log2(1480 / 25))
    assert found.feasible is False
    assert found.remarks[0].startswith("the 8 bits claimed are not there")
    assert "all noises together leave 5.77" in found.remarks[0]
    assert any("the ADC delivers 5.9 effective bits, 8 are claimed" in remark for remark in found.remarks)


def test_the_published_4_bit_point_has_its_bits_at_full_scale() -> None:
    found = limits(accelerator.machine("lt-base", bits=4))
    assert found.feasible is True
    assert 4 < (found.enob["total"] or 0) < 5


def test_thermal_noise_of_the_quoted_amplifier() -> None:
    """10 pA/sqrt(Hz) in 2.5 GHz is 0.5 uA: 40 dB under a constant 50.6 uA at 4 bits, 64 dB under 0.81 mA at 8 (1 A/W).

    A dot product of K random signs is sqrt(K) weaker than that constant current. Both cores of a tile share the
    amplifier, and accumulation adds signal and noise alike.
    """
    efficiency = photon_energy_j(1.55) / ELEMENTARY_CHARGE_C  # 1 A/W
    settings = {"accumulation": 1, "cores_per_tile": 1}
    for bits, current_ua, level_db in ((4, 50.6, 40), (8, 809.5, 64)):
        machine = accelerator.machine("lt-base", bits=bits, **settings)
        found = receiver(machine)
        electrons = found.photons_per_mac * 12 * efficiency
        current = electrons * ELEMENTARY_CHARGE_C * 5e9
        amplifier = math.sqrt(thermal_electrons(machine.quantities) ** 2 - CAPACITOR_ELECTRONS**2)
        assert current * 1e6 == pytest.approx(current_ua, rel=PRINTED)
        assert amplifier * ELEMENTARY_CHARGE_C * 5e9 == pytest.approx(0.5e-6, rel=PRINTED)
        assert 20 * math.log10(electrons / amplifier) == pytest.approx(level_db, abs=0.3)
        # kTC noise (40 electrons against 624) is the difference.
        assert found.noise_to_signal["thermal"] == pytest.approx(
            12 * efficiency**2 * (amplifier / electrons) ** 2, rel=5e-3
        )


def test_the_capacitor_of_the_reference_has_40_electrons() -> None:
    quantities = {**accelerator.machine("lt-base").quantities, "receiver.tia_noise": 0.0}
    assert thermal_electrons(quantities) == pytest.approx(40, abs=0.5)
    assert thermal_electrons(quantities) == pytest.approx(CAPACITOR_ELECTRONS, rel=1e-6)


def test_dispersion_and_encoding_of_the_published_noise_model() -> None:
    """Error over dot product, both RMS: 0.00366 by dispersion (48.7 dB), 0.0424 by 3 % of encoding (4.3 bits)."""
    found = receiver(accelerator.machine("lt-base"))
    assert math.sqrt(found.noise_to_signal["dispersion"]) == pytest.approx(0.00366, abs=5e-6)
    assert math.sqrt(found.encoding_noise_to_signal) == pytest.approx(0.04242, abs=1e-5)
    assert found.encoding_enob == pytest.approx(4.3, abs=0.05)


def test_landauer() -> None:
    """2.87 zJ per bit; a digital multiply-accumulate of 6 b^2 gates: 0.28 aJ at 4 bits, 1.1 aJ at 8."""
    assert landauer_energy_j(1) * 1e21 == pytest.approx(2.871, abs=5e-4)
    assert digital_mac_energy_j(4) * 1e18 == pytest.approx(0.28, abs=5e-3)
    assert digital_mac_energy_j(8) * 1e18 == pytest.approx(1.1, abs=5e-3)


def test_50_zeptojoules_are_0_39_photons() -> None:
    """The bound of Hamerly et al., PRX 9, 021032 (2019), at 1550 nm."""
    assert 50e-21 / photon_energy_j(1.55) == pytest.approx(0.39, abs=5e-3)
    assert effective_bits(1 / 0.39) < 0
