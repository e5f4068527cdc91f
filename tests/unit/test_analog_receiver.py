"""Receivers on record: they hold, they are what the search found, and accelerator and onn can use them."""

from __future__ import annotations

import hashlib
import json
import math
import shutil
from dataclasses import replace

import pytest

from lightloop import accelerator
from lightloop.accelerator.detection import thermal_electrons
from lightloop.analog import load_task, reference_deck
from lightloop.analog.check import check
from lightloop.analog.receiver import (
    TOPOLOGIES,
    foundry_keys,
    foundry_receiver,
    measure_foundry,
    receiver,
    receiver_keys,
    size,
    verify,
)
from lightloop.analog.receiver.corners import SLOW
from lightloop.analog.receiver.quantities import bench_of
from lightloop.analog.receiver.record import receiver_values
from lightloop.analog.receiver.sizing import evaluate, first_cut
from lightloop.analog.receiver.spiral import FittedInductor
from lightloop.analog.receiver.technology import technology
from lightloop.errors import InputError
from lightloop.optics import Noise
from lightloop.spice import STRANGER, Session, parse_deck

needs_ngspice = pytest.mark.skipif(shutil.which("ngspice") is None, reason="needs ngspice")
KEYS = ("inverter-receiver", "cascode-receiver", "peaked-receiver")
FOR_5_GSPS_GHZ = 3.5


def test_every_receiver_task_has_a_receiver_on_record() -> None:
    assert receiver_keys() == KEYS == tuple(TOPOLOGIES)


@needs_ngspice
@pytest.mark.parametrize("key", KEYS)
def test_the_record_is_regenerated_within_one_percent(key: str) -> None:
    assert verify(key) == ()


@needs_ngspice
def test_a_record_that_is_off_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    held = receiver("inverter-receiver")
    wrong = replace(held, bandwidth_ghz=held.bandwidth_ghz * 1.02, netlist_sha256="0" * 64)
    monkeypatch.setattr("lightloop.analog.receiver.measurement.receiver", lambda key: wrong)
    told = verify("inverter-receiver")
    assert [line.split()[0] for line in told] == ["bandwidth_ghz", "netlist_sha256"]


@pytest.mark.parametrize("key", KEYS)
def test_the_bandwidth_is_enough_for_5_gsps_in_every_corner(key: str) -> None:
    part = receiver(key)
    assert part.bandwidth_ghz >= part.worst.bandwidth_ghz >= FOR_5_GSPS_GHZ
    assert part.worst.power_mw >= part.power_mw
    assert part.settling_error < 1 / 32


@pytest.mark.parametrize("key", KEYS)
def test_the_deck_is_that_of_the_record_and_its_values(key: str) -> None:
    text = reference_deck(load_task(key))
    assert receiver(key).netlist_sha256 == hashlib.sha256(text.encode()).hexdigest()
    assert TOPOLOGIES[key].deck(receiver_values(key)) == text


def test_every_number_of_the_technology_says_that_it_is_assumed() -> None:
    tables = (technology().process, technology().nmos, technology().pmos, technology().spiral)
    assert {entry.kind for table in tables for entry in table.values()} == {"assumed"}


def test_a_receiver_is_plain_json() -> None:
    told = json.loads(json.dumps(receiver("peaked-receiver").to_dict()))
    assert told["worst"]["bandwidth_ghz"] == receiver("peaked-receiver").worst.bandwidth_ghz
    assert told["photodiode_ff"] == 50.0


def test_an_unknown_receiver_is_refused_with_the_nearest() -> None:
    with pytest.raises(InputError, match="did you mean 'cascode-receiver'"):
        receiver("cascade-receiver")
    with pytest.raises(InputError, match="unknown receiver"), Session() as session:
        size("cascade-receiver", session)


@pytest.mark.parametrize("key", KEYS)
def test_an_accelerator_takes_the_receiver_and_has_its_noise(key: str) -> None:
    part = receiver(key)
    machine = accelerator.machine("lt-base", bits=4, clock_ghz=part.rate_gsps, **part.device_overrides())
    assert machine.quantities["tia.power"] == pytest.approx(part.power_mw * 1e-3)
    one_symbol = {**machine.quantities, "accumulation": 1, "receiver.capacitor": 0.0}
    assert thermal_electrons(one_symbol) == pytest.approx(part.thermal_electrons(), rel=1e-9)
    assert ("device.tia.area_um2" in part.device_overrides()) == (key == "peaked-receiver")


def test_the_noise_model_takes_the_receiver_as_its_output_error() -> None:
    part = receiver("inverter-receiver")
    assert Noise(output=part.relative_noise()).output == pytest.approx(part.input_noise_a_rms / 10e-6)
    assert part.noise_lsb(4) == pytest.approx(16 * part.relative_noise())
    assert part.relative_noise(full_scale_ua=20.0) == pytest.approx(part.relative_noise() / 2)
    assert part.noise_light_dbm == pytest.approx(10 * math.log10(part.input_noise_a_rms / 0.8 * 1e3))
    with pytest.raises(InputError, match="above 0 uA"):
        part.relative_noise(0.0)


