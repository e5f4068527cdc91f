"""Bad circuits that the public AnalogCoder checkers accept are rejected, good ones that they reject are accepted."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from lightloop.analog import load_task
from lightloop.analog.check import check

pytestmark = pytest.mark.skipif(shutil.which("ngspice") is None, reason="ngspice is not installed")

PROBES = Path(__file__).parents[1] / "data" / "spice"

# Probe, task, stage at which it is rejected, and what the verdict must say of it.
BAD = [
    ("fp01_adder_constant", 20, "operating-point", ["Vout is held by a voltage source", "slope_error is 1,"]),
    ("fp02_subtractor_constant", 21, "operating-point", ["Vout is held by a voltage source", "slope_error is 1,"]),
    ("fp03_amp_attenuator", 1, "structure", ["gain is 0.0002497"]),
    ("fp04_amp_wire", 2, "structure", ["gain is 0.9901", "gain_lost_without_stage is 1,"]),
    ("fp05_cascode_is_cs", 5, "structure", ["no NMOS with the input at its gate lies under an NMOS"]),
    ("fp06_inverter_weak", 6, "structure", ["output_high is 0.", "output_low is 0.", "noise_margin_low"]),
    ("fp07_mirror_dead_output", 12, "structure", ["current_ratio is 0.02492", "m4 is not saturated"]),
    ("fp08_osc_source", 17, "lint", ["line 2", "must be a DC source, not sin"]),
    ("tn01_osc_decaying", 17, "function", ["peak_to_peak is"]),
]
GOOD = [("fn01_lowpower_amp", 1), ("fn02_osc_discrete", 16)]


@pytest.mark.parametrize(("probe", "number", "stage", "reasons"), BAD)
def test_bad_circuit_is_rejected_for_its_reason(probe: str, number: int, stage: str, reasons: list[str]):
    verdict = check(load_task(number), (PROBES / f"{probe}.cir").read_text())
    assert (verdict.ok, verdict.stage) == (False, stage)
    assert [reason for reason in reasons if reason not in verdict.message] == []


@pytest.mark.parametrize(("probe", "number"), GOOD)
def test_good_circuit_is_accepted_through_all_stages(probe: str, number: int):
    verdict = check(load_task(number), (PROBES / f"{probe}.cir").read_text())
    assert verdict.ok, verdict.message
    assert verdict.stage == "robustness"


def test_gain_of_the_low_power_amplifier_is_the_measured_one():
    verdict = check(load_task(1), (PROBES / "fn01_lowpower_amp.cir").read_text(), robustness=False)
    gain = next(item.value for item in verdict.items if item.name == "gain")
    assert gain == pytest.approx(50.0, rel=1e-3)  # gm R = 2 * 5 uA / 0.1 V * 500 kohm
