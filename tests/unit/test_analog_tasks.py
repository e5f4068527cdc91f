"""Tasks as data: complete, consistent, extensible by one file, and strict about mistakes."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from pathlib import Path

import pytest

from lightloop.analog import Task, all_tasks, load_task, reference_deck
from lightloop.analog.task import TASKS, Limit, LimitTable, limit_table
from lightloop.errors import InputError
from lightloop.settings import parse_settings

OWN = """
id = 900
key = "my-follower"
level = "easy"
kind = "amplifier"
title = "Mine"
statement = "Follow."
inputs = [{ name = "Vin", role = "signal" }]
outputs = ["Vout"]
supply_v = 3.3
models = ["nmos"]
[limits.gain]
low = 0.8
unit = "1"
what = "abs(Av)"
source = "my data sheet"
"""


def test_ids_run_from_one_and_keys_differ():
    tasks = all_tasks()
    assert [task.id for task in tasks] == list(range(1, len(tasks) + 1))
    assert len({task.key for task in tasks}) == len(tasks)


def test_a_task_is_found_by_id_by_text_and_by_key():
    assert load_task(5) is load_task("5") is load_task("cascode")
    assert all(load_task(task.id) is load_task(task.key) is task for task in all_tasks())


def test_every_task_has_limits_and_every_entry_of_the_table_belongs_to_a_task():
    table = limit_table()
    assert all(task.limits for task in all_tasks())
    assert set(table.task) <= {task.key for task in all_tasks()}
    assert set(table.kind) <= {task.kind for task in all_tasks()}


def test_every_source_in_the_table_is_used():
    table = limit_table()
    groups = (table.robustness, *table.kind.values(), *table.task.values())
    used = {entry.source for group in groups for entry in (group.limits | group.conditions).values()}
    assert used == set(table.sources)


def test_numbers_of_a_task_replace_those_of_its_kind():
    assert load_task("cmos-inverter").limits["output_low"].high == 0.1
    assert load_task("nmos-inverter").limits["output_low"].high == 0.2
    assert load_task("resistor-loaded-pair").limits["cmrr"].low == 6.0


@pytest.mark.parametrize("number", range(1, 35))
def test_reference_deck_keeps_the_contract_of_a_deck(number: int):
    task = load_task(number)
    lines = reference_deck(task).strip().splitlines()
    words = [line.split() for line in lines[1:] if not line.startswith("*")]
    assert words[-1] == [".end"]
    assert {word[0].lower() for word in words if word[0].startswith(".")} <= {".model", ".subckt", ".ends", ".end"}
    nodes = {node for word in words if not word[0].startswith(".") for node in word[1:]}
    assert set(task.ports) <= nodes
    assert [float(word[3]) for word in words if word[0].lower() == "vdd"] == ([task.supply_v] if task.supply_v else [])
    for port in task.inputs:
        to_ground = [word for word in words if word[0][0] in "VI" and word[1:3] == [port.name, "0"]]
        assert len(to_ground) == (port.role != "current")


def test_only_tasks_that_may_use_the_library_call_it_in_their_reference():
    for task in all_tasks():
        assert ("OPAMP" in reference_deck(task)) <= ("OPAMP" in task.library)


def test_library_opamp_has_the_ports_of_the_contract():
    text = (files("lightloop.analog") / "library" / "opamp.cir").read_text(encoding="utf-8")
    assert ".subckt OPAMP inp inn out" in text


def test_one_file_adds_a_task_with_its_own_limits(tmp_path: Path):
    path = tmp_path / "mine.toml"
    path.write_text(OWN)
    task = load_task(path)
    assert load_task(str(path)) == task
    assert task.limits["gain"].low == 0.8
    assert task.limits["output_level"].high == 0.95  # of its kind


def test_a_task_file_names_all_its_mistakes(tmp_path: Path):
    path = tmp_path / "mine.toml"
    path.write_text(OWN.replace("outputs", "output").replace('"easy"', '"eazy"').replace("low = 0.8", ""))
    with pytest.raises(InputError) as caught:
        load_task(path)
    for part in ("did you mean 'outputs'", "did you mean 'easy'", "a limit needs low, high, or both"):
        assert part in str(caught.value)


def test_two_ports_of_one_name_are_refused(tmp_path: Path):
    path = tmp_path / "mine.toml"
    path.write_text(OWN.replace('["Vout"]', '["VIN"]'))
    with pytest.raises(InputError, match="two ports of one name"):
        load_task(path)


def test_unknown_task_names_the_nearest():
    with pytest.raises(InputError, match="did you mean 'cascode'"):
        load_task("cascde")


def test_limit_holds_within_its_bounds_and_never_for_nan():
    limit = Limit(low=1.0, high=2.0, unit="V", what="x", source="own")
    assert limit.holds(1.0)
    assert limit.holds(2.0)
    assert not limit.holds(2.1)
    assert not limit.holds(0.9)
    assert not limit.holds(float("nan"))


def test_a_task_of_ones_own_has_no_reference_deck(tmp_path: Path):
    path = tmp_path / "mine.toml"
    path.write_text(OWN)
    with pytest.raises(InputError, match="no reference deck"):
        reference_deck(load_task(path))


@pytest.mark.parametrize("task", all_tasks(), ids=lambda task: task.key)
def test_a_built_in_file_reads_the_same_as_a_task_of_ones_own(task: Task) -> None:
    stem = f"{task.id:02d}_{task.key.replace('-', '_')}.toml"
    assert load_task(str(TASKS / stem)) == task


def test_the_table_of_limits_holds_what_its_fields_say() -> None:
    table = tomllib.loads((TASKS / "limits.toml").read_text(encoding="utf-8"))
    assert parse_settings(LimitTable, table, "limits.toml") == limit_table()
