"""Text as tokens: single bytes, or byte-level BPE trained on the run's own text.

Sennrich et al., arXiv 1508.07909.

Both are one kind of thing: a byte tokenizer is a BPE without merges. Every text can be encoded, and the tokens
of a text stand for all of its bytes, so that a loss per token can be quoted per byte.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer as Engine
from tokenizers.decoders import ByteLevel as ByteDecoder
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel
from tokenizers.trainers import BpeTrainer

from lightloop.errors import InputError
from lightloop.runs import write_file

BYTES = 256
MIN_PAIR_COUNT = 2
LONE_BYTE = re.compile("<0x[0-9A-F]{2}>")
PIECE_CHARACTERS = 65_536  # the library keeps offsets of all it encodes at once; pieces bound that memory


class Tokenizer:
    """Encodes and decodes text.

    Attributes:
        vocab: Number of different tokens.
        byte_lengths: How many bytes each token stands for, shape (vocab,); none for special tokens.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        lengths = _byte_lengths(engine)
        self.vocab: int = max(lengths) + 1
        self.byte_lengths: NDArray[np.int64] = np.array([lengths.get(token, 0) for token in range(self.vocab)])

    def __repr__(self) -> str:
        return f"Tokenizer(vocab={self.vocab})"

    def encode(self, text: str) -> NDArray[np.int32]:
        """The tokens of `text`, shape (tokens,)."""
        encodings = self._engine.encode_batch_fast(list(pieces(text)), add_special_tokens=False)
        tokens = [np.asarray(encoding.ids, dtype=np.int32) for encoding in encodings]
        return np.concatenate(tokens) if tokens else np.empty(0, dtype=np.int32)

    def decode(self, tokens: NDArray[np.integer] | list[int]) -> str:
        """The text that `tokens` stand for; bytes that are no UTF-8 become U+FFFD."""
        return self._engine.decode([int(token) for token in tokens], skip_special_tokens=False)

    def bytes_per_token(self, text: str) -> float:
        """UTF-8 bytes of `text` for each of its tokens.

        Raises:
            InputError: The text is empty.
        """
        if not text:
            raise InputError("an empty text has no bytes per token", hint="measure it on the held-out text")
        return len(text.encode()) / len(self.encode(text))

    def with_special(self, word: str) -> Tokenizer:
        """The same tokenizer with one more token, which `word` becomes as a whole wherever it stands."""
        engine = Engine.from_str(self.to_json())
        engine.add_special_tokens([word])
        return Tokenizer(engine)

    def to_json(self) -> str:
        """The tokenizer as the JSON that Hugging Face's `tokenizers` reads."""
        return self._engine.to_str(pretty=True)

    def save(self, path: str | Path) -> None:
        """Write `to_json()` to `path`, whole or not at all."""
        write_file(path, lambda temporary: temporary.write_text(self.to_json(), encoding="utf-8"))

    @classmethod
    def load(cls, path: str | Path) -> Tokenizer:
        """The tokenizer in `path`.

        Raises:
            InputError: The file is missing or holds none.
        """
        try:
            return cls(Engine.from_str(Path(path).read_text(encoding="utf-8")))
        except FileNotFoundError:
            raise InputError(f"file not found: {path}", hint="resume the run to write it again") from None
        except Exception as error:  # the library raises bare Exception for broken JSON
            raise InputError(f"{path} holds no tokenizer: {error}", hint="delete it and resume the run") from None


def byte_tokenizer() -> Tokenizer:
    """One token for each byte, numbered by its value."""
    return Tokenizer(_engine(BPE(vocab={character: byte for byte, character in _characters().items()}, merges=[])))


def train_bpe(text: str, vocab: int) -> Tokenizer:
    """A byte-level BPE of up to `vocab` tokens; the same text gives the same tokenizer.

    Args:
        text: The training split, and nothing else: merges learnt on held-out text would flatter its loss.
        vocab: Number of tokens wanted, at least 256. A short text has fewer pairs and gives fewer tokens.
    """
    engine = _engine(BPE())
    alphabet = [character for _, character in sorted(_characters().items())]
    trainer = BpeTrainer(vocab_size=vocab, min_frequency=MIN_PAIR_COUNT, initial_alphabet=alphabet, show_progress=False)
    engine.train_from_iterator(pieces(text), trainer)
    return Tokenizer(engine)


def pieces(text: str) -> Iterator[str]:
    """`text` in order, cut before spaces, where byte-level BPE never joins."""
    start = 0
    while start < len(text):
        end = text.find(" ", start + PIECE_CHARACTERS)
        # A run of spaces is split by what follows it, so the cut must be before a single one.
        while 0 < end < len(text) - 1 and (text[end - 1].isspace() or text[end + 1].isspace()):
            end = text.find(" ", end + 1)
        end = len(text) if end < 0 else end
        yield text[start:end]
        start = end


def _byte_lengths(engine: Engine) -> dict[int, int]:
    """UTF-8 bytes that each token stands for; none for special ones, such as the end of a text."""
    added = engine.get_added_tokens_decoder()
    # Byte-level BPE writes every byte as one printable character, so a token's length is its bytes.
    length = len if isinstance(engine.decoder, ByteDecoder) else _bytes_of_word
    lengths = {token: length(word) for word, token in engine.get_vocab().items()}
    return lengths | {token: 0 if item.special else len(item.content.encode()) for token, item in added.items()}


def _bytes_of_word(word: str) -> int:
    """Of a SentencePiece vocabulary, which writes a space as U+2581 and a lone byte as <0x41>."""
    return 1 if LONE_BYTE.fullmatch(word) else len(word.replace("\u2581", " ").encode())


def _engine(model: BPE) -> Engine:
    engine = Engine(model)
    engine.pre_tokenizer = ByteLevel(add_prefix_space=False)
    engine.decoder = ByteDecoder()
    return engine


def _characters() -> dict[int, str]:
    """The printable character by which byte-level BPE writes each byte: its own, or the next from U+0100."""
    printable = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    others = [byte for byte in range(BYTES) if byte not in printable]
    shifted = {byte: chr(BYTES + place) for place, byte in enumerate(others)}
    return {byte: shifted.get(byte, chr(byte)) for byte in range(BYTES)}
