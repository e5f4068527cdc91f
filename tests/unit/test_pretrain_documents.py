"""Text by documents: packed without a gap, on disk, the same however it is stored, and read once."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from lightloop.errors import InputError, MissingProgramError
from lightloop.pretrain import packing
from lightloop.pretrain.documents import open_documents
from lightloop.pretrain.evaluation import evaluate, held_out_windows, load_run
from lightloop.pretrain.packing import END_OF_TEXT
from lightloop.pretrain.settings import PretrainSettings, TextSettings
from lightloop.pretrain.text import ReadyText, prepare_text
from lightloop.pretrain.tokenizer import byte_tokenizer
from lightloop.pretrain.trainer import train
from lightloop.runs import RunFolder, read_json

DOCUMENTS = [f"Chapter {n}. The quick brown fox of house {n * n} jumps over {n} lazy dogs — æ." for n in range(60)]
HELD_OUT = 0.1
KEPT = [document for n, document in enumerate(DOCUMENTS) if (n + 1) % 10 == 0]
SEEN = [document for n, document in enumerate(DOCUMENTS) if (n + 1) % 10 != 0]


def as_lines(folder: Path) -> Path:
    path = folder / "pages.jsonl"
    path.write_text("".join(json.dumps({"id": n, "page": text}) + "\n" for n, text in enumerate(DOCUMENTS)))
    return path


def as_parquet(folder: Path) -> Path:
    import pyarrow as pa
    from pyarrow.parquet import write_table

    write_table(pa.table({"id": list(range(60)), "page": DOCUMENTS}), folder / "pages.parquet", row_group_size=7)
    return folder / "pages.parquet"


STORES: dict[str, Callable[[Path], Path]] = {"jsonl": as_lines, "parquet": as_parquet}


def text_of(path: Path, **changes: object) -> TextSettings:
    table = {"files": [str(path)], "column": "page", "vocab": 300, "held_out": HELD_OUT, **changes}
    return TextSettings.model_validate(table)


def ready(text: TextSettings, folder: Path) -> ReadyText:
    return prepare_text(text, RunFolder(folder))


@pytest.mark.parametrize("store", STORES)
def test_documents_are_one_stream_with_an_end_after_each(tmp_path: Path, store: str) -> None:
    text = ready(text_of(STORES[store](tmp_path)), tmp_path / "run")
    assert text.tokenizer.vocab <= 300
    assert text.tokenizer.decode(np.asarray(text.tokens)) == "".join(document + END_OF_TEXT for document in SEEN)
    assert text.held_out == END_OF_TEXT.join(KEPT)
    ends = text.tokens == text.tokenizer.encode(END_OF_TEXT)[0]
    assert ends.sum() == len(SEEN) and ends[-1]
    assert isinstance(text.tokens, np.memmap) and text.tokens.dtype == np.uint16
    assert text.tokenizer.byte_lengths[text.tokens].sum() == sum(len(document.encode()) for document in SEEN)


def test_the_store_does_not_matter(tmp_path: Path) -> None:
    read = [ready(text_of(make(tmp_path)), tmp_path / name) for name, make in STORES.items()]
    assert len({text.sha256 for text in read}) == 1
    assert np.array_equal(read[0].tokens, read[1].tokens)


def test_chunks_leave_no_trace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = ready(text_of(as_lines(tmp_path)), tmp_path / "whole")
    monkeypatch.setattr(packing, "CHUNK_CHARACTERS", 200)
    cut = ready(text_of(as_lines(tmp_path)), tmp_path / "cut")
    assert np.array_equal(whole.tokens, cut.tokens) and whole.sha256 == cut.sha256


def test_what_is_held_in_memory_is_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "HELD_OUT_CHARACTERS", len(KEPT[0]) + 1)
    monkeypatch.setattr(packing, "SAMPLE_CHARACTERS", 300)
    text = ready(text_of(as_lines(tmp_path)), tmp_path / "run")
    assert text.held_out == END_OF_TEXT.join(KEPT[:2])
    assert len(packing.sample(DOCUMENTS, HELD_OUT)) < 300 + len(DOCUMENTS[-1])


def test_bytes_and_a_limit_of_documents(tmp_path: Path) -> None:
    text = ready(text_of(as_lines(tmp_path), tokenizer="bytes", vocab=None, documents=20), tmp_path / "run")
    assert text.tokenizer.vocab == 257
    assert read_json(tmp_path / "run/text.json")["documents"] == 20
    assert text.held_out == END_OF_TEXT.join(KEPT[:2])


def run_of(path: Path) -> PretrainSettings:
    return PretrainSettings.model_validate(
        {
            "model": {"hidden": 16, "intermediate": 24, "heads": 2, "layers": 1, "context": 16},
            "text": text_of(path).model_dump(),
            "train": {"steps": 8, "batch": 4, "eval_every": 4, "eval_tokens": 64, "checkpoint_every": 2},
        }
    )


def test_a_run_reads_its_documents_once(tmp_path: Path) -> None:
    settings = run_of(as_lines(tmp_path))
    whole = train(settings, tmp_path / "whole")

    def stop(step: int, loss: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(settings, tmp_path / "broken", on_step=stop)
    Path(settings.text.files[0]).unlink()
    resumed = train(settings, tmp_path / "broken", resume=True)
    assert resumed.final_val_loss == whole.final_val_loss
    model, _, _ = load_run(tmp_path / "broken")
    measured = evaluate(model, held_out_windows(tmp_path / "broken"))
    assert measured.loss == whole.final_val_loss
    assert measured.nats_per_byte == whole.nats_per_byte


def test_tokens_cut_short_are_noticed(tmp_path: Path) -> None:
    settings = text_of(as_lines(tmp_path))
    ready(settings, tmp_path / "run")
    content = (tmp_path / "run/tokens.npy").read_bytes()
    (tmp_path / "run/tokens.npy").write_bytes(content[:-10])
    with pytest.raises(InputError, match=r"tokens.npy holds no tokens[\s\S]*text.json"):
        ready(settings, tmp_path / "run")


def test_tables_that_hold_no_text_are_named(tmp_path: Path) -> None:
    path = as_lines(tmp_path)
    with pytest.raises(InputError, match=r"no column 'text'[\s\S]*id, page[\s\S]*text.column"):
        open_documents(text_of(path, column="text"))
    with pytest.raises(InputError, match=r"no column 'text'[\s\S]*text.column"):
        open_documents(text_of(as_parquet(tmp_path), column="text"))
    with pytest.raises(InputError, match="holds int, not text"):
        open_documents(text_of(path, column="id"))
    path.write_text('{"page": "one"}\n{"page": \n')
    with pytest.raises(InputError, match=r"line 2 of .*pages\.jsonl is not JSON"):
        list(open_documents(text_of(path)))
    path.write_text('["page"]\n')
    with pytest.raises(InputError, match=r"line 1 of .*pages\.jsonl holds a list"):
        open_documents(text_of(path))
    path.write_text('{"page": " "}\n')
    with pytest.raises(InputError, match="is empty"):
        open_documents(text_of(path))
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(InputError, match=r"cannot read .*broken\.parquet"):
        open_documents(text_of(tmp_path / "broken.parquet"))
    with pytest.raises(InputError, match="none is held out"):
        ready(text_of(as_lines(tmp_path), documents=5), tmp_path / "run")


def test_text_settings_that_do_not_fit_are_named() -> None:
    for table, said in (
        ({"corpus": "kjv", "dataset": "c4"}, "either corpus"),
        ({"files": ["a.txt"], "documents": 3}, "documents counts those of tables"),
        ({"files": ["a.txt"], "dataset_config": "en"}, "dataset_config is of a dataset"),
    ):
        with pytest.raises(ValueError, match=said):
            TextSettings.model_validate(table)


def test_a_data_set_without_its_package_names_the_line_to_type(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "datasets", None)
    with pytest.raises(MissingProgramError, match=r"pip install 'lightloop\[hf\]'"):
        open_documents(TextSettings(dataset="allenai/c4", dataset_config="en"))


@pytest.mark.parametrize("divided", [False, True])
def test_a_saved_data_set_gives_the_same_tokens(tmp_path: Path, divided: bool) -> None:
    datasets = pytest.importorskip("datasets")
    rows = datasets.Dataset.from_dict({"page": DOCUMENTS})
    saved = datasets.DatasetDict({"train": rows, "other": rows.select([0])}) if divided else rows
    saved.save_to_disk(str(tmp_path / "saved"))
    text = ready(text_of(tmp_path, files=[], dataset=str(tmp_path / "saved")), tmp_path / "run")
    lines = ready(text_of(as_lines(tmp_path)), tmp_path / "lines")
    assert np.array_equal(text.tokens, lines.tokens) and text.sha256 == lines.sha256
    if divided:
        with pytest.raises(InputError, match="cannot read split 'test'"):
            open_documents(text_of(tmp_path, files=[], dataset=str(tmp_path / "saved"), split="test"))


def test_a_folder_of_tables_streams_as_a_data_set(tmp_path: Path) -> None:
    pytest.importorskip("datasets")
    (tmp_path / "data").mkdir()
    as_parquet(tmp_path / "data")
    text = ready(text_of(tmp_path, files=[], dataset=str(tmp_path / "data")), tmp_path / "run")
    assert text.held_out == END_OF_TEXT.join(KEPT)


def test_text_as_it_was_has_no_token_of_its_own() -> None:
    assert byte_tokenizer().vocab == 256 and byte_tokenizer().byte_lengths.tolist() == [1] * 256
