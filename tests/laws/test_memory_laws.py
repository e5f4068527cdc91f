"""Off-chip memory: what a language model must fetch for a token, and what no schedule can hide."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lightloop import accelerator
from lightloop.workload.products import MatrixProduct, VectorWork, Workload

ROUNDING = 1e-12  # a few dozen sums of doubles
LLAMA_3_8B = {"layers": 32, "heads": 32, "kv_heads": 8, "head_dim": 128, "width": 4096, "ffn": 14336, "words": 128256}
CONTEXT = 8192


def weights_of_one_token() -> int:
    """Weights that one decoding step of LLaMA-3-8B multiplies by; the embedding is looked up, not multiplied."""
    s = LLAMA_3_8B
    attention = 2 * s["width"] ** 2 + 2 * s["width"] * s["kv_heads"] * s["head_dim"]
    return s["layers"] * (attention + 3 * s["width"] * s["ffn"]) + s["width"] * s["words"]


def cache_numbers(batch: int) -> int:
    s = LLAMA_3_8B
    return 2 * s["layers"] * s["kv_heads"] * s["head_dim"] * CONTEXT * batch


def decode(batch: int, bits: int = 8, machine: str = "lt-base"):
    work = accelerator.workload("llama-3-8b", phase="decode", context=CONTEXT, batch=batch)
    return accelerator.simulate(accelerator.machine(machine, bits=bits), work)


@pytest.mark.parametrize("batch", [1, 64])
@pytest.mark.parametrize("bits", [4, 8])
def test_a_decoding_step_fetches_every_weight_once_and_the_cache_of_every_sequence(batch: int, bits: int) -> None:
    memory = decode(batch, bits).memory
    assert memory.weight_bytes == weights_of_one_token() * bits / 8
    assert memory.kv_cache_bytes == cache_numbers(batch) * bits / 8
    # Of the cache, all but the new token's keys and values are read; those are written.
    assert memory.kv_read_bytes + memory.kv_write_bytes == pytest.approx(memory.kv_cache_bytes, rel=ROUNDING)
    assert memory.kv_write_bytes == memory.kv_cache_bytes / CONTEXT


@pytest.mark.parametrize("batch", [1, 64])
@pytest.mark.parametrize("schedule", ["perfect", "double-buffered", "serial"])
def test_no_schedule_decodes_faster_than_weights_and_cache_arrive(batch: int, schedule: str) -> None:
    work = accelerator.workload("llama-3-8b", phase="decode", context=CONTEXT, batch=batch)
    result = accelerator.simulate(accelerator.machine("lt-base", bits=8), work, schedule=schedule)
    arrival_s = (result.memory.weight_bytes + result.memory.kv_cache_bytes) / result.memory.bandwidth_bytes_per_s
    assert result.latency_ms * 1e-3 >= arrival_s


def test_one_sequence_is_bound_by_memory_and_a_batch_shares_the_weights() -> None:
    one, many = decode(1), decode(64)
    arrival_ms = one.memory.traffic_bytes / one.memory.bandwidth_bytes_per_s * 1e3
    assert one.latency_ms == pytest.approx(arrival_ms, rel=0.01)  # whole cycles of the SRAM clock for each product
    assert many.memory.weight_bytes == one.memory.weight_bytes
    assert many.memory.kv_cache_bytes == 64 * one.memory.kv_cache_bytes
    # By hand: a token of the batch costs weights / 64 + its own cache, against weights + cache.
    weights, cache = weights_of_one_token(), cache_numbers(1)
    bound = (weights / 64 + cache) / (weights + cache)
    assert many.latency_ms / 64 / one.latency_ms >= bound * 0.99
    assert many.energy_per_token_mj < one.energy_per_token_mj / 4


def test_a_memory_that_is_too_small_is_told(cli) -> None:
    done = cli("accelerator", "run", "lt-base", "llama-13b", "--phase", "decode", "--context", "2048", "--bits", "16")
    assert done.returncode == 0
    assert "the memory holds" in done.stderr


def one_product(**shape: object) -> Workload:
    return Workload("one", (MatrixProduct("one", **shape),), VectorWork(), tokens=1)  # type: ignore[arg-type]


@given(m=st.integers(1, 5000), k=st.integers(1, 5000), n=st.integers(1, 5000))
@settings(max_examples=40, deadline=None)
def test_a_product_moves_its_weights_at_least_once_and_activations_only_when_they_do_not_fit(
    m: int, k: int, n: int
) -> None:
    machine = accelerator.machine("lt-base", bits=8)
    memory = accelerator.simulate(machine, one_product(m=m, k=k, n=n)).memory
    room = machine.quantities["global_buffer.size"]
    assert memory.weight_bytes >= m * k
    if k * n <= room:
        assert memory.weight_bytes == m * k
    if max(k, m) * n <= room:
        assert memory.spilled_bytes == 0
    # Either loop order is bounded by fetching one operand for each buffer-full of the other.
    cuts = -(-k * n // room)
    assert memory.weight_bytes + memory.spilled_bytes <= (m * k * cuts + k * n) + m * n


@given(n=st.integers(1, 4000))
@settings(max_examples=30, deadline=None)
def test_more_columns_never_move_fewer_bytes(n: int) -> None:
    machine = accelerator.machine("lt-base", bits=8)
    fewer, more = (accelerator.simulate(machine, one_product(m=512, k=2048, n=columns)) for columns in (n, n + 1))
    assert more.memory.traffic_bytes >= fewer.memory.traffic_bytes


def test_schedules_are_ordered_and_serial_is_the_sum_of_all() -> None:
    work = accelerator.workload("bert-base")
    machine = accelerator.machine("lt-base")
    by = {s: accelerator.simulate(machine, work, schedule=s) for s in ("perfect", "double-buffered", "serial")}
    assert by["perfect"].latency_ms <= by["double-buffered"].latency_ms <= by["serial"].latency_ms
    total_us = sum(interval.end_s - interval.start_s for interval in by["serial"].timeline) * 1e6
    assert by["serial"].latency_ms * 1e3 == pytest.approx(total_us, rel=ROUNDING)


@pytest.mark.parametrize("schedule", ["perfect", "double-buffered", "serial"])
def test_a_unit_works_on_one_product_at_a_time_and_nothing_starts_before_its_operands_are_there(schedule: str) -> None:
    result = accelerator.simulate(accelerator.machine("lt-base"), accelerator.workload("deit-tiny"), schedule=schedule)
    for lane in ("optics", "memory", "vector"):
        spans = [interval for interval in result.timeline if interval.lane == lane]
        assert all(b.start_s >= a.end_s * (1 - ROUNDING) for a, b in pairwise(spans))
    if schedule != "perfect":
        fetched = 0.0
        for interval in result.timeline:
            fetched = interval.end_s if interval.lane == "memory" else fetched
            if interval.lane == "optics":
                assert interval.start_s >= fetched * (1 - ROUNDING)


def test_a_charge_adds_its_power_times_its_time() -> None:
    work = accelerator.workload("deit-tiny")
    plain = accelerator.simulate(accelerator.machine("lt-base"), work)
    for name in ("leakage", "comb", "thermal_tuning"):
        machine = accelerator.machine("lt-base", **{f"charge.{name}": 1})
        charged = accelerator.simulate(machine, work)
        assert charged.energy_breakdown_mj[name] > 0
        assert charged.energy_mj == pytest.approx(plain.energy_mj + charged.energy_breakdown_mj[name], rel=ROUNDING)
        assert charged.latency_ms == plain.latency_ms


def test_stalls_cost_nothing_while_the_optics_set_the_time_and_much_when_memory_does() -> None:
    machine = accelerator.machine("lt-base", bits=8, **{"charge.stalls": 1})
    busy = accelerator.simulate(machine, accelerator.workload("deit-base"))
    assert busy.energy_breakdown_mj["stalls"] == pytest.approx(0, abs=1e-12)
    waiting = accelerator.simulate(machine, accelerator.workload("llama-3-8b", phase="decode", context=CONTEXT))
    stalled_s = waiting.latency_ms * 1e-3 - waiting.cycles / machine.quantities["clock"]
    power_mw = accelerator.describe(machine).power_mw
    ceiling_mj = stalled_s * sum(power_mw[part] for part in ("laser", "adc", "tia", "detector", "modulator"))
    assert 0 < waiting.energy_breakdown_mj["stalls"] <= ceiling_mj


def test_light_and_receivers_that_wait_for_a_mesh_to_be_set_are_charged() -> None:
    machine = accelerator.machine("mzi-mesh", **{"charge.stalls": 1})
    result = accelerator.simulate(machine, accelerator.workload("deit-tiny"))
    power_mw = accelerator.describe(machine).power_mw
    idle_w = sum(power_mw[part] for part in ("laser", "adc", "tia", "detector")) * 1e-3
    working_s = result.cycles / machine.quantities["clock"]
    expected_mj = idle_w * (result.latency_ms * 1e-3 - working_s) * 1e3
    assert result.energy_breakdown_mj["stalls"] == pytest.approx(expected_mj, rel=1e-9)
    assert expected_mj > result.energy_mj / 2  # setting takes nearly all of the time


def test_activations_that_do_not_fit_are_written_once_and_read_by_each_that_uses_them() -> None:
    """LLaMA-7B on 2,048 tokens at 4 bit, by hand: tensors of 4.2 MB against a buffer of 2 MiB, one head's scores fit.

    In a layer, numbers of `tensor`: the input of q, k and v and the output of q (k and v go to the cache), three
    operands and one result of attention, in and out of the projection, the input of gate and up, the output of down.
    Numbers of `wide`: the outputs of gate and up, the input of down. Cut products fetch their weights again, not these.
    """
    tokens, width, inner, words = 2048, 4096, 11008, 32000
    work = accelerator.workload("llama-7b", tokens=tokens)
    memory = accelerator.simulate(accelerator.machine("lt-base", bits=4), work).memory
    tensor, wide = tokens * width, tokens * inner
    moved = 32 * ((4 + 4 + 2 + 2 + 1) * tensor + 3 * wide) + tensor + tokens * words
    assert memory.spilled_bytes == moved / 2
    assert memory.kv_write_bytes == 2 * 32 * tensor / 2
    cuts = {"attention": 2, "gate and up": 2, "down": 6, "head": 2}
    weights = 32 * (
        4 * width**2 * cuts["attention"] + 2 * width * inner * cuts["gate and up"] + width * inner * cuts["down"]
    )
    assert memory.weight_bytes == (weights + width * words * cuts["head"]) / 2
