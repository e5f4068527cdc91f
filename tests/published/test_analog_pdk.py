"""Open foundry models give the currents that were measured with them, and a deck reaches them only by name."""

from __future__ import annotations

import pytest

from lightloop.analog.pdk import Process, process, processes
from lightloop.errors import InputError, MissingProgramError, RefusedError
from lightloop.spice import Deck, OperatingPoint, Simulator, parse_deck
from lightloop.spice.policy import STRANGER

WITHIN = 0.01  # acceptance of issue 6, line 13
# process, model, Vgs in V, Vds in V, drain current in A: reference analog.md, section 5, measured with ngspice 39.
CURRENTS = [
    ("gf180mcu", "nfet_03v3", 1.5, 3.3, 419.4e-6),
    pytest.param("sky130", "sky130_fd_pr__nfet_01v8__model", 0.9, 1.8, 141.565e-6, marks=pytest.mark.slow),
]


def installed(name: str) -> Process:
    found = process(name)
    if not found.installed:
        pytest.skip(f"the package {found.package} is not installed")
    return found


def transistor(model: str, vgs_v: float, vds_v: float) -> str:
    lines = ["one transistor", f"Vg g 0 {vgs_v}", f"Vd d 0 {vds_v}", f"M1 d g 0 0 {model} w=10u l=1u", ".end"]
    return "\n".join(lines)


def deck_of(found: Process, text: str, corner: str | None = None) -> Deck:
    return parse_deck(text, found.allowed(STRANGER)).with_libraries(found.libraries(corner))


@pytest.mark.parametrize(("name", "model", "vgs_v", "vds_v", "current_a"), CURRENTS)
def test_a_transistor_carries_the_reference_current(
    name: str, model: str, vgs_v: float, vds_v: float, current_a: float
) -> None:
    deck = deck_of(installed(name), transistor(model, vgs_v, vds_v))
    (point,) = Simulator().run(deck, OperatingPoint())
    assert -point.current("vd")[0] == pytest.approx(current_a, rel=WITHIN)


def test_the_slow_corner_carries_less_and_the_fast_one_more() -> None:
    found = installed("gf180mcu")
    current = {}
    for corner in ("ss", "typical", "ff"):
        (point,) = Simulator().run(deck_of(found, transistor("nfet_03v3", 1.5, 3.3), corner), OperatingPoint())
        current[corner] = -point.current("vd")[0]
    assert current["ss"] < current["typical"] < current["ff"]


def test_a_data_file_tells_what_its_package_holds() -> None:
    assert processes() == ["gf180mcu", "sky130"]
    for name in processes():
        found = installed(name)
        text = found.libraries()[-1].path.read_text(encoding="latin-1").lower()
        assert all(f".lib {corner}" in text for corner in found.corners)
        assert found.typical in ("typical", "tt")


@pytest.mark.parametrize("card", [".include design.ngspice", ".lib sm141064.ngspice typical", ".inc /etc/passwd"])
def test_a_deck_cannot_name_the_files_itself(card: str) -> None:
    text = transistor("nfet_03v3", 1.5, 3.3).replace(".end", f"{card}\n.end")
    with pytest.raises(RefusedError, match="is not allowed"):
        parse_deck(text, process("gf180mcu").allowed(STRANGER))


def test_a_model_of_no_process_is_refused() -> None:
    with pytest.raises(RefusedError, match="nfet_03v3"):
        parse_deck(transistor("nfet_03v3", 1.5, 3.3))


def test_sizes_without_a_model_card_are_told_together() -> None:
    text = "sizes\nV1 d 0 1\nM1 d d 0 0 nfet_03v3 w=200u l=1u\nM2 d d 0 0 nfet_03v3 w=1u l=0.1u\n.end"
    found = process("gf180mcu")
    with pytest.raises(InputError, match=r"m1: w = 200 um is outside 0.22 to 100 um; m2: l = 0.1 um"):
        found.check_sizes(parse_deck(text, found.allowed(STRANGER)))


def test_a_missing_package_says_how_to_install_it() -> None:
    missing = process("gf180mcu").model_copy(update={"package": "no-such-package"})
    with pytest.raises(MissingProgramError, match=r"lightloop\[pdk\]"):
        missing.libraries()


def test_a_misspelt_corner_or_process_names_the_nearest() -> None:
    with pytest.raises(InputError, match="did you mean 'typical'"):
        process("gf180mcu").libraries("typicl")
    with pytest.raises(InputError, match="did you mean 'sky130'"):
        process("sky13")
