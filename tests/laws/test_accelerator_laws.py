"""What must hold for any machine of this cost model, whatever its constants."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lightloop import accelerator
from lightloop.workload.products import MatrixProduct, VectorWork, Workload

ROUNDING = 1e-12  # sums of a few dozen doubles

sizes = st.integers(min_value=1, max_value=700)


def product_only(**shape: object) -> Workload:
    return Workload("one", (MatrixProduct("one", **shape),), VectorWork(), tokens=1)  # type: ignore[arg-type]


def simulate(machine: str, workload: Workload, mode: str = "fixed", bits: int = 4, **overrides: float):
    return accelerator.simulate(accelerator.machine(machine, bits=bits, **overrides), workload, mode=mode)


@pytest.mark.parametrize("name", accelerator.machine_names())
@pytest.mark.parametrize("mode", ["fixed", "strict"])
def test_parts_and_layers_both_sum_to_the_total(name: str, mode: str) -> None:
    result = simulate(name, accelerator.workload("deit-tiny"), mode)
    assert sum(result.energy_breakdown_mj.values()) == pytest.approx(result.energy_mj, rel=ROUNDING)
    assert sum(layer.energy_mj for layer in result.layers) == pytest.approx(result.energy_mj, rel=ROUNDING)


@pytest.mark.parametrize("name", accelerator.machine_names())
@given(m=sizes, k=sizes, n=sizes, heads=st.integers(1, 8))
@settings(max_examples=15, deadline=None)
def test_energy_is_linear_in_heads_and_in_repeats(name: str, m: int, k: int, n: int, heads: int) -> None:
    once = simulate(name, product_only(m=m, k=k, n=n), "strict")
    many = simulate(name, product_only(m=m, k=k, n=n, heads=heads, repeat=3), "strict")
    assert many.energy_mj == pytest.approx(3 * heads * once.energy_mj, rel=1e-9)


@pytest.mark.parametrize("name", accelerator.machine_names())
@given(m=sizes, k=sizes, n=sizes)
@settings(max_examples=15, deadline=None)
def test_no_machine_beats_its_peak_rate_or_its_physical_floor(name: str, m: int, k: int, n: int) -> None:
    machine = accelerator.machine(name)
    result = accelerator.simulate(machine, product_only(m=m, k=k, n=n, repeat=1), mode="strict")
    peak_macs_per_ms = accelerator.describe(machine).peak_tops * 1e12 / 2 * 1e-3
    assert result.macs <= result.latency_ms * peak_macs_per_ms * (1 + ROUNDING)
    assert result.floor_ratio > 1


@given(m=sizes, k=sizes, n=sizes)
@settings(max_examples=30, deadline=None)
def test_wiring_the_cores_as_they_are_never_takes_fewer_cycles_than_packing_them_freely(m: int, k: int, n: int) -> None:
    workload = product_only(m=m, k=k, n=n)
    assert simulate("lt-base", workload, "strict").cycles >= simulate("lt-base", workload, "fixed").cycles


def test_broadcast_over_the_tiles_divides_the_right_operands_conversions_by_their_number() -> None:
    workload = accelerator.workload("deit-tiny")
    shared = simulate("lt-base", workload).energy_breakdown_mj
    apart = simulate("lt-base-crossbar", workload).energy_breakdown_mj
    assert apart["dac_2"] == pytest.approx(4 * shared["dac_2"], rel=ROUNDING)
    assert apart["modulator_2"] == pytest.approx(4 * shared["modulator_2"], rel=ROUNDING)
    assert apart["dac_1"] == pytest.approx(shared["dac_1"], rel=ROUNDING)


def test_one_core_a_tile_without_accumulation_has_nothing_to_share_at_the_converter() -> None:
    workload = accelerator.workload("deit-tiny")
    single = {"cores_per_tile": 1, "accumulation": 1}
    shared = simulate("lt-base", workload, **single).energy_breakdown_mj
    apart = simulate("lt-base-crossbar", workload, **single).energy_breakdown_mj
    assert apart["adc"] == pytest.approx(shared["adc"], rel=ROUNDING)


@pytest.mark.parametrize("bits", [4, 8])
def test_twice_the_tiles_without_sharing_cost_the_same_energy_in_half_the_time(bits: int) -> None:
    workload = accelerator.workload("deit-small")
    small = simulate("lt-base-crossbar", workload, bits=bits)
    large = simulate("lt-large-crossbar", workload, bits=bits)
    assert large.energy_mj == pytest.approx(small.energy_mj, rel=ROUNDING)
    assert large.latency_ms == pytest.approx(small.latency_ms / 2, rel=0.01)  # whole blocks only


def test_each_bit_doubles_the_laser() -> None:
    lasers = [accelerator.describe(accelerator.machine("lt-base", bits=b)).laser_mw_per_core for b in range(1, 9)]
    assert [b / a for a, b in pairwise(lasers)] == pytest.approx([2.0] * 7, rel=ROUNDING)


def test_a_lossier_coupler_needs_exactly_that_much_more_light() -> None:
    plain = accelerator.describe(accelerator.machine("lt-base"))
    lossy = accelerator.describe(accelerator.machine("lt-base", **{"device.coupler.loss_db": 1.33}))
    assert lossy.laser_mw_per_core / plain.laser_mw_per_core == pytest.approx(10**0.1, rel=ROUNDING)


def test_a_positive_stream_takes_one_pass_when_an_operand_is_never_negative() -> None:
    signed = simulate("mrr-bank", product_only(m=48, k=48, n=96))
    positive = simulate("mrr-bank", product_only(m=48, k=48, n=96, nonnegative="right"))
    transposed = simulate("mrr-bank", product_only(m=96, k=48, n=48, nonnegative="left"))
    assert signed.cycles == 2 * positive.cycles
    assert transposed.energy_mj == pytest.approx(positive.energy_mj, rel=ROUNDING)


def test_more_clock_makes_the_optics_faster_in_proportion() -> None:
    workload = product_only(m=480, k=480, n=480)
    slow = simulate("lt-base", workload, clock_ghz=2.5)
    fast = simulate("lt-base", workload, clock_ghz=5.0)
    assert slow.latency_ms == pytest.approx(2 * fast.latency_ms, rel=ROUNDING)


def test_strict_mode_runs_attention_on_the_mesh_and_pays_for_setting_it() -> None:
    workload = accelerator.workload("deit-tiny")
    fixed, strict = simulate("mzi-mesh", workload, "fixed"), simulate("mzi-mesh", workload, "strict")
    assert fixed.skipped == ("attn.scores", "attn.values")
    assert strict.skipped == ()
    assert strict.macs == workload.macs
    settings_s = 12 * 3 * (-(-17 // 4) * -(-6 // 2) + -(-17 // 4) * -(-17 // 2)) * 2e-6  # depth x heads x blocks x 2 us
    attention_s = sum(layer.latency_ms for layer in strict.layers if layer.name.startswith("attn")) * 1e-3
    assert attention_s == pytest.approx(settings_s, rel=0.01)  # the light itself takes under a percent
