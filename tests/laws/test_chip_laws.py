"""A chip of several machines is the sum of its parts, and light goes the way that loses most."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lightloop import accelerator
from lightloop.accelerator.formulas import formula
from lightloop.accelerator.path import ends, order, ways, worst_way
from lightloop.accelerator.schema import Stage

ROUNDING = 1e-12


def chip(folder: Path, **assign: str):
    path = folder / "chip.toml"
    lines = "\n".join(f'{kind} = "{machine}"' for kind, machine in assign.items())
    path.write_text(f'title = "two cores"\nsource = "test"\n[assign]\n{lines}\n')
    return accelerator.machine(str(path), bits=4)


@pytest.mark.parametrize("schedule", ["perfect", "double-buffered", "serial"])
@pytest.mark.parametrize("network", ["deit-tiny", "bert-base"])
def test_a_chip_whose_parts_are_all_alike_is_that_machine(tmp_path: Path, schedule: str, network: str) -> None:
    work = accelerator.workload(network)
    whole = accelerator.simulate(chip(tmp_path, attention="lt-base", default="lt-base"), work, schedule=schedule)
    alone = accelerator.simulate(accelerator.machine("lt-base"), work, schedule=schedule)
    assert whole.energy_mj == pytest.approx(alone.energy_mj, rel=ROUNDING)
    assert whole.macs == alone.macs
    assert whole.floor_ratio == pytest.approx(alone.floor_ratio, rel=ROUNDING)
    assert whole.memory.traffic_bytes == pytest.approx(alone.memory.traffic_bytes, rel=ROUNDING)
    # Element-wise work is dealt out to the products of its part by their outputs, so waiting may differ a little.
    assert whole.latency_ms == pytest.approx(alone.latency_ms, rel=1e-3)


def test_each_layer_runs_where_it_is_assigned_and_costs_what_it_costs_there(tmp_path: Path) -> None:
    work = accelerator.workload("deit-tiny")
    whole = accelerator.simulate(chip(tmp_path, attention="lt-base", default="mzi-mesh"), work)
    for part, machine, attention in (("attention", "lt-base", True), ("default", "mzi-mesh", False)):
        alone = {layer.name: layer for layer in accelerator.simulate(accelerator.machine(machine), work).layers}
        for layer in whole.layers:
            at, _, name = layer.name.partition(":")
            if at == part and name != "vector":
                assert (alone[name].kind == "attention") == attention
                assert layer.energy_mj == pytest.approx(alone[name].energy_mj, rel=ROUNDING)
    assert sum(whole.energy_breakdown_mj.values()) == pytest.approx(whole.energy_mj, rel=ROUNDING)
    assert sum(layer.energy_mj for layer in whole.layers) == pytest.approx(whole.energy_mj, rel=ROUNDING)


def test_every_part_of_a_chip_is_charged_for_the_time_of_the_whole(tmp_path: Path) -> None:
    """While the crossbar writes its weights the dot-product cores wait, and leak."""
    chip(tmp_path, attention="lt-base", default="pcm-crossbar")
    work = accelerator.workload("deit-tiny")
    charges = {"charge.leakage": 1, "charge.stalls": 1}
    whole = accelerator.machine(str(tmp_path / "chip.toml"), **charges)
    result = accelerator.simulate(whole, work)
    leaking_w, waiting_w = 0.0, 0.0
    for part in whole.parts.values():
        power = {name: formula(charge.power)(part.quantities) for name, charge in part.file.charge.items()}
        leaking_w += power["leakage"]
        waiting_w += power["stalls"]
    latency_s = result.latency_ms * 1e-3
    assert result.energy_breakdown_mj["leakage"] == pytest.approx(leaking_w * latency_s * 1e3, rel=ROUNDING)
    # Both parts wait for most of the time: one for the other, the other for its writes.
    assert 0.5 * waiting_w * latency_s < result.energy_breakdown_mj["stalls"] * 1e-3 < waiting_w * latency_s


def test_a_chip_is_as_large_and_as_hungry_as_its_parts(tmp_path: Path) -> None:
    whole = accelerator.describe(chip(tmp_path, attention="lt-base", default="mzi-mesh"))
    parts = [accelerator.describe(accelerator.machine(name)) for name in ("lt-base", "mzi-mesh")]
    assert whole.area_mm2["total"] == pytest.approx(sum(part.area_mm2["total"] for part in parts), rel=ROUNDING)
    assert whole.power_mw["total"] == pytest.approx(sum(part.power_mw["total"] for part in parts), rel=ROUNDING)


def test_one_part_can_be_set_alone(tmp_path: Path) -> None:
    path = tmp_path / "chip.toml"
    chip(tmp_path, attention="lt-base", default="mzi-mesh")
    larger = accelerator.machine(str(path), **{"attention/tiles": 8})
    assert larger.parts["attention"].quantities["tiles"] == 8
    assert larger.parts["default"].quantities["tiles"] == 4


@st.composite
def paths(draw: st.DrawFn) -> dict[str, Stage]:
    """Stages in order, each following some of those before it or the laser."""
    found: dict[str, Stage] = {}
    for number in range(draw(st.integers(1, 7))):
        before = draw(st.lists(st.sampled_from(["laser", *found]), min_size=1, max_size=3, unique=True))
        loss = draw(st.integers(0, 400)) / 100
        part = draw(st.sampled_from(["modulation", "computation"]))
        found[f"stage_{number}"] = Stage(loss_db=str(loss), after=before, part=part)
    return found


@given(path=paths())
@settings(max_examples=100, deadline=None)
def test_the_worst_way_is_the_worst_of_all_ways(path: dict[str, Stage]) -> None:
    every = [sum(stage.loss_db for stage in way) for way in ways(path, {})]
    assert sum(worst_way(path, {})) == pytest.approx(max(every), abs=1e-9)
    assert every == sorted(every, reverse=True)
    assert all(way[-1].name in ends(path) for way in ways(path, {}))
    assert sorted(order(path)) == sorted(path)


def test_each_design_has_its_own_worst_way() -> None:
    path = {
        "long": Stage(loss_db="a", after="laser", part="modulation"),
        "short": Stage(loss_db="2", after="laser", part="computation"),
        "end": Stage(loss_db="0.5", after=["long", "short"]),
    }
    before, after = worst_way(path, {"a": np.array([[1.0], [3.0]])})
    assert before.ravel().tolist() == [0.0, 3.0]
    assert after.ravel().tolist() == [2.5, 0.5]


@given(
    spacing=st.floats(0, 60),
    length=st.floats(1, 300),
    width=st.floats(1, 300),
)
@settings(max_examples=40, deadline=None)
def test_placed_devices_neither_overlap_nor_leave_their_box(spacing: float, length: float, width: float) -> None:
    overrides = {
        "device.node.spacing_x_um": spacing,
        "device.node.spacing_y_um": spacing,
        "device.phase_shifter.length_um": length,
        "device.phase_shifter.width_um": width,
    }
    layout = accelerator.node_layout(accelerator.machine("lt-base", **overrides))
    assert layout is not None
    slack = 1e-9 * (layout.length_um + layout.width_um)
    for i, a in enumerate(layout.devices):
        assert min(a.x_um, a.y_um) >= -slack
        assert a.x_um + a.length_um <= layout.length_um + slack
        assert a.y_um + a.width_um <= layout.width_um + slack
        for b in layout.devices[:i]:
            apart_x = a.x_um >= b.x_um + b.length_um - slack or b.x_um >= a.x_um + a.length_um - slack
            apart_y = a.y_um >= b.y_um + b.width_um - slack or b.y_um >= a.y_um + a.width_um - slack
            assert apart_x or apart_y
    assert 0 < layout.packing <= 1 + 1e-9
    assert layout.area_um2 <= layout.straight_um2 * (1 + 1e-9)
