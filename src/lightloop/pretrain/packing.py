"""Documents as one stream of tokens on disk, with an end-of-text token after each: no place of a batch is padding."""

from __future__ import annotations

import hashlib
import io
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.lib.format import open_memmap, write_array_header_1_0
from numpy.typing import NDArray

from lightloop.errors import InputError
from lightloop.pretrain.tokenizer import Tokenizer
from lightloop.runs import write_file

END_OF_TEXT = "<|endoftext|>"
# A limit for the text that is kept in memory: held out, or to learn a tokenizer from.
HELD_OUT_CHARACTERS = 10_000_000
SAMPLE_CHARACTERS = 50_000_000
CHUNK_CHARACTERS = 4_000_000  # tokenised at once
HEADER_BYTES = 128  # of an .npy file with one axis


@dataclass(frozen=True)
class Packed:
    """What one pass over the documents gave.

    Attributes:
        held_out: Documents that training never sees, with `seam` between them.
        documents: Number of all documents.
        bytes: Their length in UTF-8.
        sha256: Digest of all documents and their ends.
        tokens: Number of training tokens.
    """

    held_out: str
    documents: int
    bytes: int
    sha256: str
    tokens: int


def divide(documents: Iterable[str], held_out: float) -> Iterator[tuple[str, bool]]:
    """Each document, and whether it is held out: evenly spaced ones, until they have `HELD_OUT_CHARACTERS`.

    Args:
        documents: All of them, in order.
        held_out: Fraction to hold out.
    """
    kept = 0
    for number, document in enumerate(documents):
        chosen = math.floor((number + 1) * held_out) > math.floor(number * held_out) and kept < HELD_OUT_CHARACTERS
        kept += chosen * len(document)
        yield document, chosen


def sample(documents: Iterable[str], held_out: float) -> str:
    """The first of the training documents, to learn a tokenizer from."""
    taken, length = [], 0
    for document, chosen in divide(documents, held_out):
        if not chosen:
            taken.append(document)
            length += len(document)
        if length >= SAMPLE_CHARACTERS:
            break
    return "\n\n".join(taken)


def pack(path: Path, documents: Iterable[str], tokenizer: Tokenizer, held_out: float, seam: str) -> Packed:
    """Write the tokens of the training documents to `path`, an .npy file, whole or not at all.

    Args:
        path: The file.
        documents: All documents, in order.
        tokenizer: How they become tokens; it knows the seam.
        held_out: Fraction of documents to hold out.
        seam: What ends a document.

    Raises:
        InputError: No document is held out.
    """
    pass_over = _Pass(tokenizer, seam)
    write_file(path, lambda temporary: pass_over.write(temporary, divide(documents, held_out)))
    if not pass_over.held_out:
        raise InputError(
            f"of {pass_over.documents} documents none is held out at text.held_out = {held_out:g}",
            hint="raise text.held_out, or give more and shorter documents",
        )
    counts = {"documents": pass_over.documents, "bytes": pass_over.bytes, "tokens": pass_over.tokens}
    return Packed(held_out=seam.join(pass_over.held_out), sha256=pass_over.digest.hexdigest(), **counts)


def read_tokens(path: Path, count: int) -> NDArray[np.integer]:
    """The tokens in `path`, mapped into memory, shape (tokens,).

    Raises:
        InputError: The file does not hold `count` of them.
    """
    try:
        tokens = open_memmap(path, mode="r")
    except (OSError, ValueError) as error:
        raise InputError(f"{path} holds no tokens: {error}", hint="delete it and text.json, then resume") from None
    if tokens.shape != (count,):
        raise InputError(f"{path} holds {tokens.shape} tokens, not {count}", hint="begin a new run in another --out")
    return tokens


class _Pass:
    """One pass over all documents: their tokens to a file, their digest, and those held out."""

    def __init__(self, tokenizer: Tokenizer, seam: str) -> None:
        self.tokenizer, self.seam = tokenizer, seam
        self.held_out: list[str] = []
        self.documents = self.bytes = self.tokens = 0
        self.digest = hashlib.sha256()

    def write(self, path: Path, divided: Iterable[tuple[str, bool]]) -> None:
        """Fill the file; its header, which says how many tokens there are, comes last."""
        dtype = np.dtype(np.uint16 if self.tokenizer.vocab <= 2**16 else np.int32)
        with path.open("wb") as stream:
            stream.seek(HEADER_BYTES)
            for chunk in self._chunks(divided):
                tokens = self.tokenizer.encode(chunk).astype(dtype)
                stream.write(tokens.tobytes())
                self.tokens += len(tokens)
            stream.seek(0)
            stream.write(_header(dtype, self.tokens))

    def _chunks(self, divided: Iterable[tuple[str, bool]]) -> Iterator[str]:
        waiting: list[str] = []
        length = 0
        for document, chosen in divided:
            content = document.encode()
            self.documents += 1
            self.bytes += len(content)
            self.digest.update(content + b"\0")
            if chosen:
                self.held_out.append(document)
                continue
            waiting.append(document + self.seam)
            length += len(waiting[-1])
            if length >= CHUNK_CHARACTERS:
                yield "".join(waiting)
                waiting, length = [], 0
        yield "".join(waiting)


def _header(dtype: np.dtype, count: int) -> bytes:
    header = io.BytesIO()
    write_array_header_1_0(header, {"descr": dtype.str, "fortran_order": False, "shape": (count,)})
    assert header.tell() == HEADER_BYTES
    return header.getvalue()
