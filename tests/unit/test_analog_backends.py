"""Backends: cassettes record and replay, prompts and answers as files, a server that speaks chat completions."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from lightloop.analog.backends.cassette import Recorder, Replay, key_of, read_cassette
from lightloop.analog.backends.files import Files
from lightloop.analog.backends.openai import OpenAI
from lightloop.analog.backends.protocol import Access, Message, Reply
from lightloop.analog.backends.registry import BACKENDS, open_backend
from lightloop.errors import InputError, InterruptedRunError

TALK = (Message("system", "be brief"), Message("user", "Task 1\nsay something"))
SCHEMA = {"type": "object", "properties": {}}
SETTLE_S = 0.05
SOON_S = 5.0


class Echo:
    """A backend that counts its calls."""

    name, model, timed = "echo:test", "echo", True

    def __init__(self) -> None:
        self.calls = 0

    def complete(self, messages, schema, temperature, seed, sample):
        self.calls += 1
        return Reply(f"answer {self.calls} to {messages[-1].content}", 12, 3)


def ask(backend: Any, text: str = "say something", sample: int = 0, temperature: float = 0.5) -> Reply:
    return backend.complete((TALK[0], Message("user", text)), SCHEMA, temperature, 0, sample)


# Cassettes


def test_recording_replays_word_for_word(tmp_path: Path):
    recorder = Recorder(Echo(), tmp_path / "tape.jsonl")
    recorded = [ask(recorder, text, sample) for text in ("one", "two") for sample in (0, 1)]
    replay = Replay(tmp_path / "tape.jsonl")
    assert [ask(replay, text, sample) for text in ("one", "two") for sample in (0, 1)] == recorded
    assert (replay.model, replay.timed, replay.name) == ("echo", False, "replay:tape.jsonl")


def test_recording_goes_on_and_asks_nothing_twice(tmp_path: Path):
    tape, first, second = tmp_path / "tape.jsonl", Echo(), Echo()
    ask(Recorder(first, tape), "one")
    ask(Recorder(second, tape), "one")
    ask(Recorder(second, tape), "two")
    assert (first.calls, second.calls, len(read_cassette(tape))) == (1, 1, 2)


def test_line_that_a_kill_cut_off_is_forgotten(tmp_path: Path):
    tape = tmp_path / "tape.jsonl"
    recorder = Recorder(Echo(), tape)
    ask(recorder, "one"), ask(recorder, "two")
    tape.write_bytes(tape.read_bytes()[:-20])
    assert len(read_cassette(tape)) == 1
    ask(Recorder(Echo(), tape), "two")
    assert len(read_cassette(tape)) == 2
    assert all(json.loads(line) for line in tape.read_text().splitlines())


def test_recordings_of_several_threads_stay_whole(tmp_path: Path):
    tape = tmp_path / "tape.jsonl"
    recorders = [Recorder(Echo(), tape) for _ in range(4)]
    threads = [
        threading.Thread(target=lambda i=i: [ask(recorders[i], f"{i}-{n} " + "x" * 20_000) for n in range(5)])
        for i in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(read_cassette(tape)) == 20


@pytest.mark.parametrize("change", [{"text": "other"}, {"sample": 1}, {"temperature": 0.7}])
def test_prompt_that_was_not_recorded_is_an_error_that_names_it(tmp_path: Path, change: dict[str, Any]):
    ask(Recorder(Echo(), tmp_path / "tape.jsonl"))
    with pytest.raises(InputError, match="has no answer to"):
        ask(Replay(tmp_path / "tape.jsonl"), **change)


def test_key_depends_on_all_that_was_asked():
    keys = {
        key_of("m", TALK, 0.5, 0, 0),
        key_of("n", TALK, 0.5, 0, 0),
        key_of("m", TALK[:1], 0.5, 0, 0),
        key_of("m", TALK, 0.6, 0, 0),
        key_of("m", TALK, 0.5, 1, 0),
        key_of("m", TALK, 0.5, 0, 1),
    }
    assert len(keys) == 6
    assert key_of("m", list(TALK), 0.5, 0, 0) in keys


@pytest.mark.parametrize(
    ("text", "told"),
    [("", "no answer"), ("nonsense\n", "no entry"), ('{"key": 1}\n', "no entry"), ("[]\n", "no entry")],
)
def test_broken_cassette_is_refused(tmp_path: Path, text: str, told: str):
    (tmp_path / "tape.jsonl").write_text(text)
    with pytest.raises(InputError, match=told):
        Replay(tmp_path / "tape.jsonl")


def test_cassette_of_two_models_or_none_is_refused(tmp_path: Path):
    other = Echo()
    other.model = "other"
    ask(Recorder(Echo(), tmp_path / "tape.jsonl"), "one")
    ask(Recorder(other, tmp_path / "tape.jsonl"), "two")
    with pytest.raises(InputError, match="2 models: echo, other"):
        Replay(tmp_path / "tape.jsonl")
    with pytest.raises(InputError, match="file not found"):
        Replay(tmp_path / "none.jsonl")


# Specifications


@pytest.mark.parametrize(("given", "told"), [("opnai:x", "did you mean 'openai'"), ("openai:", "nothing follows")])
def test_specification_that_names_no_backend_is_refused(given: str, told: str):
    with pytest.raises(InputError, match=told):
        open_backend(given)


def test_every_backend_is_found_by_its_prefix(tmp_path: Path):
    ask(Recorder(Echo(), tmp_path / "tape.jsonl"))
    rest = {"openai": "some-model", "replay": str(tmp_path / "tape.jsonl"), "files": str(tmp_path / "talk")}
    assert set(rest) == set(BACKENDS)
    for prefix, name in rest.items():
        backend = open_backend(f"{prefix}:{name}", Access("http://127.0.0.1:9/v1", 1.0))
        assert backend.name.startswith(f"{prefix}:")


def test_shipped_cassette_is_found_by_name():
    assert open_backend("replay:demo").model == "hand-written"


# Files


def answer_later(path: Path, write: Callable[[Path], None]) -> threading.Thread:
    """Wait for the prompt beside `path`, then write the answer."""

    def wait() -> None:
        until = time.monotonic() + SOON_S
        while not path.with_name(path.name.replace("answer", "prompt")).exists() and time.monotonic() < until:
            time.sleep(0.01)
        write(path)

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


def test_answer_is_read_from_the_file_beside_the_prompt(tmp_path: Path):
    thread = answer_later(tmp_path / "0001.answer.md", lambda path: path.write_text("my answer"))
    reply = ask(Files(tmp_path, SOON_S, SETTLE_S), "design it")
    thread.join()
    assert reply == Reply("my answer")
    prompt = (tmp_path / "0001.prompt.md").read_text()
    assert "# system\n\nbe brief" in prompt
    assert "# user\n\ndesign it" in prompt


def test_answer_that_is_still_being_written_is_not_read(tmp_path: Path):
    def write(path: Path) -> None:
        with path.open("w") as stream:
            for word in ("one ", "two ", "three"):
                stream.write(word)
                stream.flush()
                time.sleep(0.1)

    thread = answer_later(tmp_path / "0001.answer.md", write)
    reply = ask(Files(tmp_path, SOON_S, settle_s=0.4))
    thread.join()
    assert reply.text == "one two three"


def test_time_out_says_how_to_go_on_and_the_next_run_does(tmp_path: Path):
    files = Files(tmp_path, 0.2, SETTLE_S)
    (tmp_path / "0001.answer.md").write_text("first answer")
    assert ask(files, "first").text == "first answer"
    with pytest.raises(InterruptedRunError, match=r"0002\.prompt\.md.*\n.*0002\.answer\.md") as caught:
        ask(files, "second")
    assert caught.value.exit_code == 130
    (tmp_path / "0002.answer.md").write_text("second answer")
    again = Files(tmp_path, 0.2, SETTLE_S)
    assert [ask(again, text).text for text in ("first", "second")] == ["first answer", "second answer"]
    assert len(list(tmp_path.glob("*.prompt.md"))) == 2


def test_empty_answer_is_waited_for_and_samples_have_their_own_prompts(tmp_path: Path):
    (tmp_path / "0001.answer.md").write_text("")
    files = Files(tmp_path, 0.2, SETTLE_S)
    for sample in (0, 1):
        with pytest.raises(InterruptedRunError):
            ask(files, sample=sample)
    assert len(list(tmp_path.glob("*.prompt.md"))) == 2


def test_conversations_at_the_same_time_have_numbers_of_their_own(tmp_path: Path):
    replies: dict[str, str] = {}
    files = Files(tmp_path, SOON_S, SETTLE_S)

    def answer() -> None:
        until = time.monotonic() + SOON_S
        while len(replies) < 4 and time.monotonic() < until:
            for prompt in tmp_path.glob("*.prompt.md"):
                path = prompt.with_name(prompt.name.replace("prompt", "answer"))
                if prompt.stat().st_size and not path.exists():
                    path.write_text(f"answer to {prompt.read_text().split()[-1]}")
            time.sleep(0.01)

    def talk(word: str) -> None:
        replies[word] = ask(files, word).text

    threads = [threading.Thread(target=answer), *(threading.Thread(target=talk, args=(word,)) for word in "abcd")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert replies == {word: f"answer to {word}" for word in "abcd"}


def test_folder_that_cannot_be_made_is_refused(tmp_path: Path):
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(InputError, match="cannot hold prompts"):
        ask(Files(tmp_path / "taken", 0.1))


# OpenAI-compatible servers

Plan = Callable[[dict[str, Any], int], tuple[int, Any]]


def completion(text: str | None = "hello") -> dict[str, Any]:
    message = {"role": "assistant", "content": text}
    return {
        "id": "x",
        "object": "chat.completion",
        "created": 0,
        "model": "m",
        "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
        "usage": {"prompt_tokens": 11, "completion_tokens": 5, "total_tokens": 16},
    }


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Plan], tuple[str, list[dict[str, Any]]]]]:
    """Start a chat server that answers by a plan; gives its URL and what it was asked."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    running: list[ThreadingHTTPServer] = []

    def start(plan: Plan) -> tuple[str, list[dict[str, Any]]]:
        asked: list[dict[str, Any]] = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                status, answer = plan(asked[-1], len(asked))
                body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.send_header("retry-after-ms", "1")
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        running.append(ThreadingHTTPServer(("127.0.0.1", 0), Handler))
        threading.Thread(target=running[-1].serve_forever, args=(0.01,), daemon=True).start()
        return f"http://127.0.0.1:{running[-1].server_port}/v1", asked

    yield start
    for item in running:
        item.shutdown()
        item.server_close()


