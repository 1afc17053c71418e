"""`encode` as typed: where text comes from, what is stored, kills and full disks, and bad input."""

import gzip
import json
import os
import resource
import shutil
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.cli.conftest import Cli
from tests.cli.little import write_little
from tests.cli.test_stopping import finish, launch
from tests.conftest import SENTENCES
from xlit.artefacts.manifest import read_manifest
from xlit.commands.sources import stem_of
from xlit.retrieval.tatoeba import tatoeba
from xlit.retrieval.vectors import open_vectors
from xlit.tasks.card import find_card
from xlit.tasks.sources import load_split

FLOAT = ("--precision", "float32")
LINES = [f"{SENTENCES[n % 9]} {n % 50}" if n % 10 else "" for n in range(1, 64)]


def write_text(path: Path, lines: list[str] = LINES) -> Path:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def made(cli: Cli, *args: object, stdin: str | bytes = "") -> str:
    """The one artefact that `encode` made or found."""
    ran = cli("encode", *args, *FLOAT, stdin=stdin)
    assert ran.code == 0, ran.err
    (path,) = ran.paths
    return path


def test_the_artefact_has_these_files_and_a_line_for_every_row(
    cli: Cli, tiny_encoder: Path
) -> None:
    write_text(cli.home / "de.txt")
    path = made(cli, tiny_encoder, "--text", "de.txt", "--shard-rows", "40", "--layer", "1,-1")
    manifest = read_manifest(Path(path))
    assert path.startswith("runs/vectors/tiny-bert-de.")
    assert set(manifest.files) == {
        f"shards/{number}/{name}"
        for number in ("00000", "00001")
        for name in ("layer-1.npy", "layer-2.npy", "sentences.arrow")
    }
    assert {key: manifest.results[key] for key in ("rows", "blank", "width", "stored_layers")} == {
        "rows": 63,
        "blank": 6,
        "width": 32,
        "stored_layers": [1, 2],
    }
    plain = np.load(Path(path) / "shards/00001/layer-1.npy", mmap_mode="r")  # as anybody may
    stored = open_vectors([path], layer=1)
    assert np.array_equal(plain, stored[40:])
    assert stored.sentences() == LINES
    assert not stored[9:10].any() and stored[10:11].any()  # line 10 is blank
    shown = cli("show", path).out
    assert "63 rows, 6 of them blank, 32 x float32, layer 1, 2" in shown
    assert cli("verify", path).code == 0


def test_a_file_its_packed_copy_and_a_pipe_are_one_artefact(cli: Cli, tiny_encoder: Path) -> None:
    write_text(cli.home / "de.txt")
    path = made(cli, tiny_encoder, "--text", "de.txt")
    (cli.home / "copy.gz").write_bytes(gzip.compress((cli.home / "de.txt").read_bytes()))
    assert made(cli, tiny_encoder, "--text", "copy.gz") == path
    text = (cli.home / "de.txt").read_bytes()
    assert made(cli, tiny_encoder, "--text", "-", stdin=text) == path
    assert made(cli, tiny_encoder, stdin=text) == path  # nothing else is named
    assert made(cli, "--text", "de.txt", stdin=f"{tiny_encoder}\n") == path
    command = cli("show", path, "--command").out.split()
    assert "already done" in cli(*command[1:], "--dry-run").out


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("wiki.de.txt.gz", "wiki.de"),
        ("newstest.deu", "newstest.deu"),
        ("two words.txt", "two-words"),
        ("x" * 250, "x" * 80),
    ],
)
def test_an_artefact_is_called_after_its_text_and_a_pipe_has_no_name(
    tmp_path: Path, name: str, stem: str
) -> None:
    (tmp_path / name).touch()
    assert stem_of(tmp_path / name) == stem
    os.mkfifo(tmp_path / "63")  # as in --text <(zcat corpus.gz)
    assert stem_of(tmp_path / "63") == stem_of(Path("-")) == "text"


@pytest.mark.parametrize(
    "flags",
    [
        ("--layer", "1"),
        ("--pooling", "cls"),
        ("--prefix", "query: "),
        ("--center",),
        ("--dtype", "float16"),
        ("--shard-rows", "10"),
        ("--shard", "1/2"),
        ("--max-length", "10"),
        ("--packing", "off"),
    ],
    ids=" ".join,
)
def test_whatever_changes_the_files_changes_the_id(
    cli: Cli, tiny_encoder: Path, flags: tuple[str, ...]
) -> None:
    write_text(cli.home / "de.txt")
    dry = ("encode", tiny_encoder, "--text", "de.txt", "--dry-run", "--name", "one")
    assert cli(*dry).out != cli(*dry, *flags).out
    assert cli(*dry, *flags).out == cli(*dry, *flags).out


