"""Bad input to the accelerator gets one clear message, exit code 2 and no traceback."""

from __future__ import annotations

from pathlib import Path

import pytest

from lightloop import accelerator
from lightloop.errors import InputError, LightloopError

MACHINE_FILE = """
extends = "lt-base"
title = "mine"
source = "test"
"""


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("run", "lt-bas", "deit-tiny"), "did you mean 'lt-base'"),
        (("run", "lt-base", "deit-tini"), "did you mean 'deit-tiny'"),
        (("run", "lt-base", "linear:12"), "linear:INxOUT"),
        (("run", "lt-base", "linear:0x4"), "at least 1, got 0"),
        (("run", "lt-base", "deit-tiny", "--mode", "strikt"), "did you mean 'strict'"),
        (("run", "lt-base", "deit-tiny", "--bits", "0"), "from 1 to 16"),
        (("run", "lt-base", "deit-tiny", "--bits", "four"), "--bits"),
        (("run", "lt-base", "deit-tiny", "--tokens", "-3"), "got -3"),
        (("run", "lt-base", "deit-tiny", "--batch", "0"), "got 0"),
        (("run", "lt-base", "deit-tiny", "--set", "core.hight=3"), "did you mean 'core.height'"),
        (("run", "lt-base", "deit-tiny", "--set", "core.height=-3"), "whole number of at least 1, got -3"),
        (("run", "lt-base", "deit-tiny", "--set", "core.height"), "KEY=NUMBER"),
        (("run", "lt-base", "deit-tiny", "--set", "device.mzm.enrgy_fj=3"), "did you mean 'mzm.energy_fj'"),
        (("run", "lt-base", "deit-tiny", "--set", "device.mzm.energy_fj=-3"), "must not be negative"),
        (("run", "lt-base", "deit-tiny", "--set", "clock_ghz=nan"), "positive number"),
        (("run", "mrr-bank", "deit-tiny", "--set", "core.width=12"), "must be 1, got 12"),
        (("run", "lt-base", "deit-tiny", "--set", "device.coupler.loss_db=5000"), "dBm"),
        (("run", "lt-base", "deit-tiny", "--set", "core.height=1e300"), "1 to 1000000"),
        (("run", "lt-base", "deit-tiny", "--set", "clock_ghz=1e300"), "positive number up to"),
        (("run", "lt-base", "deit-tiny", "--set", "device.hbm.bandwidth_bps=0"), "greater than 0"),
        (("run", "lt-base", "deit-tiny", "--set", "device.laser.wall_plug_efficiency=3"), "a fraction"),
        (("run", "missing.toml", "deit-tiny"), "file not found: missing.toml"),
        (("run", "lt-base"), "Missing argument"),
        (("describe", "lt-huge"), "unknown machine 'lt-huge'"),
        (("compare", "--reference", "missing.csv"), "file not found: missing.csv"),
        (("compair",), "compair"),
    ],
)
def test_command_line(cli, arguments: tuple[str, ...], says: str) -> None:
    done = cli("accelerator", *arguments)
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ("tils = 3", "tils: unknown key; did you mean 'tiles'?"),
        ("tiles = -1", "tiles"),
        ("[core]\nhight = 12", "core.hight: unknown key; did you mean 'height'?"),
        ('[energy]\nlaser = "laser_powr / clock * blocks"', "did you mean 'laser_power'"),
        ('[energy]\nlaser = "exec(1)"', "exec"),
        ('[define]\nshare_2 = "tiles +"', "cannot be read"),
        ("[devices.mzm]\nenergy_fj = 3.0", "must be {value, unit, source, kind}"),
        (
            '[devices.mzm]\nenergy_fj = { value = 3.0, unit = "pJ", source = "me", kind = "assumed" }',
            "devices.mzm.energy_fj: the name says fJ, its unit says pJ",
        ),
        (
            '[devices.mzm]\nenergy_fj = { value = 3.0, unit = "fJ", source = "me", kind = "guessed" }',
            "mzm.energy_fj",
        ),
        ('[energy]\nhbm = "-5"', "energy.hbm: must not be negative, got -5"),
        ('[energy]\nhbm = "0 * m - 5"', "energy of hbm comes out as -5"),
        ('[energy]\nhbm = "1e308 * m"', "energy of hbm comes out as inf"),
        ('[energy]\nhbm = "(0 - m) ** 0.5"', "energy of hbm comes out as nan"),
        ('[power]\nlaser = "laser_power / (bits - 4)"', "power.laser: formula 'laser_power / (bits - 4)' has no value"),
        ('[devices.mzm]\nenergy_fj = { value = true, unit = "fJ", source = "me", kind = "assumed" }', "valid number"),
        ('[devices.hbm]\nbandwidth_bps = { value = 0, unit = "B/s", source = "", kind = "assumed" }', "greater than 0"),
        ("tiles = true", "tiles: must be a number, got true or false"),
        ('[energy]\nhbm = "max"', "max is a function"),
        (f'[energy]\nhbm = "{"-" * 490}1"', "hbm"),
        ('[link]\nsplit = "tiles["', "split"),
        ("this is not TOML", "not valid TOML"),
    ],
)
def test_a_broken_machine_file_is_explained(tmp_path: Path, table: str, says: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(MACHINE_FILE + table)
    with pytest.raises(LightloopError) as raised:
        machine = accelerator.machine(str(path))
        accelerator.simulate(machine, accelerator.workload("deit-tiny"), mode="strict")
    assert says in str(raised.value)
    assert raised.value.exit_code == 2


def test_all_mistakes_of_a_machine_file_are_told_at_once(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(MACHINE_FILE + "tiles = 0\nclock_ghz = -1\nwidht = 3")
    with pytest.raises(InputError) as raised:
        accelerator.machine(str(path))
    message = str(raised.value)
    assert "3 mistakes" in message
    assert all(word in message for word in ("tiles", "clock_ghz", "widht"))


def test_all_sorts_of_mistakes_are_told_together(tmp_path: Path) -> None:
    """A circle of light, a device without a unit, a negative loss and a key that nobody knows, in one message."""
    path = tmp_path / "mine.toml"
    path.write_text(
        MACHINE_FILE
        + """
tils = 3
[link.path]
multiplexer = { loss_db = "-0.5", after = "lasr" }
[devices.mzm]
energy_fj = { value = 3.0, source = "me", kind = "assumed" }
loss_db = { value = -1.2, unit = "dB", source = "me", kind = "assumed" }
length_um = { value = 3.0, unit = "mm", source = "me", kind = "assumed", low = 4.0 }
"""
    )
    with pytest.raises(InputError) as raised:
        accelerator.machine(str(path))
    message = str(raised.value)
    assert "7 mistakes" in message
    for words in (
        "tils: unknown key; did you mean 'tiles'?",
        "unknown stage 'lasr'; did you mean 'laser'?",
        "link.path.multiplexer.loss_db: a loss is not negative, got -0.5",
        "mzm.energy_fj.unit: Field required",
        "mzm.loss_db: a loss is not negative, got -1.2 dB",
        "devices.mzm.length_um: the name says um, its unit says mm",
        "devices.mzm.length_um: low <= value <= high does not hold",
    ):
        assert words in message


def test_what_has_no_value_is_told_together_with_its_place(tmp_path: Path) -> None:
    """Whatever can be computed without a network is computed when the file is read, at the file's own sizes."""
    path = tmp_path / "mine.toml"
    path.write_text(
        MACHINE_FILE
        + """
[define]
a = "b + 1"
b = "c + 1"
c = "a + 1"
d = "later * 2"
later = "3"
e = "1/0"
f = "m + laser_power"
g = "2 * tiles"
h = "1 / (g - 8)"
i = "h + 1"
[link.path]
modulator = { loss_db = "1", after = ["multiplexer", "coupler"] }
[energy]
hbm = "1e308*10"
adc = "(0-1)**0.5"
[area]
dac = "dac.area * (tiles - 5)"
[power]
adc = "log2(g - 8) +"
[devices.mzm]
loss_db = { value = -1.0, low = 4, source = "me", kind = "assumed" }
"""
    )
    with pytest.raises(InputError) as raised:
        accelerator.machine(str(path))
    message = str(raised.value)
    for words in (
        "define goes round in a circle: a uses b uses c uses a",
        "define.d: formula 'later * 2': 'later' is defined below it; entries are computed from top to bottom",
        "define.e: formula '1/0' has no value here: float division by zero",
        "define.f: formula 'm + laser_power': 'laser_power' is not known here: it comes of [link]",
        "'m' is not known here: it belongs to a product of the network",
        "define.h: formula '1 / (g - 8)' has no value",
        "link.path goes round in a circle: modulator -> demultiplexer",
        "energy.hbm: formula '1e308*10' comes out as inf",
        "energy.adc: formula '(0-1)**0.5' comes out as",
        "area.dac: must not be negative, got -",
        "power.adc: formula 'log2(g - 8) +' cannot be read: invalid syntax\n",
        "devices.mzm.loss_db.unit: Field required",
        "devices.mzm.loss_db: low <= value <= high does not hold for [4, -1.0]",
        "devices.mzm.loss_db: a loss is not negative, got -1.0 dB",
    ):
        assert words in message, words
    assert "14 mistakes" in message
    assert "define.i" not in message  # it only follows define.h


@pytest.mark.parametrize(
    ("constant", "says"),
    [
        ('coupler]\nlos_db = { value = 3.0, unit = "dB"', "uses 'coupler.los'; did you mean 'coupler.loss_db'?"),
        ('mzm]\nenergy_pj = { value = 3.0, unit = "pJ"', "the library has this quantity as 'mzm.energy_fj'"),
    ],
)
def test_a_constant_that_nothing_uses_is_a_mistake(tmp_path: Path, constant: str, says: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(MACHINE_FILE + f'[devices.{constant}, source = "me", kind = "assumed" }}')
    with pytest.raises(InputError) as raised:
        accelerator.machine(str(path))
    assert says in str(raised.value)


def test_a_constant_of_ones_own_is_used_by_ones_own_formula(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    constant = 'heater.power_mw = { value = 3.0, unit = "mW", source = "me", kind = "assumed" }'
    path.write_text(MACHINE_FILE + f'[power]\nheater = "heater.power * tiles"\n[devices]\n{constant}')
    chip = accelerator.describe(accelerator.machine(str(path)))
    assert chip.power_mw["heater"] == pytest.approx(12.0)


def test_a_file_that_is_none_of_a_machine_is_explained(tmp_path: Path) -> None:
    path = tmp_path / "mine.txt"
    path.write_text(MACHINE_FILE)
    with pytest.raises(InputError, match=r"machine files end in \.toml"):
        accelerator.machine(str(path))


def test_a_clock_that_stands_still_is_refused_with_its_true_range() -> None:
    with pytest.raises(InputError, match="allowed: above 0, up to 10000"):
        accelerator.machine("lt-base", clock_ghz=0)


def test_light_that_goes_round_in_a_circle_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(MACHINE_FILE + '[link.path]\nmodulator = { loss_db = "1", after = ["multiplexer", "coupler"] }')
    with pytest.raises(InputError, match=r"circle: .*modulator"):
        accelerator.machine(str(path))


def test_every_name_that_nothing_defines_is_told_with_its_place(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(MACHINE_FILE + '[energy]\nlaser = "laser_powr * blocks"\n[area]\ndac = "dac.aria"\n')
    with pytest.raises(InputError) as raised:
        accelerator.machine(str(path))
    assert "2 mistakes" in str(raised.value)
    assert "energy.laser" in str(raised.value)
    assert "did you mean 'dac.area'" in str(raised.value)


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ('[assign]\nlinear = "lt-bas"', "did you mean 'lt-base'"),
        ('[assign]\nlinaer = "lt-base"', "assign.linaer"),
        ('[assign]\nlinear = "lt-base"', "assigns no machine to"),
    ],
)
def test_a_chip_that_cannot_be_is_explained(tmp_path: Path, table: str, says: str) -> None:
    path = tmp_path / "chip.toml"
    path.write_text('title = "mine"\nsource = "test"\n' + table)
    with pytest.raises(InputError, match=says):
        accelerator.simulate(accelerator.machine(str(path)), accelerator.workload("deit-tiny"))


def test_all_mistakes_of_a_chip_are_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "inner.toml").write_text('title = "in"\nsource = "test"\n[assign]\ndefault = "lt-base"')
    path = tmp_path / "chip.toml"
    path.write_text(
        'title = "mine"\nsource = "test"\nsorce = "x"\n'
        '[assign]\nlinaer = "lt-base"\nattention = "lt-bas"\ndefault = "inner.toml"'
    )
    with pytest.raises(InputError) as raised:
        accelerator.machine(str(path))
    message = str(raised.value)
    for words in (
        "sorce: unknown key; did you mean 'source'?",
        "assign.linaer: Input should be",
        "did you mean 'linear'?",
        "assign.attention: unknown machine 'lt-bas'; did you mean 'lt-base'?",
        "assign.default: inner.toml is a chip itself",
    ):
        assert words in message, words
    assert "4 mistakes" in message


def test_a_chip_keeps_its_title_and_says_how_one_part_is_set(tmp_path: Path) -> None:
    path = tmp_path / "chip.toml"
    path.write_text('title = "two cores"\nsource = "test"\n[assign]\nattention = "lt-base"\ndefault = "mrr-bank"')
    assert accelerator.machine(str(path)).title == "two cores"
    with pytest.raises(InputError) as raised:
        accelerator.machine(str(path), tils=3)
    assert "did you mean 'tiles'?" in str(raised.value)
    assert "PART/KEY one of them (attention, default), as in attention/tiles" in str(raised.value)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--schedule", "perfct"), "did you mean 'perfect'"),
        (("--schedule", "serial", "--mode", "compat"), "mode compat knows no schedule serial"),
        (("--set", "charge.stalls=1", "--mode", "fixed"), "mode fixed knows no charge.stalls"),
        (("--set", "charge.stals=1"), "did you mean 'charge.stalls'"),
        (("--rule", "3^b"), "rule of the link budget"),
        (("--set", "laser_margin_db=900"), "a number from -200 to 200"),
    ],
)
def test_options_that_do_not_go(cli, arguments: tuple[str, ...], says: str) -> None:
    done = cli("accelerator", "run", "lt-base", "deit-tiny", *arguments)
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_a_changed_machine_file_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    for tiles in (4, 8):
        path.write_text(MACHINE_FILE + f"tiles = {tiles}")
        assert accelerator.machine(str(path)).quantities["tiles"] == tiles