def refusing(*options: str) -> Plan:
    """A server that does not know some options, and does not say which."""

    def plan(body: dict[str, Any], _: int) -> tuple[int, Any]:
        return (400, {"error": {"message": "bad request"}}) if set(options) & body.keys() else (200, completion())

    return plan


def test_server_is_asked_with_schema_seed_and_temperature(server):
    url, asked = server(lambda *_: (200, completion()))
    assert ask(OpenAI("m", url)) == Reply("hello", 11, 5)
    (body,) = asked
    assert body["messages"] == [{"role": "system", "content": "be brief"}, {"role": "user", "content": "say something"}]
    assert (body["model"], body["temperature"], body["seed"]) == ("m", 0.5, 0)
    assert body["response_format"]["json_schema"]["schema"] == SCHEMA


def test_samples_of_one_seed_have_seeds_of_their_own(server):
    url, asked = server(lambda *_: (200, completion()))
    backend = OpenAI("m", url)
    for seed, sample in ((0, 0), (0, 1), (1, 0)):
        backend.complete(TALK, SCHEMA, 0.5, seed, sample)
    assert len({body["seed"] for body in asked}) == 3


@pytest.mark.parametrize("options", [["response_format"], ["seed", "response_format"], ["temperature"]])
def test_options_that_the_server_refuses_are_found_once_and_left_out(server, options: list[str]):
    url, asked = server(refusing(*options))
    backend = OpenAI("m", url)
    assert ask(backend).text == "hello"
    tries = len(asked)
    assert ask(backend).text == "hello"
    assert len(asked) == tries + 1
    assert not set(options) & asked[-1].keys()