RESISTOR = "t\nVdd Vdd 0 1.2\nIpd Vdd Iin 5u\nR1 Iin Vout 1m\nR2 Vout 0 560\nR3 Vdd 0 1k\n.end"
MUTANTS = {
    "a resistor and no amplifier": ("inverter-receiver", lambda deck: RESISTOR, "gain_bandwidth_over_resistor"),
    "no feedback": ("inverter-receiver", lambda deck: deck.replace("RF Iin Vout 3700", "RF Iin Vout 100meg"), ""),
    "ten times the feedback": ("inverter-receiver", lambda deck: deck.replace(" 3700", " 37k"), "bandwidth"),
    "a wide diffusion": ("inverter-receiver", lambda deck: deck.replace("cj=0.001", "cj=0.05"), "bandwidth"),
    "gate without booster": ("cascode-receiver", lambda deck: deck.replace("M2 g Iin", "M2 g Vdd"), ""),
    "a long booster": ("cascode-receiver", lambda deck: deck.replace("w=3.8u l=0.1u", "w=38u l=1u"), "settling_error"),
    "a small source resistor": ("cascode-receiver", lambda deck: deck.replace("Iin 0 3650", "Iin 0 300"), ""),
    "a coil of a tenth": (
        "peaked-receiver",
        lambda deck: deck.replace("L1 a m 5.6279n", "L1 a m 0.56n"),
        "coil_speedup",
    ),
    "no coil": ("peaked-receiver", lambda deck: deck.replace("L1 a m 5.6279n", "R0 a m 1m"), "coil_speedup"),
    "output at the photodiode": ("peaked-receiver", lambda deck: deck.replace("M1 Vout g", "M1 Vx g"), ""),
}


@needs_ngspice
@pytest.mark.parametrize("name", MUTANTS)
def test_a_receiver_that_does_not_receive_is_rejected(name: str) -> None:
    key, change, told = MUTANTS[name]
    task = load_task(key)
    deck = change(reference_deck(task))
    assert deck != reference_deck(task)
    verdict = check(task, deck, robustness=False)
    assert not verdict.ok
    assert told in verdict.message


@needs_ngspice
def test_a_fitted_inductor_makes_a_deck_that_is_checked_like_any_other() -> None:
    fitted = FittedInductor(".subckt spiral a b\nL1 a m 5.6n\nR1 m b 21\nC1 a 0 20f\nC2 b 0 20f\n.ends", source="a fit")
    key = "peaked-receiver"
    verdict = check(load_task(key), TOPOLOGIES[key].deck(receiver_values(key), fitted))
    assert verdict.ok, verdict.message


FOUNDRY = "inverter-receiver-sky130"


def test_a_foundry_deck_holds_no_models_and_the_policy_knows_them() -> None:
    part = foundry_receiver(FOUNDRY)
    text = part.text()
    assert FOUNDRY in foundry_keys()
    assert ".model" not in text
    deck = parse_deck(text, part.opened.allowed(STRANGER))
    part.opened.check_sizes(deck)
    with pytest.raises(InputError, match="did you mean 'inverter-receiver-sky130'"):
        foundry_receiver("inverter-receiver-sky13")


@needs_ngspice
@pytest.mark.slow
@pytest.mark.skipif(not foundry_receiver(FOUNDRY).opened.installed, reason="needs the models of the process")
def test_real_transistors_are_fast_enough_in_every_corner_of_supply_temperature_and_passives() -> None:
    found = measure_foundry(FOUNDRY)
    assert min(figures.bandwidth_hz or 0.0 for _, _, figures in found) >= FOR_5_GSPS_GHZ * 1e9
    nominal = found[0][2]
    assert nominal.power_w < 3e-3
    assert (nominal.noise_density or 1.0) < 10e-12
    (slow,) = measure_foundry(FOUNDRY, ["ss"], [SLOW])
    assert (slow[2].bandwidth_hz or 0.0) >= FOR_5_GSPS_GHZ * 1e9


@needs_ngspice
@pytest.mark.parametrize("key", KEYS)
def test_the_first_cut_by_hand_holds_every_limit_of_its_task(key: str) -> None:
    topology, task = TOPOLOGIES[key], load_task(key)
    values = first_cut(topology, bench_of(task.conditions))
    verdict = check(task, topology.deck(values), robustness=False)
    assert verdict.ok, verdict.message


@needs_ngspice
@pytest.mark.slow
@pytest.mark.parametrize("key", KEYS)
def test_the_search_improves_on_the_first_cut_within_all_limits(key: str) -> None:
    topology, task = TOPOLOGIES[key], load_task(key)
    bench = bench_of(task.conditions)
    with Session() as session:
        best = size(key, session, seed=0, evaluations=150)
        by_hand = evaluate(topology, first_cut(topology, bench), task, bench, session.run)
        again = size(key, session, seed=0, evaluations=24), size(key, session, seed=0, evaluations=24)
    assert best.outcome.feasible
    assert best.outcome.order < by_hand.order
    assert again[0].point == again[1].point
    assert check(task, topology.deck(best.point)).ok
