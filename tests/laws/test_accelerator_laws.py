"""What must hold for any machine of this cost model, whatever its constants."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lightloop import accelerator
from lightloop.accelerator.mapping import map_products
from lightloop.accelerator.modes import MODES
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
    room = {"device.global_buffer.size_kib": 2.0**20}  # a smaller buffer spills the larger of the two
    once = simulate(name, product_only(m=m, k=k, n=n), "strict", **room)
    many = simulate(name, product_only(m=m, k=k, n=n, heads=heads, repeat=3), "strict", **room)
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


@given(m=sizes, k=sizes, n=sizes, tiles=st.integers(1, 200))
@settings(max_examples=30, deadline=None)
def test_every_element_is_encoded_at_least_once(m: int, k: int, n: int, tiles: int) -> None:
    machine = accelerator.machine("lt-base", tiles=tiles)
    events = map_products(machine, product_only(m=m, k=k, n=n).products, MODES["strict"]).events
    assert events["encodings_1"][0] >= m * k
    assert events["encodings_2"][0] >= k * n


@pytest.mark.parametrize("name", ["lt-base", "mrr-bank", "mzi-mesh"])
@given(m=sizes, k=sizes, n=sizes, heads=st.integers(1, 40), tiles=st.integers(1, 64))
@settings(max_examples=20, deadline=None)
def test_operands_cannot_arrive_faster_than_the_memory_sends_them(
    name: str, m: int, k: int, n: int, heads: int, tiles: int
) -> None:
    machine = accelerator.machine(name, bits=8, tiles=tiles)
    mapped = map_products(machine, product_only(m=m, k=k, n=n, heads=heads).products, MODES["strict"])
    assert mapped.memory_s[0] >= heads * m * k / machine.quantities["hbm.bandwidth"] * (1 - ROUNDING)


@pytest.mark.parametrize("name", accelerator.machine_names())
@given(m=sizes, k=sizes, n=sizes, cores=st.integers(1, 16))
@settings(max_examples=15, deadline=None)
def test_no_part_ever_gives_energy_back(name: str, m: int, k: int, n: int, cores: int) -> None:
    for mode in ("fixed", "strict"):
        result = simulate(name, product_only(m=m, k=k, n=n), mode, cores_per_tile=cores)
        assert min(result.energy_breakdown_mj.values()) >= 0


@pytest.mark.parametrize("name", accelerator.machine_names())
def test_a_busy_core_draws_the_power_of_the_data_sheet(name: str) -> None:
    """Energy over time of a product that fills every core is the power table, for parts that always work."""
    size = {"core.height": 24, "core.wavelengths": 24, "tiles": 5, "cores_per_tile": 2, "accumulation": 1}
    machine = accelerator.machine(name, **size)
    side = 24 * 5 * 2 * 8
    workload = product_only(m=side, k=side, n=side, nonnegative="right")
    result = accelerator.simulate(machine, workload, mode="strict")
    cycles_s = result.cycles / machine.quantities["clock"]
    power_mw = accelerator.describe(machine).power_mw
    for part in ("laser", "detector", "adc", "tia"):
        assert result.energy_breakdown_mj[part] / cycles_s == pytest.approx(power_mw[part], rel=0.01), part


def test_each_bit_doubles_the_laser() -> None:
    lasers = [accelerator.describe(accelerator.machine("lt-base", bits=b)).laser_mw_per_core for b in range(1, 9)]
    assert [b / a for a, b in pairwise(lasers)] == pytest.approx([2.0] * 7, rel=ROUNDING)


def test_a_lossier_coupler_needs_exactly_that_much_more_light() -> None:
    plain = accelerator.describe(accelerator.machine("lt-base"))
    lossy = accelerator.describe(accelerator.machine("lt-base", **{"device.coupler.loss_db": 1.33}))
    assert lossy.laser_mw_per_core / plain.laser_mw_per_core == pytest.approx(10**0.1, rel=ROUNDING)


def test_a_positive_stream_takes_one_pass_when_an_operand_is_never_negative() -> None:
    signed = simulate("mrr-bank", product_only(m=48, k=48, n=96, dynamic=True))
    positive = simulate("mrr-bank", product_only(m=48, k=48, n=96, nonnegative="right", dynamic=True))
    transposed = simulate("mrr-bank", product_only(m=96, k=48, n=48, nonnegative="left", dynamic=True))
    assert signed.cycles == 2 * positive.cycles
    assert transposed.energy_mj == pytest.approx(positive.energy_mj, rel=ROUNDING)


def test_more_clock_makes_the_optics_faster_in_proportion() -> None:
    workload = product_only(m=480, k=480, n=480)
    slow = simulate("lt-base", workload, clock_ghz=2.5)
    fast = simulate("lt-base", workload, clock_ghz=5.0)
    assert slow.latency_ms == pytest.approx(2 * fast.latency_ms, rel=ROUNDING)


def test_only_an_operand_that_streams_can_be_turned() -> None:
    weight = simulate("mrr-bank", product_only(m=16, k=8, n=100, nonnegative="left"), "strict")
    plain = simulate("mrr-bank", product_only(m=16, k=8, n=100), "strict")
    assert weight.energy_breakdown_mj == plain.energy_breakdown_mj


def test_tokens_of_a_batch_share_the_weights() -> None:
    machine = accelerator.machine("lt-base")
    one, four = (accelerator.simulate(machine, accelerator.workload("deit-tiny", batch=b)) for b in (1, 4))
    assert four.energy_breakdown_mj["hbm"] == pytest.approx(one.energy_breakdown_mj["hbm"], rel=ROUNDING)
    assert four.energy_per_token_mj < one.energy_per_token_mj


def test_strict_mode_runs_attention_on_the_mesh_and_pays_for_setting_it() -> None:
    workload = accelerator.workload("deit-tiny")
    fixed, strict = simulate("mzi-mesh", workload, "fixed"), simulate("mzi-mesh", workload, "strict")
    assert fixed.skipped == ("attn.scores", "attn.values")
    assert strict.skipped == ()
    assert strict.macs == workload.macs
    settings_s = 12 * (-(-3 * 17 * 6 // 8) + -(-3 * 17 * 17 // 8)) * 2e-6  # depth x rounds over 8 meshes x 2 us
    attention_s = sum(layer.latency_ms for layer in strict.layers if layer.name.startswith("attn")) * 1e-3
    assert attention_s == pytest.approx(settings_s, rel=0.01)  # the light itself takes under a percent


@pytest.mark.parametrize("name", ["lt-base", "lt-large"])
@pytest.mark.parametrize("network", ["deit-tiny", "deit-small", "deit-base", "bert-base", "bert-large"])
@pytest.mark.parametrize("bits", [4, 8])
def test_wiring_the_cores_as_they_are_never_makes_a_network_faster(name: str, network: str, bits: int) -> None:
    """What strict gains by fetching weights ahead is less than what free packing had hidden.

    Machines without wired cores gain nothing from free packing; there strict may be faster than the reference, by the
    wait for the weights of the last layer.
    """
    work = accelerator.workload(network)
    strict, compat = (simulate(name, work, mode, bits) for mode in ("strict", "compat"))
    assert strict.latency_ms >= compat.latency_ms
    assert strict.cycles >= compat.cycles
