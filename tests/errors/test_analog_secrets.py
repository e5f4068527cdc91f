"""A key planted in the environment is found in the request's header and nowhere else."""

from __future__ import annotations

import json
import logging
import pickle
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from lightloop.analog import load_task
from lightloop.analog.backends.cassette import Recorder
from lightloop.analog.backends.openai import OpenAI
from lightloop.analog.backends.secrets import CUT, redacted
from lightloop.analog.bench.run import bench
from lightloop.analog.dialogue.designer import DialogueDesigner
from lightloop.errors import InputError
from lightloop.spice import Sandbox

KEY = "sk-planted-4f9a8b7c6d5e4f3a2b1c0d9e8f"
OTHER = "planted-password-of-another-service"
UNAME = ["uname", "-p"]  # asked by Python's platform module, for the provenance of a run folder
DECK = """amplifier of {said}
.model n1 nmos level=1 kp=100u vto=0.5 lambda=0.02
Vdd Vdd 0 5
Vin Vin 0 {bias}
M1 Vout Vin 0 0 n1 w=10u l=1u ; {said}
R1 Vdd Vout 33k
.end
"""

pytestmark = pytest.mark.skipif(shutil.which("ngspice") is None, reason="ngspice is not installed")


@pytest.fixture
def planted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("OTHER_SERVICE_PASSWORD", OTHER)
    monkeypatch.setenv("OPENAI_LOG", "debug")


@pytest.fixture
def parrot() -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """A hostile server: it says the key that it was given in every answer. Gives its URL, and headers and bodies."""
    asked: list[tuple[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            asked.append((self.headers["Authorization"], body + self.path))
            answer = json.dumps(reply(self.headers["Authorization"], len(asked))).encode()
            self.send_response(401 if "refuse" in body else 200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v1", asked
    server.shutdown()
    server.server_close()


def reply(said: str, count: int) -> dict[str, Any]:
    deck = DECK.format(said=said, bias=0.3 if count == 1 else 0.8)  # the first one is off
    text = f"I was told {said} and {OTHER}.\n\n```spice\n{deck}```\n"
    message = {"role": "assistant", "content": text}
    return {"choices": [{"index": 0, "message": message}], "error": {"message": f"wrong key {said}"}}


def test_key_stands_in_the_header_and_nowhere_else(
    planted: None,
    parrot: tuple[str, list[tuple[str, str]]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
):
    url, asked = parrot
    started: list[tuple[Any, dict[str, Any]]] = []

    class Watched(subprocess.Popen):  # type: ignore[type-arg]
        def __init__(self, command: Any, *rest: Any, **options: Any) -> None:
            started.append((command, options))
            super().__init__(command, *rest, **options)

    monkeypatch.setattr(subprocess, "Popen", Watched)
    caplog.set_level(logging.DEBUG)
    designer = DialogueDesigner(Recorder(OpenAI("m", url), tmp_path / "tape.jsonl"))
    result = bench(designer, [load_task(1)], folder=tmp_path / "run")
    assert (result.scores[0].passed, result.scores[0].repaired) == (1, 1)

    assert [header for header, _ in asked] == [f"Bearer {KEY}"] * 2
    printed = capfd.readouterr()
    told = {
        "requests": "".join(body for _, body in asked),
        "files": "".join(path.read_text() for path in tmp_path.rglob("*") if path.is_file()),
        "log": caplog.text + "".join(map(repr, caplog.records)),
        "terminal": printed.out + printed.err,
        "report": result.markdown() + json.dumps(result.to_dict()),
        "argv": repr(sys.argv) + repr([command for command, _ in started]),
        "objects": repr(designer),
        "pickle": pickle.dumps(designer).decode("latin-1"),
    }
    for place, text in told.items():
        assert KEY not in text, place
        assert OTHER not in text, place
    assert CUT in told["files"]
    simulators = [options for command, options in started if command != UNAME]
    assert simulators
    assert all(options.get("env") == {} for options in simulators), "a simulator inherits the environment"


def test_child_of_the_sandbox_sees_no_key(planted: None, tmp_path: Path):
    for parent in (tmp_path, *list(tmp_path.parents)[:2]):
        parent.chmod(parent.stat().st_mode | 0o755)
    seen = Sandbox().run(Path(shutil.which("env") or "/usr/bin/env"), (), tmp_path).output.decode()
    assert "HOME" in seen
    assert KEY not in seen
    assert "OPENAI" not in seen


def test_error_that_repeats_the_key_is_cut(planted: None, parrot: tuple[str, list[tuple[str, str]]]):
    designer = DialogueDesigner(OpenAI("refuse", parrot[0], retries=0))
    with pytest.raises(InputError, match="refuses the key") as caught:
        designer.trial(load_task(1))
    shown = f"{caught.value!r} {caught.value} {caught.value.__cause__!r}"
    assert KEY not in shown
    assert caught.value.__suppress_context__


def test_only_secrets_are_cut(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SOME_TOKEN", "none")
    monkeypatch.setenv("SOME_SECRET", OTHER)
    monkeypatch.setenv("KEYBOARD", "a keyboard layout")
    text = f"none of a keyboard layout, {OTHER}"
    assert redacted(text) == f"none of a keyboard layout, {CUT}"
