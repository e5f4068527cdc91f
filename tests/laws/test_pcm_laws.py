"""What must hold for a crossbar of phase-change cells: it is written, it wears, and passive columns lose light."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lightloop import accelerator
from lightloop.accelerator.mapping import map_products
from lightloop.accelerator.modes import MODES
from lightloop.workload.products import MatrixProduct, VectorWork, Workload

ROUNDING = 1e-12  # sums of a few dozen doubles
CELLS_PER_WEIGHT = 2  # one for either sign
PCM = "pcm-crossbar"

sizes = st.integers(min_value=1, max_value=500)


def product_only(**shape: object) -> Workload:
    return Workload("one", (MatrixProduct("one", **shape),), VectorWork(), tokens=1)  # type: ignore[arg-type]


def run(workload: Workload, mode: str = "strict", **overrides: float):
    return accelerator.simulate(accelerator.machine(PCM, **overrides), workload, mode=mode)


@given(m=sizes, k=sizes, n=sizes, heads=st.integers(1, 8), repeat=st.integers(1, 5))
@settings(max_examples=30, deadline=None)
def test_each_weight_is_written_once_in_each_repeat(m: int, k: int, n: int, heads: int, repeat: int) -> None:
    wear = run(product_only(m=m, k=k, n=n, heads=heads, repeat=repeat)).wear
    assert wear is not None
    assert wear.writes == CELLS_PER_WEIGHT * m * k * heads * repeat


def test_attention_writes_its_left_operands_for_every_inference() -> None:
    tokens, width, heads, depth = 197, 192, 3, 12
    workload = accelerator.workload("deit-tiny", tokens=tokens)
    weights = sum(p.m * p.k * p.heads * p.repeat for p in workload.products if not p.dynamic)
    dynamic = run(workload).wear.writes - CELLS_PER_WEIGHT * weights
    # The scores write the queries. Their values meet probabilities, which are never negative and so stream.
    assert dynamic == CELLS_PER_WEIGHT * depth * heads * 2 * tokens * (width // heads)


def test_writes_are_priced_cell_by_cell() -> None:
    result = run(accelerator.workload("deit-tiny"))
    joules = accelerator.machine(PCM).quantities["pcm.write_energy"]
    assert result.energy_breakdown_mj["write"] == pytest.approx(result.wear.writes * joules * 1e3, rel=ROUNDING)


def test_more_tokens_share_the_writes_of_a_weight() -> None:
    short, long = (run(product_only(m=64, k=64, n=n)) for n in (8, 8000))
    assert short.wear.writes == long.wear.writes
    assert short.energy_breakdown_mj["write"] == long.energy_breakdown_mj["write"]
    assert long.energy_breakdown_mj["laser"] == pytest.approx(1000 * short.energy_breakdown_mj["laser"], rel=ROUNDING)


@given(m=sizes, k=sizes, n=sizes)
@settings(max_examples=20, deadline=None)
def test_a_crossbar_waits_for_as_many_rows_as_it_has(m: int, k: int, n: int) -> None:
    machine = accelerator.machine(PCM)
    q = machine.quantities
    mapped = map_products(machine, product_only(m=m, k=k, n=n).products, MODES["strict"])
    blocks = math.ceil(m / q["height"]) * math.ceil(k / q["wavelengths"])
    rounds = math.ceil(blocks / q["cores"])
    assert mapped.programming_s[0] == pytest.approx(rounds * q["wavelengths"] * q["pcm.write_time"], rel=ROUNDING)


def test_endurance_is_the_time_until_the_chips_cells_have_taken_their_writes() -> None:
    wear = run(accelerator.workload("deit-tiny")).wear
    machine = accelerator.machine(PCM)
    q = machine.quantities
    assert wear.cells == CELLS_PER_WEIGHT * 16 * 16 * q["tiles"] * q["cores_per_tile"]
    assert wear.endurance == machine.library.constants["pcm.endurance"].value
    constant = machine.library.constants["pcm.endurance"]
    assert constant.low is not None and constant.high is not None
    assert constant.high / constant.low > 1e6  # what is known of it spans many decades


def test_passive_columns_keep_one_part_in_rows_times_outputs_of_the_light() -> None:
    """Loss-free devices leave the sharing alone: 1 / outputs by the rows' taps, 1 / rows by the columns' combiners."""
    passive = {
        f"device.{name}.loss_db": 0.0 for name in ("router", "mzm", "crossing", "coupler", "pcm")
    }  # fmt: skip
    rows, outputs = 32, 8
    link = accelerator.machine(
        PCM, **passive, **{"core.wavelengths": rows, "core.height": outputs, "core.width": 1}
    ).link
    assert 10 ** (-link.insertion_loss_db / 10) / link.split == pytest.approx(1 / (rows * outputs), rel=ROUNDING)


def test_vectors_of_other_colours_pass_at_once() -> None:
    """Four vectors at once take a quarter of the clocks; each brings its own light, so no energy is saved on it."""
    workload = product_only(m=64, k=64, n=4096)
    one, four = (run(workload, **{"core.width": width, "tiles": 4}) for width in (1, 4))  # no core is ever idle
    assert one.cycles == 4 * four.cycles
    router_db = accelerator.machine(PCM).library.constants["router.loss_db"].value  # parts the colours at the end
    ratio = four.energy_breakdown_mj["laser"] / one.energy_breakdown_mj["laser"]
    assert ratio == pytest.approx(10 ** (router_db / 10), rel=ROUNDING)


@pytest.mark.parametrize("mode", ["compat", "fixed"])
def test_without_a_reference_simulator_the_modes_agree_on_a_weight_product(mode: str) -> None:
    workload = product_only(m=100, k=300, n=70)
    other, strict = run(workload, mode), run(workload)
    assert other.energy_mj == pytest.approx(strict.energy_mj, rel=ROUNDING)
    assert other.cycles == strict.cycles
    assert strict.latency_ms >= other.latency_ms * (1 - ROUNDING)