def test_option_that_the_server_names_is_the_only_one_left_out(server):
    refused = {"error": {"message": "Unsupported value: 'temperature'", "param": "temperature"}}
    url, asked = server(lambda body, _: (400, refused) if "temperature" in body else (200, completion()))
    ask(OpenAI("m", url))
    assert {"response_format", "seed"} <= asked[-1].keys()


def test_request_that_no_option_explains_is_an_error_and_leaves_the_options(server):
    url, asked = server(lambda *_: (400, {"error": {"message": "the context is too long"}}))
    backend = OpenAI("m", url)
    with pytest.raises(InputError, match="the context is too long"):
        ask(backend)
    assert (len(asked), backend.left_out) == (4, frozenset())


def test_busy_server_is_asked_again_and_not_for_ever(server):
    url, asked = server(
        lambda _, count: (429, {"error": {"message": "slow down"}}) if count < 3 else (200, completion())
    )
    assert ask(OpenAI("m", url)).text == "hello"
    assert len(asked) == 3
    url, asked = server(lambda *_: (429, {"error": {"message": "slow down"}}))
    with pytest.raises(InputError, match="takes no more requests"):
        ask(OpenAI("m", url, retries=2))
    assert len(asked) == 3


@pytest.mark.parametrize("answer", [b"<html>", b"[]", b"{}", {"choices": []}, {"choices": [{"message": None}]}])
def test_answer_that_is_no_completion_is_an_error(server, answer: Any):
    url, _ = server(lambda *_: (200, answer))
    with pytest.raises(InputError):
        ask(OpenAI("m", url, retries=0))


def test_model_that_says_nothing_gives_an_empty_reply(server):
    url, _ = server(lambda *_: (200, completion(None)))
    assert ask(OpenAI("m", url)).text == ""


@pytest.mark.parametrize(("status", "told"), [(401, "refuses the key"), (404, "does not know 'm'"), (500, "failed")])
def test_refusals_have_a_sentence(server, status: int, told: str):
    url, _ = server(lambda *_: (status, {"error": {"message": "no"}}))
    with pytest.raises(InputError, match=told):
        ask(OpenAI("m", url, retries=0))


def test_missing_key_and_unreachable_server_have_a_sentence(server, monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(InputError, match="no key for openai:m"):
        OpenAI("m")
    with pytest.raises(InputError, match=r"127\.0\.0\.1 cannot be reached"):
        ask(OpenAI("m", "http://127.0.0.1:9/v1", retries=0))
    url, _ = server(lambda *_: (time.sleep(0.5), (200, completion()))[1])
    with pytest.raises(InputError, match="did not answer within"):
        ask(OpenAI("m", url, timeout_s=0.1, retries=0))
    monkeypatch.setenv("OPENAI_BASE_URL", url)
    assert ask(OpenAI("m")).text == "hello"