def test_three_workers_make_what_one_makes(cli: Cli, tiny_encoder: Path) -> None:
    write_text(cli.home / "de.txt")
    one = open_vectors([made(cli, tiny_encoder, "--text", "de.txt")])
    parts = [
        made(cli, tiny_encoder, "--text", "de.txt", "--shard", f"{number}/3", "--shard-rows", "10")
        for number in (3, 1, 2)
    ]
    assert parts[0].startswith("runs/vectors/tiny-bert-de-3of3.")
    together = open_vectors(parts)
    assert together.shape == one.shape
    assert np.allclose(together[:], one[:], atol=1e-5)
    assert together.sentences() == one.sentences()
    assert together.row_ids() == one.row_ids()
    assert "part 3/3 of the text" in cli("show", parts[0]).out


def test_a_task_gives_an_artefact_a_language_and_side(cli: Cli, tiny_encoder: Path) -> None:
    task = ("--task", "pocket-bitext", "--lang", "de,sw")
    ran = cli("encode", tiny_encoder, *task, *FLOAT)
    assert ran.code == 0, ran.err
    names = [Path(path).name.rpartition(".")[0] for path in ran.paths]
    assert names == [
        f"tiny-bert-pocket-bitext-{language}-{side}"
        for language in ("de", "sw")
        for side in ("source", "target")
    ]
    one = cli("encode", tiny_encoder, *task[:3], "de", "--side", "target", *FLOAT)
    assert one.paths == ran.paths[1:2]
    again = cli(*cli("show", ran.paths[1], "--command").out.split()[1:], "--dry-run").out
    assert again == f"{ran.paths[1]}\talready done\n"


@pytest.mark.parametrize("center", [(), ("--center",)], ids=["plain", "centred"])
def test_the_vectors_of_a_task_give_the_score_that_retrieve_gives(
    cli: Cli, tiny_encoder: Path, center: tuple[str, ...]
) -> None:
    task = (tiny_encoder, "--task", "pocket-bitext", "--lang", "de", *center, *FLOAT)
    source, target = (open_vectors([path])[:] for path in cli("encode", *task).paths)
    score = tatoeba(load_split(find_card("pocket-bitext"), "test", "de").rows, source, target)
    cell = read_manifest(Path(cli("retrieve", *task).paths[0])).results["scores"]
    assert score.metrics[score.main] == cell["pocket-bitext"]["de"]["main"] > 0


def test_a_data_artefact_is_encoded_and_becomes_a_parent(cli: Cli, tiny_encoder: Path) -> None:
    data = cli("subsample", "./little.toml", "--size", "8").paths[0]
    path = made(cli, tiny_encoder, "--task", data)
    manifest = read_manifest(Path(path))
    assert [parent.role for parent in manifest.parents] == ["data"]
    assert open_vectors([path]).shape == (8, 32)
    command = cli("show", path, "--command").out.split()
    assert cli(*command[1:], "--dry-run").out == f"{path}\talready done\n"


def test_several_encoders_are_a_run_each_and_one_that_fails_stops_no_other(
    cli: Cli, tiny_encoder: Path, tiny_xlmr: Path
) -> None:
    write_text(cli.home / "de.txt")
    names = f"{tiny_encoder}\n./nowhere\n{tiny_xlmr}\n"
    ran = cli("encode", "--text", "de.txt", *FLOAT, stdin=names)
    assert ran.code == 3
    assert [Path(path).name.partition(".")[0] for path in ran.paths] == [
        "tiny-bert-de",
        "tiny-xlmr-de",
    ]
    assert "nowhere" in ran.err


