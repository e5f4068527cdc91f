"""Tokenizers: bytes are numbered by value, pieces do not change tokens, files come back."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer as Engine
from tokenizers.pre_tokenizers import ByteLevel

from lightloop.pretrain import tokenizer as module
from lightloop.pretrain.tokenizer import Tokenizer, byte_tokenizer, pieces, train_bpe

TEXT = "In the beginning  was the word,\n\n and the\tword was \n long. It's don't — ok \n" * 30


def test_a_byte_token_is_its_value() -> None:
    tokenizer = byte_tokenizer()
    assert tokenizer.vocab == 256
    assert bytes(tokenizer.encode("né\n").tolist()) == "né\n".encode()
    assert (tokenizer.byte_lengths == 1).all()


def test_the_alphabet_is_the_librarys() -> None:
    assert sorted(module._characters().values()) == sorted(ByteLevel.alphabet())


def test_merges_shorten_the_text_and_are_at_most_as_many_as_asked() -> None:
    tokenizer = train_bpe(TEXT, 300)
    assert 256 < tokenizer.vocab <= 300
    assert len(tokenizer.encode(TEXT)) < len(TEXT.encode()) / 1.5
    assert tokenizer.bytes_per_token(TEXT) == len(TEXT.encode()) / len(tokenizer.encode(TEXT))
    assert train_bpe("ab", 5000).vocab == 256  # one pair only, seen once


def test_pieces_are_the_text_and_do_not_change_its_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    tokenizer = train_bpe(TEXT, 400)
    whole = Engine.from_str(tokenizer.to_json()).encode(TEXT).ids
    for size in (1, 2, 5, 17, 100):
        monkeypatch.setattr(module, "PIECE_CHARACTERS", size)
        assert "".join(pieces(TEXT)) == TEXT
        assert tokenizer.encode(TEXT).tolist() == whole


def test_a_saved_tokenizer_is_the_same_and_is_the_librarys_json(tmp_path: Path) -> None:
    tokenizer = train_bpe(TEXT, 300)
    tokenizer.save(tmp_path / "tokenizer.json")
    loaded = Tokenizer.load(tmp_path / "tokenizer.json")
    assert np.array_equal(loaded.encode(TEXT), tokenizer.encode(TEXT))
    assert np.array_equal(loaded.byte_lengths, tokenizer.byte_lengths)
    assert json.loads((tmp_path / "tokenizer.json").read_text())["model"]["type"] == "BPE"
