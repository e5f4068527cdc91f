"""The text of a run as tokens to train on and text to measure on; what describes it is written into the run folder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lightloop.errors import InputError
from lightloop.pretrain.corpus import Corpus, load_corpus, read_files
from lightloop.pretrain.documents import Documents, open_documents
from lightloop.pretrain.packing import END_OF_TEXT, pack, read_tokens, sample
from lightloop.pretrain.settings import TextSettings
from lightloop.pretrain.tokenizer import BYTES, Tokenizer, byte_tokenizer, train_bpe
from lightloop.runs import RunFolder, read_json, write_json, write_text

DOCUMENT_KEYS = ("name", "documents", "bytes", "sha256", "tokens")


@dataclass(frozen=True)
class ReadyText:
    """A text, ready to train on.

    Attributes:
        tokenizer: How it became tokens.
        tokens: The training split, shape (tokens,); of documents, mapped from the disk.
        held_out: The rest.
        sha256: Digest of the whole text.
    """

    tokenizer: Tokenizer
    tokens: NDArray[np.integer]
    held_out: str
    sha256: str


def read_text(text: TextSettings) -> Corpus | Documents:
    """The text that the settings name. Raises as `load_corpus`, `read_files` and `open_documents` do."""
    if text.by_documents:
        return open_documents(text)
    return read_files(text.files) if text.corpus is None else load_corpus(text.corpus)


def prepare_text(text: TextSettings, folder: RunFolder, given: Tokenizer | None = None, seam: str = "") -> ReadyText:
    """Tokens and held-out text. Those of documents are read back where they are already in the folder.

    Args:
        text: What to read.
        folder: Gets `text.json`, `tokenizer.json`, `held_out.txt` and, for documents, `tokens.npy`.
        given: The tokenizer of a trained model; if None, one is made for the run.
        seam: What that tokenizer knows as the end of a text.

    Raises:
        InputError: The text cannot be read, or is not the one that this folder was begun with.
        MissingProgramError: A package that holds or reads the text is not installed.
    """
    prepare = _prepare_documents if text.by_documents else _prepare_whole
    return prepare(text, folder, given, seam)


def _prepare_whole(text: TextSettings, folder: RunFolder, given: Tokenizer | None, _seam: str) -> ReadyText:
    corpus = read_text(text)
    assert isinstance(corpus, Corpus)
    _record_text(corpus, folder / "text.json")
    training_text, held_out = corpus.split(text.held_out)
    tokenizer = _tokenizer(folder / "tokenizer.json", lambda: given or _fresh(text, training_text))
    write_text(folder / "held_out.txt", held_out)
    return ReadyText(tokenizer, tokenizer.encode(training_text), held_out, corpus.sha256)


def _prepare_documents(text: TextSettings, folder: RunFolder, given: Tokenizer | None, seam: str) -> ReadyText:
    """`text.json` is written last; where it stands, all else is there and the documents are not read again."""
    record, tokens = folder / "text.json", folder / "tokens.npy"
    seam = seam or END_OF_TEXT
    if not record.exists():
        documents = open_documents(text)
        tokenizer = _tokenizer(folder / "tokenizer.json", lambda: given or _fresh_for_documents(text, documents))
        packed = pack(tokens, documents, tokenizer, text.held_out, seam)
        write_text(folder / "held_out.txt", packed.held_out)
        found = {"name": documents.name} | {key: getattr(packed, key) for key in DOCUMENT_KEYS[1:]}
        write_json(record, found)
    known = _known(record)
    return ReadyText(
        Tokenizer.load(folder / "tokenizer.json"),
        read_tokens(tokens, known["tokens"]),
        (folder / "held_out.txt").read_bytes().decode(),
        known["sha256"],
    )


def _known(record: Path) -> dict[str, Any]:
    table = read_json(record)
    if not isinstance(table, dict) or table.keys() != set(DOCUMENT_KEYS):
        raise InputError(f"{record} does not describe documents", hint="delete it and resume the run")
    return table


def _record_text(corpus: Corpus, path: Path) -> None:
    """Write down which text the run reads, or hold it against what was written when the run began."""
    record = {"name": corpus.name, "bytes": corpus.bytes, "sha256": corpus.sha256}
    if path.exists() and read_json(path) != record:
        raise InputError(
            f"the text of {corpus.name} has changed since {path} was written",
            hint="bring the old text back, or begin a new run in another --out",
        )
    write_json(path, record)


def _tokenizer(path: Path, make: Callable[[], Tokenizer]) -> Tokenizer:
    """The tokenizer of the run: read back where it is already written, so that it never changes within a run."""
    if not path.exists():
        make().save(path)
    return Tokenizer.load(path)


def _fresh(text: TextSettings, training_text: str) -> Tokenizer:
    return byte_tokenizer() if text.tokenizer == "bytes" else train_bpe(training_text, text.bpe_vocab)


def _fresh_for_documents(text: TextSettings, documents: Documents) -> Tokenizer:
    """A tokenizer with one more token, that ends a document; a BPE has one of its own less for it."""
    if text.tokenizer == "bytes":
        return byte_tokenizer().with_special(END_OF_TEXT)
    words = max(text.bpe_vocab - 1, BYTES)
    return train_bpe(sample(documents, text.held_out), words).with_special(END_OF_TEXT)