@pytest.mark.parametrize(
    ("args", "stdin", "code", "message"),
    [
        ("--text none.txt", "", 3, "none.txt: no such file"),
        ("--text empty.txt", "", 4, "empty.txt: the file is empty"),
        ("--text blank.txt", "", 4, "blank.txt: no sentence in it"),
        ("--text latin.txt", "", 4, "latin.txt:2: not UTF-8"),
        ("--text cut.gz", "", 4, "truncated"),
        ("--text .", "", 4, "a directory"),
        ("--text -", "", 4, "stdin: the file is empty"),
        ("--text -", b"ok\n\xff\n", 4, "stdin:2: not UTF-8"),
        ("--text de.txt --task tatoeba", "", 2, "either --text or --task"),
        ("--text de.txt --lang de", "", 2, "--lang is for a task"),
        ("--text de.txt --layer 7", "", 2, "layers 0 (embeddings) to 2"),
        ("--text de.txt --shard 4/3", "", 2, "--shard 4/3: not a part"),
        ("--text de.txt --shard 70/70", "", 0, ""),
        ("--text two.txt --shard 1/3", "", 2, "--shard 1/3: there are only 2 rows"),
        ("--text de.txt --shard 1/3 --center", "", 2, "the mean of the whole side"),
        ("--text de.txt --shard-rows 0", "", 2, "--shard-rows 0: at least 1"),
        ("--text de.txt --max-length 2", "", 2, "--max-length 2: at least 3"),
        ("--task pocket-copa", "", 2, "its rows are no sentences"),
        ("--task pocket-bitext --side left", "", 2, "pocket-bitext has no such side"),
        ("--task ./data", "", 3, "no such artefact"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_bad_input_is_one_line_and_leaves_nothing(
    cli: Cli, tiny_encoder: Path, args: str, stdin: str | bytes, code: int, message: str
) -> None:
    write_text(cli.home / "de.txt", LINES * 2)
    write_text(cli.home / "two.txt", ["one", "two"])
    write_text(cli.home / "blank.txt", ["", "  "])
    (cli.home / "empty.txt").touch()
    (cli.home / "latin.txt").write_bytes("gut\nschön\n".encode("latin-1"))
    (cli.home / "cut.gz").write_bytes(gzip.compress(b"a text that is cut")[:-6])
    ran = cli("encode", tiny_encoder, *args.split(), *FLOAT, stdin=stdin)
    assert ran.code == code, ran.err
    assert message in ran.err
    if code:
        assert len(ran.err.splitlines()) == 1
        assert not ran.out and not [*(cli.home / "runs").glob("vectors/*")]


def test_of_a_pipe_that_is_no_text_no_encoder_gets_the_rest(
    cli: Cli, tiny_encoder: Path, tiny_xlmr: Path
) -> None:
    ran = cli("encode", tiny_encoder, tiny_xlmr, *FLOAT, stdin=b"good\n\xff\nthe rest\n")
    assert (ran.code, ran.out) == (4, "")
    assert "stdin:2: not UTF-8" in ran.err and len(ran.err.splitlines()) == 1


def test_a_text_needs_an_encoder_beside_it_on_stdin(cli: Cli) -> None:
    assert "name the encoder" in cli("encode", "--text", "-", stdin="x\n").err
    assert "what is to be encoded?" in cli("encode", stdin="e5-small\n").err


def test_a_line_of_a_megabyte_is_cut_to_the_tokens_asked_for(cli: Cli, tiny_encoder: Path) -> None:
    words = "Das Kind liest ein rotes Buch. " * 33_000
    write_text(cli.home / "long.txt", [words, words[:3000]])
    stored = open_vectors([made(cli, tiny_encoder, "--text", "long.txt", "--max-length", "64")])
    assert np.allclose(stored[:1], stored[1:], atol=1e-6)
    assert stored.sentence(0) == words.strip()


def test_a_file_above_the_limit_stops_and_the_shards_before_it_are_kept(
    cli: Cli, tiny_encoder: Path
) -> None:
    long = "ein langer Satz " * 2000  # the third shard's sentences are larger than allowed
    write_text(cli.home / "de.txt", [*LINES[:25], long, *LINES[:14]])
    flags = (tiny_encoder, "--text", "de.txt", "--shard-rows", "10")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    try:
        ran = cli("encode", *flags, *FLOAT)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert ran.code == 75, ran.err
    assert "ulimit -f" in ran.err and len(ran.err.splitlines()) == 1
    (partial,) = (cli.home / "runs/vectors").glob(".*.partial")
    assert sorted(path.name for path in (partial / "shards").iterdir()) == ["00000", "00001"]
    ran = cli("encode", *flags, *FLOAT)
    assert "going on: 2 of 4 shards are there" in ran.err
    (path,) = ran.paths
    went_on = {name: entry.sha256 for name, entry in read_manifest(Path(path)).files.items()}
    shutil.rmtree(cli.home / "runs")
    afresh = read_manifest(Path(made(cli, *flags)))
    assert {name: entry.sha256 for name, entry in afresh.files.items()} == went_on


def told(home: Path) -> dict[str, Any]:
    """The manifest of the one artefact, without the times."""
    (path,) = (home / "runs/vectors").iterdir()
    manifest: dict[str, Any] = json.loads((path / "manifest.json").read_text(encoding="utf-8"))
    return {key: value for key, value in manifest.items() if key not in ("created", "seconds")}


@pytest.mark.parametrize("center", [(), ("--center",)], ids=["plain", "centred"])
def test_kill_9_and_a_signal_lose_a_shard_at_most_and_change_no_bit(
    tmp_path: Path, tiny_encoder: Path, center: tuple[str, ...]
) -> None:
    write_little(tmp_path)
    write_text(tmp_path / "de.txt", LINES * 4)
    command = ("encode", str(tiny_encoder), "--text", "de.txt", "--shard-rows", "9", *FLOAT)
    assert finish(launch(tmp_path, *command, *center)) == 0, (tmp_path / "err").read_text()
    expected = told(tmp_path)
    shutil.rmtree(tmp_path / "runs")
    for signum in (signal.SIGKILL, signal.SIGTERM):
        before = saved = finished_or_saved(tmp_path)
        process = launch(tmp_path, *command, *center)
        while process.is_alive() and saved < before + 3:
            process.join(0.002)
            saved = finished_or_saved(tmp_path)
        os.kill(process.pid or 0, signum)
        assert finish(process) == (-9 if signum == signal.SIGKILL else 75)
        assert finished_or_saved(tmp_path) >= saved  # nothing is lost that was there
    (tmp_path / "err").unlink()
    assert finish(launch(tmp_path, *command, *center)) == 0
    assert "going on: " in (tmp_path / "err").read_text()
    assert told(tmp_path) == expected


def finished_or_saved(home: Path) -> int:
    """Shards that a run need not encode again."""
    folders = home.glob("runs/vectors/.*.partial/s*/*[0-9]")
    return len({folder.name.removeprefix("raw-") for folder in folders})
