"""Texts and vectors that `encode`, `retrieve` and `cut` cannot take, or take in a stated way."""

from pathlib import Path

import pytest

from tests.cli.conftest import Cli, Ran
from tests.conftest import SENTENCES

GOOD = "".join(f"{sentence}\n" for sentence in SENTENCES[:4]).encode()
MEGABYTE = b"word " * 200_000 + b"\n"
REFUSED = {
    "empty": (b"", 4, "no sentence in it"),
    "blank lines": (b"\n \n\t\n", 4, "no sentence in it"),
    "Latin-1": (b"one\ntwo\nna\xefve\n", 4, "side.txt:3: not UTF-8"),
    "UTF-16": ("one\n".encode("utf-16"), 4, "side.txt:1: not UTF-8"),
}


def mined(cli: Cli, encoder: Path, source: bytes, target: bytes, *flags: str) -> Ran:
    Path("side.txt").write_bytes(source)
    Path("other.txt").write_bytes(target)
    sides = ("--source", "side.txt", "--target", "other.txt")
    return cli("retrieve", encoder, *sides, *flags)


@pytest.mark.parametrize("name", REFUSED)
def test_a_side_that_is_no_text_is_refused_by_file_and_line(
    name: str, cli: Cli, tiny_encoder: Path
) -> None:
    content, code, message = REFUSED[name]
    ran = mined(cli, tiny_encoder, content, GOOD)
    assert (ran.code, ran.out) == (code, "")
    assert message in ran.err and len(ran.err.splitlines()) == 1


def test_a_line_of_a_megabyte_is_cut_and_said_to_be(cli: Cli, tiny_encoder: Path) -> None:
    ran = mined(cli, tiny_encoder, MEGABYTE + GOOD, GOOD, "-v")
    assert ran.code == 0, ran.err
    assert "texts are cut" in ran.err
    assert len(ran.out.splitlines()) == 4
    best = sorted(line.split("\t")[1:] for line in ran.out.splitlines())
    assert best == sorted([sentence, sentence] for sentence in SENTENCES[:4])


def test_more_neighbours_than_sentences_are_all_sentences(cli: Cli, tiny_encoder: Path) -> None:
    all_of_them = mined(cli, tiny_encoder, GOOD, GOOD, "--k", "4")
    more = mined(cli, tiny_encoder, GOOD, GOOD, "--k", "100")
    assert all_of_them.code == more.code == 0, more.err
    assert more.out == all_of_them.out != ""
