"""Record the cassette `demo` anew from the hand-written answers beside this file: `answers/TASK.ATTEMPT.md`.

    python tests/data/cassettes/record.py

Needed whenever a word of a prompt, of a limit or of the checker changes, as the keys of a cassette hold the whole
conversation. The answers go through the backend `files:DIR`, as those of any person would. A minute or two.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from lightloop.analog.backends.cassette import CASSETTES, Recorder
from lightloop.analog.backends.files import Files
from lightloop.analog.dialogue.designer import DialogueDesigner
from lightloop.analog.task import load_task
from lightloop.analog.trial import Trial

ANSWERS = Path(__file__).parent / "answers"
DEMO = Path(str(CASSETTES / "demo.jsonl"))
ATTEMPTS = 3


def record(number: str, cassette: Path, folder: Path) -> Trial:
    """The conversation about one task, with its answers laid out in a folder."""
    folder.mkdir()
    for place, answer in enumerate(sorted(ANSWERS.glob(f"{number}.*.md")), start=1):
        shutil.copy(answer, folder / f"{place:04d}.answer.md")
    backend = Recorder(Files(folder, wait_s=2.0, settle_s=0.0), cassette)
    return DialogueDesigner(backend, attempts=ATTEMPTS).trial(load_task(int(number)))


def main() -> None:
    """Record all conversations and say how they went."""
    with tempfile.TemporaryDirectory() as name:
        made = Path(name) / DEMO.name
        for number in sorted({path.name[:2] for path in ANSWERS.glob("*.md")}):
            trial = record(number, made, Path(name) / number)
            print(
                number, trial.task, "passes" if trial.ok else "FAILS", f"at attempt {len(trial.attempts)}", flush=True
            )
        DEMO.parent.mkdir(exist_ok=True)
        shutil.copy(made, DEMO)
    print(f"{DEMO}: {DEMO.stat().st_size} bytes")


if __name__ == "__main__":
    main()
