"""Any person or agent as the model: prompts are files, and so are the answers that are waited for.

The prompt number 3 is written to `0003.prompt.md`; its answer is expected in `0003.answer.md` beside it. A prompt that
stands there already keeps its number, so that a run that was stopped goes on with the answers given so far.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from lightloop.analog.backends.protocol import Access, Backend, Message, Reply, Schema
from lightloop.errors import InputError, InterruptedRunError
from lightloop.runs import write_text

WAIT_S = 3600.0
POLL_S = 0.05
SETTLE_S = 1.0  # an answer is whole when size and time of change have stayed for so long
MAX_BYTES = 1 << 20
MODEL = "hand-written"
HEAD = "<!-- conversation {sample}, message {count}; answer in the file NNNN.answer.md of the same number -->\n\n"


def open_files(folder: str, access: Access) -> Backend:
    """The backend that `files:DIR` names."""
    return Files(Path(folder), access.answer_timeout_s or WAIT_S)


@dataclass(frozen=True)
class Files:
    """Prompts and answers in a folder.

    Args:
        folder: The folder; made if it is not there.
        wait_s: Longest wait for one answer.
        settle_s: How long an answer must lie unchanged before it is read.
    """

    folder: Path
    wait_s: float = WAIT_S
    settle_s: float = SETTLE_S
    model: str = MODEL
    timed: bool = True

    @property
    def name(self) -> str:
        """The specification, with the folder's name only."""
        return f"files:{self.folder.name}"

    def complete(
        self, messages: Sequence[Message], schema: Schema, temperature: float, seed: int, sample: int
    ) -> Reply:
        """The answer in the file beside the prompt.

        Raises:
            InterruptedRunError: No answer came in time.
        """
        prompt = _place(self.folder, prompt_text(messages, sample))
        answer = prompt.with_name(prompt.name.replace(".prompt.", ".answer."))
        return Reply(_awaited(answer, self.wait_s, self.settle_s))


def prompt_text(messages: Sequence[Message], sample: int) -> str:
    """A conversation as a file to be read."""
    parts = [f"# {message.role}\n\n{message.content.strip()}\n" for message in messages]
    return HEAD.format(sample=sample + 1, count=len(messages)) + "\n".join(parts)


def _place(folder: Path, text: str) -> Path:
    """The file of a prompt: the one that holds it already, or else the first free number."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for number in count(1):
            path = folder / f"{number:04d}.prompt.md"
            if _taken(path):
                return write_text(path, text)
            if path.read_text(encoding="utf-8", errors="replace") == text:
                return path
    except OSError as error:
        raise InputError(f"{folder} cannot hold prompts: {error.strerror}") from None
    raise AssertionError("count has no end")


def _taken(path: Path) -> bool:
    """Whether the name was free and is now this process's own."""
    try:
        path.touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def _awaited(path: Path, wait_s: float, settle_s: float) -> str:
    """The text of a file, once it is there, not empty, and no longer changing."""
    until_s = time.monotonic() + wait_s
    seen, since_s = None, time.monotonic()
    while True:
        state, now_s = _state(path), time.monotonic()
        if state != seen:
            seen, since_s = state, now_s
        if state and now_s - since_s >= settle_s:
            return _text(path)
        if now_s > until_s:
            raise InterruptedRunError(
                f"no answer to {path.name.replace('.answer.', '.prompt.')} in {path.parent} within {wait_s:g} s",
                hint=f"write {path.name} beside it and run the same command with --resume; it goes on where it was",
            )
        time.sleep(POLL_S)


def _state(path: Path) -> tuple[int, int] | None:
    """Size and time of the last change; None while there is nothing to read."""
    try:
        found = path.stat()
    except OSError:
        return None
    return (found.st_size, found.st_mtime_ns) if found.st_size else None


def _text(path: Path) -> str:
    with path.open("rb") as stream:
        return stream.read(MAX_BYTES).decode("utf-8", errors="replace")
