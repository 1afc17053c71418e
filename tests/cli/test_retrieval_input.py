"""Texts and vectors that `encode`, `retrieve` and `cut` cannot take, or take in a stated way."""

import shutil
from pathlib import Path

import pytest

from tests.cli.conftest import Cli, Ran
from tests.conftest import SENTENCES

GOOD = "".join(f"{sentence}\n" for sentence in SENTENCES[:4]).encode()
MEGABYTE = b"word " * 200_000 + b"\n"
REFUSED = {
    "empty": (b"", 4, "side.txt"),
    "blank lines": (b"\n \n\t\n", 4, "no sentence in it"),
    "Latin-1": (b"one\ntwo\nna\xefve\n", 4, "side.txt:3: not UTF-8"),
    "UTF-16": ("one\n".encode("utf-16"), 4, "side.txt:1: not UTF-8"),
}


def encoded(cli: Cli, encoder: Path, content: bytes, *flags: str) -> Ran:
    Path("side.txt").write_bytes(content)
    return cli("encode", encoder, "--text", "side.txt", *flags)


def stored(cli: Cli, encoder: Path, content: bytes, *flags: str) -> str:
    """The path of a vectors artefact."""
    ran = encoded(cli, encoder, content, *flags)
    assert ran.code == 0, ran.err
    return ran.paths[0]


@pytest.fixture
def broken(tiny_encoder: Path, tmp_path: Path) -> Path:
    """An encoder that gives nothing but NaN."""
    from safetensors.numpy import load_file, save_file

    copy = tmp_path / "broken-bert"
    shutil.copytree(tiny_encoder, copy)
    tensors = load_file(copy / "model.safetensors")
    tensors["encoder.layer.1.output.dense.bias"][:] = float("nan")
    save_file(tensors, copy / "model.safetensors", {"format": "pt"})
    return copy


@pytest.fixture
def wider(tiny_encoder: Path, tmp_path: Path) -> Path:
    """An encoder with vectors of 40 dimensions and not 32."""
    from transformers import BertConfig, BertModel

    copy = tmp_path / "wider-bert"
    shutil.copytree(tiny_encoder, copy)
    config = BertConfig.from_pretrained(copy)
    config.hidden_size = 40
    BertModel(config, add_pooling_layer=False).save_pretrained(copy)
    return copy


def left_over() -> list[Path]:
    """What is in the run root but for locks, which stay."""
    return [path for path in Path("runs").glob("*/*") if path.parent.name != ".locks"]


def mined(cli: Cli, encoder: Path, source: bytes, target: bytes, *flags: str) -> Ran:
    Path("side.txt").write_bytes(source)
    Path("other.txt").write_bytes(target)
    sides = ("--source", "side.txt", "--target", "other.txt")
    return cli("retrieve", encoder, *sides, *flags)


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("stage", ["retrieve", "encode"])
def test_a_side_that_is_no_text_is_refused_by_file_and_line(
    stage: str, name: str, cli: Cli, tiny_encoder: Path
) -> None:
    content, code, message = REFUSED[name]
    if stage == "retrieve":
        ran = mined(cli, tiny_encoder, content, GOOD)
    else:
        ran = encoded(cli, tiny_encoder, content)
    assert (ran.code, ran.out) == (code, "")
    assert message in ran.err and len(ran.err.splitlines()) == 1
    assert not left_over()


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


def test_encode_cuts_a_line_of_a_megabyte_as_well(cli: Cli, tiny_encoder: Path) -> None:
    ran = encoded(cli, tiny_encoder, MEGABYTE + GOOD, "-v")
    assert ran.code == 0 and "texts are cut" in ran.err


@pytest.mark.parametrize("stage", ["retrieve", "encode"])
def test_an_encoder_that_gives_nan_is_damaged(stage: str, cli: Cli, broken: Path) -> None:
    ran = mined(cli, broken, GOOD, GOOD) if stage == "retrieve" else encoded(cli, broken, GOOD)
    assert (ran.code, ran.out) == (5, "")
    assert "not finite numbers" in ran.err and len(ran.err.splitlines()) == 1
    assert not left_over()


def test_sides_that_cannot_be_compared_are_refused(
    cli: Cli, tiny_encoder: Path, wider: Path
) -> None:
    last, first = (stored(cli, tiny_encoder, GOOD, "--layer", layer) for layer in ("2", "1"))
    wide = stored(cli, wider, GOOD)
    for other in (first, wide):
        ran = cli("retrieve", "--source", last, "--target", other)
        assert (ran.code, ran.out) == (4, "")
        assert "cannot be compared" in ran.err and len(ran.err.splitlines()) == 1


def test_a_blank_line_has_a_zero_vector_and_is_nobodys_translation(
    cli: Cli, tiny_encoder: Path
) -> None:
    source = stored(cli, tiny_encoder, b"\n" + GOOD + b" \n")
    target = stored(cli, tiny_encoder, GOOD)
    ran = cli("retrieve", "--source", source, "--target", target)
    assert ran.code == 0, ran.err
    best = sorted(line.split("\t")[1:] for line in ran.out.splitlines())
    assert best == sorted([sentence, sentence] for sentence in SENTENCES[:4])


def test_a_side_of_one_sentence_that_is_centred_is_zero_and_still_mined(
    cli: Cli, tiny_encoder: Path
) -> None:
    one = GOOD.splitlines(keepends=True)[0]
    flags = ("--center", "--retrieval", "forward")
    ran = mined(cli, tiny_encoder, one, GOOD, *flags)
    assert ran.code == 0, ran.err
    assert ran.out == f"0.000000\t{SENTENCES[0]}\t{SENTENCES[0]}\n"  # all tie: the lowest id


def test_pairs_are_cut_above_every_score_and_with_more_neighbours_than_there_are(
    cli: Cli, tiny_encoder: Path
) -> None:
    kept = mined(cli, tiny_encoder, GOOD, GOOD, "--keep")
    assert kept.code == 0, kept.err
    everything = cli("cut", *kept.paths)
    assert everything.code == 0 and len(everything.out.splitlines()) == 4, everything.err
    nothing = cli("cut", *kept.paths, "--threshold", "1e9")
    assert (nothing.code, nothing.out) == (0, "")
    refused = cli("cut", *kept.paths, "--threshold", "nan")
    assert (refused.code, refused.out) == (2, "")
