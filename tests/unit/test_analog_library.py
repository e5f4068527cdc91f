"""The library: data sheets that are measured again, entries that grow from accepted decks, op-amps that are reused."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from lightloop.analog.check import check
from lightloop.analog.library import add, entries, load_entry, verify, with_entry
from lightloop.analog.library.entry import BUILT_IN, Entry, Quantity
from lightloop.analog.retrieve import RetrieveDesigner
from lightloop.analog.task import load_task, reference_deck
from lightloop.errors import InputError, LightloopError


@pytest.mark.parametrize("entry", entries(), ids=lambda entry: entry.name)
def test_the_data_sheet_of_every_entry_holds(entry: Entry) -> None:
    found = verify(entry)
    assert found.ok, found.to_dict()
    assert len(found.items) >= 4


def test_the_op_amps_say_which_pin_inverts_and_at_which_level_they_were_measured() -> None:
    for entry in entries():
        if entry.kind == "opamp":
            assert entry.inverting == "inn"
            assert list(entry.ports)[:3] == ["inp", "inn", "out"]
            assert entry.measured["input_low_v"].value <= entry.level <= entry.measured["input_high_v"].value


def test_the_macro_is_what_its_head_says() -> None:
    measured = load_entry("opamp").measured
    assert measured["gain_db"].value == pytest.approx(100, abs=0.1)
    assert measured["unity_gain_hz"].value == pytest.approx(10e6, rel=0.01)
    assert measured["slew_rise_v_per_s"].value == pytest.approx(10e6, rel=0.1)


def test_a_stale_value_is_found() -> None:
    entry = load_entry("cascode_mirror")
    old = entry.measured["ratio"]
    stale = replace(entry, measured={**entry.measured, "ratio": replace(old, value=1.02 * old.value)})
    found = verify(stale)
    assert [item.name for item in found.items if not item.ok] == ["ratio"]
    assert not found.ok


def test_a_changed_netlist_is_found_even_where_all_values_agree() -> None:
    entry = load_entry("cascode_mirror")
    found = verify(replace(entry, netlist=entry.netlist + "* a remark\n"))
    assert found.faults == ("the netlist is not the one measured",)
    assert not found.ok


def test_quantities_that_only_one_side_has_are_found() -> None:
    entry = load_entry("cascode_mirror")
    kept = {name: quantity for name, quantity in entry.measured.items() if name != "ratio"}
    found = verify(replace(entry, measured={**kept, "charm": Quantity(1.0, "1", "none")}))
    assert found.faults == ("charm is not measured any more", "ratio is not stored")


def test_an_accepted_deck_becomes_an_entry_that_verifies(tmp_path: Path) -> None:
    task = load_task("cascode-mirror")
    added = add(reference_deck(task), task, "mine", tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine.cir", "mine.toml"]
    assert added.measured["ratio"].value == pytest.approx(1.0, abs=0.01)
    assert list(added.ports) == ["ref", "out"]
    read = load_entry("mine", tmp_path)
    assert read == added
    assert verify(read).ok
    assert "mine" not in [entry.name for entry in entries()]


def test_a_deck_that_fails_the_check_becomes_none(tmp_path: Path) -> None:
    task = load_task("cascode-mirror")
    with pytest.raises(InputError, match="fails the check of cascode-mirror"):
        add(reference_deck(task).replace("M4 b a 0 0 nmos1 w=100u", "M4 b a 0 0 nmos1 w=80u"), task, "mine", tmp_path)
    assert not list(tmp_path.iterdir())


def test_no_entry_is_overwritten(tmp_path: Path) -> None:
    task = load_task("cascode-mirror")
    add(reference_deck(task), task, "mine", tmp_path)
    with pytest.raises(InputError, match="already holds an entry 'mine'"):
        add(reference_deck(task), task, "mine", tmp_path)


@pytest.mark.parametrize(
    ("task", "name", "said"),
    [("cascode-mirror", "../mine", "cannot be the name"), ("wien-bridge", "mine", "cannot be library entries")],
)
def test_what_cannot_be_an_entry_is_said(task: str, name: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=said):
        add("deck", load_task(task), name, tmp_path)


@pytest.mark.parametrize("key", ["adder", "integrator"])
def test_a_composite_circuit_works_with_an_op_amp_of_transistors(key: str) -> None:
    task, entry = load_task(key), load_entry("two_stage")
    deck = RetrieveDesigner(wishes={"current_a": 10e-6}).trial(task).deck or ""
    text = with_entry(deck, task, entry)
    assert "OPAMP" not in text
    assert check(task, text).ok


def test_the_checker_rejects_a_composite_circuit_with_an_op_amp_that_is_too_weak() -> None:
    task = load_task("adder")
    text = with_entry(reference_deck(task), task, load_entry("differential_pair"))
    assert check(task, text).stage == "function"


def test_an_entry_that_is_no_op_amp_of_transistors_stands_in_for_none() -> None:
    task = load_task("adder")
    for name in ("opamp", "cmos_inverter"):
        with pytest.raises(InputError, match="no op-amp made of transistors"):
            with_entry(reference_deck(task), task, load_entry(name))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('kind = "current-mirror"', 'kind = "current-mirror"\ncolour = 1', "colour"),
        ('kind = "current-mirror"', 'kind = "currant-mirror"', "did you mean 'current-mirror'"),
        ('kind = "current-mirror"', 'kind = "opamp"', "ports of an entry of kind opamp"),
        ('kind = "current-mirror"', 'kind = "current-mirror"\ntrusted = true', "trusted is not for a data sheet"),
        ("supply_v = 5.0", "supply_v = -5.0", "supply_v must be above 0"),
        ("supply_v = 5.0", 'supply_v = "5"', "supply_v"),
        ('ref = "ref"', '"ref\\n.control" = "ref"', "ports of an entry"),
        ('name = "cascode_mirror"', 'name = "other"', "calls itself"),
        ("[measured", "[[measured", "cannot be read"),
    ],
)
def test_a_broken_entry_is_one_clear_message(old: str, new: str, said: str, tmp_path: Path) -> None:
    for suffix in (".cir", ".toml"):
        text = (BUILT_IN / f"cascode_mirror{suffix}").read_text(encoding="utf-8")
        (tmp_path / f"cascode_mirror{suffix}").write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(InputError, match=said):
        entries(tmp_path)


def test_a_strangers_entry_passes_the_linter_of_strangers(tmp_path: Path) -> None:
    toml = (BUILT_IN / "opamp.toml").read_text(encoding="utf-8")
    (tmp_path / "opamp.toml").write_text(toml, encoding="utf-8")
    (tmp_path / "opamp.cir").write_text((BUILT_IN / "opamp.cir").read_text(encoding="utf-8"), encoding="utf-8")
    with pytest.raises(LightloopError, match="no element that is allowed"):
        verify(load_entry("opamp", tmp_path))


def test_unknown_entries_and_folders_are_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="did you mean 'two_stage'"):
        load_entry("two_stages")
    with pytest.raises(InputError, match="no library folder"):
        entries(tmp_path / "none")


def test_data_sheets_are_plain_toml_with_units_and_words() -> None:
    for path in BUILT_IN.iterdir():
        if path.name.endswith(".toml"):
            for quantity in tomllib.loads(path.read_text(encoding="utf-8"))["measured"].values():
                assert quantity["unit"]
                assert quantity["what"]
