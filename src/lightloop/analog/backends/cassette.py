"""Cassettes: answers on file, one JSON object on each line, found by what was asked.

The key of an answer is the SHA-256 digest of model, messages, temperature, seed and sample. `Recorder` asks another
backend and takes its answers down as they come, so that a killed recording goes on where it was; `Replay` has nothing
but the file, and a prompt that is not in it is an error.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from importlib.resources import files
from pathlib import Path
from typing import Any

from lightloop.analog.backends.protocol import Access, Backend, Message, Reply, Schema
from lightloop.analog.backends.secrets import redacted
from lightloop.errors import InputError

CASSETTES = files("lightloop.analog") / "backends" / "cassettes"
MAX_SHOWN = 100  # characters of a prompt that stand for it
FIELDS = {"key": str, "model": str, "sample": int, "prompt": str, "answer": str}
FIELDS |= {"prompt_tokens": int, "answer_tokens": int}


def open_replay(path: str, access: Access) -> Backend:
    """The backend that `replay:FILE` names; a bare name is a cassette that comes with lightloop, such as `demo`."""
    shipped = Path(str(CASSETTES / f"{path}.jsonl"))
    return Replay(shipped if not Path(path).exists() and path.isidentifier() and shipped.is_file() else Path(path))


def key_of(model: str, messages: Sequence[Message], temperature: float, seed: int, sample: int) -> str:
    """The key of an answer, in hexadecimal."""
    asked = [model, [message.to_dict() for message in messages], float(temperature), seed, sample]
    return hashlib.sha256(json.dumps(asked, ensure_ascii=True).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Entry:
    """One answer on file.

    Args:
        key: What was asked, see `key_of`.
        model: Who answered.
        sample: Index of the conversation.
        prompt: The beginning of the prompt, for readers.
        answer: The reply.
    """

    key: str
    model: str
    sample: int
    prompt: str
    answer: Reply

    def line(self) -> str:
        """The entry as a line of a cassette."""
        table = {"key": self.key, "model": self.model, "sample": self.sample, "prompt": self.prompt}
        table |= {"answer": self.answer.text, "prompt_tokens": self.answer.prompt_tokens}
        return json.dumps(table | {"answer_tokens": self.answer.answer_tokens}, ensure_ascii=True) + "\n"


@dataclass
class Replay:
    """Answers from a cassette only.

    Raises:
        InputError: The file is missing, broken, empty, or of more than one model.
    """

    path: Path
    entries: dict[str, Entry] = field(init=False, repr=False)
    model: str = field(init=False)
    timed: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        self.entries = read_cassette(self.path)
        models = sorted({entry.model for entry in self.entries.values()})
        if len(models) != 1:
            told = f"answers of {len(models)} models: {', '.join(models)}" if models else "no answer"
            raise InputError(f"{self.path} holds {told}", hint="a cassette holds the answers of one model")
        self.model = models[0]

    @property
    def name(self) -> str:
        """The specification, with the file's name only: reports do not depend on where it lies."""
        return f"replay:{self.path.name}"

    def complete(
        self, messages: Sequence[Message], schema: Schema, temperature: float, seed: int, sample: int
    ) -> Reply:
        """The answer on file. Raises `InputError` where there is none."""
        key = key_of(self.model, messages, temperature, seed, sample)
        if key not in self.entries:
            raise InputError(
                f"{self.path} has no answer to {_shown(messages)!r}, message {len(messages)}, sample {sample} "
                f"(key {key[:12]}...)",
                hint=f"it holds {len(self.entries)} answers, {self._samples()} of a task; record it with the same "
                "tasks, samples, attempts, seed and temperature",
            )
        return self.entries[key].answer

    def _samples(self) -> str:
        count = 1 + max(entry.sample for entry in self.entries.values())
        return f"{count} sample{'s' if count > 1 else ''}"


@dataclass
class Recorder:
    """Another backend, whose answers are taken down. What the cassette holds already is not asked again."""

    backend: Backend
    path: Path
    entries: dict[str, Entry] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.entries = read_cassette(self.path) if self.path.exists() else {}

    @property
    def name(self) -> str:
        """The name of the backend that is recorded."""
        return self.backend.name

    @property
    def model(self) -> str:
        """The model that is recorded."""
        return self.backend.model

    @property
    def timed(self) -> bool:
        """As the backend that is recorded."""
        return self.backend.timed

    def complete(
        self, messages: Sequence[Message], schema: Schema, temperature: float, seed: int, sample: int
    ) -> Reply:
        """The answer on file, or else that of the backend, which is then on file."""
        key = key_of(self.model, messages, temperature, seed, sample)
        if key not in self.entries:
            reply = self.backend.complete(messages, schema, temperature, seed, sample)
            reply = replace(reply, text=redacted(reply.text))
            self.entries[key] = Entry(key, self.model, sample, redacted(_shown(messages)), reply)
            append(self.path, self.entries[key])
        return self.entries[key].answer


def read_cassette(path: Path) -> dict[str, Entry]:
    """Entries by key. A last line without its end, as a kill leaves it, is not read.

    Raises:
        InputError: The file is missing, or a line of it is broken.
    """
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except FileNotFoundError:
        raise InputError(f"file not found: {path}", hint="record a cassette first") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read {path}: {error}") from None
    found: dict[str, Entry] = {}
    for number, line in enumerate(lines[:-1], start=1):
        entry = _entry(line, f"{path}, line {number}")
        found.setdefault(entry.key, entry)
    return found


def append(path: Path, entry: Entry) -> None:
    """Add one line as a whole, after what is left of a line that a kill has cut off."""
    import fcntl

    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab+") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        stream.seek(0)
        stream.truncate(stream.read().rfind(b"\n") + 1)
        stream.write(entry.line().encode("ascii"))
        stream.flush()
        os.fsync(stream.fileno())


def _entry(line: str, place: str) -> Entry:
    try:
        table: Any = json.loads(line)
        wrong = [name for name, kind in FIELDS.items() if not isinstance(table[name], kind)]
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{place} is no entry of a cassette: {error}") from None
    if wrong:
        raise InputError(f"{place} is no entry of a cassette: {', '.join(wrong)} of the wrong kind")
    reply = Reply(table["answer"], table["prompt_tokens"], table["answer_tokens"])
    return Entry(table["key"], table["model"], table["sample"], table["prompt"], reply)


def _shown(messages: Sequence[Message]) -> str:
    """The first line of the first question, by which a reader knows the conversation."""
    asked = next((message.content for message in messages if message.role == "user"), "")
    return asked.strip().split("\n", 1)[0][:MAX_SHOWN]