def test_a_machine_file_extends_one_beside_it(tmp_path: Path) -> None:
    (tmp_path / "first.toml").write_text(MACHINE_FILE + "tiles = 7")
    (tmp_path / "second.toml").write_text('extends = "first.toml"\ncores_per_tile = 3')
    quantities = accelerator.machine(str(tmp_path / "second.toml")).quantities
    assert (quantities["tiles"], quantities["cores_per_tile"]) == (7, 3)


def test_machine_files_that_extend_one_another_in_a_circle_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(f'extends = "{path}"')
    with pytest.raises(InputError, match="circle"):
        accelerator.machine(str(path))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("workload,arch,bits,metric,value,unit\n", "no rows"),
        ("a,b\n1,2\n", "lacks the column"),
        ("workload,arch,bits,metric,value,unit\n-,LT-Q,4,area.total,1,mm2\n", "unknown arch 'LT-Q'"),
        ("workload,arch,bits,metric,value,unit\n-,LT-B,4,area.totl,1,mm2\n", "did you mean 'total'"),
        ("workload,arch,bits,metric,value,unit\n-,LT-B,4,aria.total,1,mm2\n", "unknown metric"),
        ("workload,arch,bits,metric,value,unit\ndeit_9,LT-B,4,energy.total,1,mJ\n", "unknown workload"),
        ("workload,arch,bits,metric,value,unit\n-,LT-B,4,area.total,nan,mm2\n", "not a finite number"),
        ("workload,arch,bits,metric,value,unit\n-,LT-B,four,area.total,1,mm2\n", "line 2"),
    ],
)
def test_a_broken_reference_table_is_explained(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "table.csv"
    path.write_text(text)
    with pytest.raises(InputError) as raised:
        accelerator.compare(path)
    assert says in str(raised.value)


def test_a_module_that_cannot_be_traced_is_explained() -> None:
    import torch
    from torch import nn

    with pytest.raises(InputError, match=r"cannot be traced on inputs \(2, 7\)"):
        accelerator.workload_from_torch(nn.Linear(3, 4), torch.zeros(2, 7))
    with pytest.raises(InputError, match="runs no matrix product"):
        accelerator.workload_from_torch(nn.ReLU(), torch.zeros(2, 7))
    with pytest.raises(InputError, match=r"needs a torch\.nn\.Module"):
        accelerator.workload_from_torch("resnet", torch.zeros(1))
