"""Mining that is kept and cut again, as typed: from texts, from vectors, from shards."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.cli.conftest import Cli
from tests.conftest import SENTENCES
from tests.retrieval.stored import store
from tests.retrieval.worked_example import unit
from xlit.artefacts.manifest import read_manifest
from xlit.artefacts.store import Plan, claim, open_artefact
from xlit.retrieval.mine import search_sentences, unify
from xlit.retrieval.pairs import Listed, Mined, Side, write_mined

ROWS = 24
GERMAN = [f"satz {row}" for row in range(ROWS)]
ENGLISH = [f"sentence {row}" for row in range(ROWS)]


def vectors() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Both sides; the first half of the rows are near to each other."""
    numbers = np.random.default_rng(11)
    sources, noise, others = (numbers.normal(size=(ROWS, 32)) for _ in range(3))
    near = np.arange(ROWS)[:, None] < ROWS // 2
    targets = np.where(near, sources + 0.3 * noise, others)
    return unit(sources.astype(np.float32)), unit(targets.astype(np.float32))


def stored(texts: Sequence[str], side: int, *shards: str) -> list[Path]:
    """Vectors artefacts of a side's shards, made at the first call."""
    paths = []
    for shard in shards or ("1/1",):
        digest = hashlib.sha256("".join(texts).encode()).hexdigest()[:4]
        name = f"{('de', 'en')[side]}-{digest}-{shard.replace('/', '-')}"
        [path] = [*Path("runs/vectors").glob(f"{name}.*")] or [
            store(
                Path("runs"), {12: vectors()[side]}, texts, name=name, shard=shard, shard_rows=5
            ).path
        ]
        paths.append(path)
    return paths


def kept(cli: Cli, *flags: object, source: Sequence[str] = GERMAN) -> str:
    sides = ("--source", *stored(source, 0), "--target", *stored(ENGLISH, 1))
    ran = cli("retrieve", *sides, "--keep", *flags)
    assert ran.code == 0, ran.err
    (path,) = ran.paths
    return path


def texts(encoder: Path) -> tuple[object, ...]:
    Path("de.txt").write_text("\n".join([*SENTENCES[:4], "", SENTENCES[0]]) + "\n")
    Path("en.txt").write_text("\n".join(SENTENCES[2:6]) + "\n")
    return ("retrieve", encoder, "--source", "de.txt", "--target", "en.txt")


@pytest.mark.parametrize(
    "flags",
    [
        (),
        ("--margin", "distance", "--retrieval", "forward"),
        ("--threshold", "1.0", "--format", "jsonl"),
        ("--retrieval", "intersect", "--margin", "absolute"),
        ("--retrieval", "backward"),
    ],
    ids=" ".join,
)
def test_a_cut_prints_what_mining_would_have(
    cli: Cli, tiny_encoder: Path, flags: tuple[str, ...]
) -> None:
    line = texts(tiny_encoder)
    mined = cli(*line, *flags)
    assert mined.code == 0 and mined.out, mined.err
    path = cli(*line, "--keep").paths[0]
    cut = cli("cut", path, *flags)
    assert (cut.code, cut.out) == (0, mined.out), cut.err
    assert cli("cut", *flags, stdin=f"{path}\n").out == mined.out


def test_what_is_kept_is_an_artefact_with_a_lineage(cli: Cli, tiny_encoder: Path) -> None:
    line = texts(tiny_encoder)
    planned = cli(*line, "--keep", "--dry-run").out
    (path,) = cli(*line, "--keep").paths
    assert planned == f"{path}\tto be made\n"
    assert "already done" in cli(*line, "--keep", "--index", "exact").err
    shown = cli("show", path).out
    assert "4 of 6 x 4 of 4 sentences, 4 neighbours each" in shown
    assert "6 rows, text de.txt" in shown
    command = cli("show", path, "--command").out.split()
    assert f"{path}\talready done" in cli(*command[1:], "--dry-run").out
    assert cli("verify", path).code == 0


@pytest.mark.parametrize(
    "flags", [("--k", "3"), ("--layer", "0"), ("--center",), ("--prefix", "query: ")], ids=" ".join
)
def test_whatever_changes_neighbours_changes_the_id(
    cli: Cli, tiny_encoder: Path, flags: tuple[str, ...]
) -> None:
    line = (*texts(tiny_encoder), "--keep", "--dry-run")
    plain = cli(*line).out
    assert plain and cli(*line, *flags).out != plain
    Path("en.txt").write_text("another text\n")
    assert cli(*line).out != plain


def test_a_pipe_and_a_file_of_one_text_have_one_id(cli: Cli, tiny_encoder: Path) -> None:
    line = (*texts(tiny_encoder), "--keep", "--dry-run")
    text = Path("de.txt").read_bytes()
    piped = ["-" if word == "de.txt" else word for word in line]
    name = ("--name", "pairs")
    assert cli(*piped, *name, stdin=text).out == cli(*line, *name).out


def test_vectors_are_mined_without_an_encoder(cli: Cli) -> None:
    sides = ("--source", *stored(GERMAN, 0), "--target", *stored(ENGLISH, 1))
    mined = cli("retrieve", *sides, "--retrieval", "intersect", "-v")
    assert mined.code == 0, mined.err
    found = {tuple(line.split("\t")[1:]) for line in mined.out.splitlines()}
    assert {(f"satz {row}", f"sentence {row}") for row in range(ROWS // 2)} <= found
    assert f"of {ROWS} x {ROWS} sentences, ratio" in mined.err
    cut = cli("cut", kept(cli), "--retrieval", "intersect")
    assert cut.out == mined.out
    refused = cli("retrieve", "e5-small", *sides)
    assert refused.code == 2 and "searched as they are, without an encoder" in refused.err
    for flags in (("--center",), ("--prefix", "x"), ("--pooling", "cls"), ("--packing", "off")):
        made = cli("retrieve", *sides, *flags)
        assert (made.code, made.out) == (2, "")
        assert f"{flags[0]} says how vectors are made" in made.err
    mixed = cli("retrieve", "--source", sides[1], "--target", "little.toml")
    assert mixed.code == 2 and "both sides are texts, or vectors" in mixed.err


def test_vectors_that_moved_away_are_missing_when_sentences_are_printed(cli: Cli) -> None:
    path = kept(cli)
    [vectors_path] = stored(GERMAN, 0)
    vectors_path.rename("elsewhere")
    ran = cli("cut", path)
    assert (ran.code, ran.out) == (3, "")
    assert str(vectors_path.name) in ran.err


def test_blank_rows_of_vectors_are_passed_over(cli: Cli) -> None:
    blank = ["", *GERMAN[1:-1], " "]
    lines = cli("cut", kept(cli, source=[text.strip() for text in blank]), "-v")
    assert lines.code == 0
    assert (
        f"source: {ROWS - 2} different sentences in {ROWS} lines, 0 repeated, 2 blank" in lines.err
    )
    assert all(line.split("\t")[1] for line in lines.out.splitlines())


def test_shards_of_both_sides_are_cut_as_one_search(cli: Cli) -> None:
    whole = kept(cli)
    sources = stored(GERMAN, 0, "1/3", "2/3", "3/3")
    targets = stored(ENGLISH, 1, "1/2", "2/2")
    cells = [
        cli("retrieve", "--source", source, "--target", target, "--keep", "--name", "de-en")
        for target in targets
        for source in reversed(sources)
    ]
    assert [cell.code for cell in cells] == [0] * 6
    paths = [cell.paths[0] for cell in cells]
    for flags in ((), ("--format", "jsonl", "--retrieval", "forward")):
        expected = cli("cut", whole, *flags).out
        assert cli("cut", *paths, *flags).out == expected != ""
    piped = cli("cut", stdin="\n".join(paths))
    assert (piped.out, piped.err) == (cli("cut", whole).out, "")
    (merged,) = cli("cut", *paths, "--keep").paths
    assert cli("cut", merged).out == cli("cut", whole).out
    assert len(read_manifest(Path(merged)).parents) == 6
    command = cli("show", merged, "--command").out.split()
    assert "already done" in cli(*command[1:]).err
    refused = cli("cut", *paths[:-1])
    assert refused.code == 4 and "were not searched against" in refused.err


def test_shards_of_different_searches_are_refused(cli: Cli, tiny_encoder: Path) -> None:
    for flags in (("--k", "3"), ("--layer", "0")):
        line = (*texts(tiny_encoder), "--keep")
        one, other = cli(*line).paths[0], cli(*line, *flags).paths[0]
        ran = cli("cut", one, other)
        assert (ran.code, ran.out) == (2, "")
        assert f"differ in {flags[0][2:]}" in ran.err


def test_the_recall_of_an_inexact_index_is_kept_and_told(cli: Cli) -> None:
    path = kept(cli, "--index", "IVF2,Flat:nprobe=1")
    assert path != kept(cli)
    told = read_manifest(Path(path)).results["recall"]
    assert told["forward"]["queries"] == ROWS and 0 < told["backward"]["share"] <= 1
    assert f"forward: {100 * told['forward']['share']:.2f} %" in cli("cut", path, "-v").err
    assert "forward recall" in cli("show", path).out


def test_which_artefacts_are_which_side_changes_the_id(cli: Cli) -> None:
    one, other = stored(GERMAN, 0, "1/2", "2/2")
    (last,) = stored(ENGLISH, 1)
    line = ("retrieve", "--keep", "--dry-run", "--name", "x")
    two_sources = cli(*line, "--source", one, "--source", other, "--target", last)
    two_targets = cli(*line, "--source", one, "--target", other, "--target", last)
    assert two_sources.code == two_targets.code == 0
    assert two_sources.out != two_targets.out


def test_cells_whose_vectors_were_made_otherwise_are_refused(cli: Cli) -> None:
    one, other = stored(GERMAN, 0, "1/2", "2/2")
    (target,) = stored(ENGLISH, 1)
    rows = {12: vectors()[0]}
    prefixed = store(Path("runs"), rows, GERMAN, name="other", shard="2/2", prefix="query: ").path
    cells = [
        cli("retrieve", "--source", source, "--target", target, "--keep").paths[0]
        for source in (one, other, prefixed)
    ]
    assert cli("cut", *cells[:2]).code == 0
    ran = cli("cut", cells[0], cells[2])
    assert (ran.code, ran.out) == (2, "")
    assert "differ in prefix of the sources: None and query: " in ran.err


def test_a_threshold_for_pairs_of_vectors_can_be_fitted_on_pairs_of_texts(
    cli: Cli, tiny_encoder: Path
) -> None:
    mined = texts(tiny_encoder)  # sentences 2 and 3 are on both sides
    gold = [f"{text}\t{text if place > 1 else ''}\n" for place, text in enumerate(SENTENCES[:4])]
    Path("gold.tsv").write_text("".join(gold))
    sides = [
        cli("encode", tiny_encoder, "--text", name, "--precision", "float32").paths[0]
        for name in ("de.txt", "en.txt")
    ]
    (of_vectors,) = cli("retrieve", "--source", sides[0], "--target", sides[1], "--keep").paths
    (of_texts,) = cli(*mined, "--precision", "float32", "--keep").paths
    fitted = cli("cut", of_vectors, "--dev", of_texts, "--gold", "gold.tsv")
    assert fitted.code == 0 and fitted.out, fitted.err
    flags = ("--precision", "float32", "--prefix", "query: ")
    (otherwise,) = cli(*mined, *flags, "--keep").paths
    refused = cli("cut", of_vectors, "--dev", otherwise, "--gold", "gold.tsv")
    assert refused.code == 2
    assert "differ in prefix of the sources:  and query: " in refused.err


def test_merged_texts_know_their_encoder(cli: Cli) -> None:
    [encoder] = stored(GERMAN, 0)  # any artefact: nothing of it is read
    paths = []
    for part in range(2):
        found = search_sentences(unify(GERMAN), unify(ENGLISH), *vectors())
        side = Side(f"part {part}", 0, ROWS, ROWS, 0)
        mined = Mined(
            found, 4, (side, Side("en", 0, ROWS, ROWS, 0)), (Listed(GERMAN), Listed(ENGLISH))
        )
        plan = Plan(
            "pairs",
            "retrieve",
            1,
            f"part{part}",
            settings={"k": 4},
            parents=(("encoder", open_artefact(encoder)),),
            data=({"digest": str(part)},),
        )
        with claim(plan, Path("runs")) as work:
            paths.append(str(work.publish(write_mined(mined, work.directory, texts=True)).path))
    (merged,) = cli("cut", *paths, "--keep").paths
    right = [f"{GERMAN[row]}\t{ENGLISH[row]}" for row in range(ROWS // 2)]
    Path("gold.tsv").write_text("\n".join(right) + "\n")
    fitted = cli("cut", merged, "--dev", paths[0], "--gold", "gold.tsv", "--gold-complete")
    assert fitted.code == 0 and fitted.out, fitted.err


def test_lines_are_those_of_the_text_of_which_a_side_is_a_part(cli: Cli) -> None:
    (second,) = stored(GERMAN, 0, "2/2")
    (target,) = stored(ENGLISH, 1)
    ran = cli("retrieve", "--source", second, "--target", target, "--format", "jsonl")
    objects = [json.loads(line) for line in ran.out.splitlines()]
    assert objects
    for found in objects:
        assert GERMAN[found["source_line"] - 1] == found["source"]
        assert ENGLISH[found["target_line"] - 1] == found["target"]


def test_a_line_end_in_a_sentence_of_a_task_is_a_space(cli: Cli) -> None:
    broken = [f"{text}\nund\tmehr" for text in GERMAN]
    ran = cli("cut", kept(cli, source=broken))
    lines = ran.out.splitlines()
    assert lines and all(line.count("\t") == 2 and " und mehr\t" in line for line in lines)


def test_gold_is_read_before_the_search(cli: Cli, tiny_encoder: Path) -> None:
    encoder = Path(shutil.copytree(tiny_encoder, "encoder"))
    (encoder / "model.safetensors").write_bytes(b"cannot be loaded")
    ran = cli(*texts(encoder), "--gold", "none.tsv")
    assert (ran.code, ran.out) == (3, "")
    assert "--gold none.tsv: no such file" in ran.err


def test_parts_of_a_side_are_searched_as_one(cli: Cli) -> None:
    parts = [word for path in stored(GERMAN, 0, "2/2", "1/2") for word in ("--source", path)]
    (target,) = stored(ENGLISH, 1)
    ran = cli("retrieve", *parts, "--target", target, "--keep")
    assert ran.code == 0, ran.err
    assert cli("cut", ran.paths[0]).out == cli("cut", kept(cli)).out
    command = cli("show", ran.paths[0], "--command").out.split()
    assert "already done" in cli(*command[1:]).err


def test_fewer_neighbours_than_were_kept_can_be_asked_for(cli: Cli) -> None:
    more, fewer = kept(cli, "--k", "6"), kept(cli, "--k", "2")
    assert cli("cut", more, "--k", "2").out == cli("cut", fewer).out
    refused = cli("cut", fewer, "--k", "6")
    assert refused.code == 2 and "2 neighbours were kept" in refused.err


def test_a_threshold_is_fitted_on_these_pairs_or_on_those_of_dev(cli: Cli) -> None:
    path = kept(cli)
    right = [f"{GERMAN[row]}\t{ENGLISH[row]}" for row in range(ROWS // 2)]
    Path("gold.tsv").write_text("\n".join(right) + "\n")
    fitted = cli("cut", path, "--gold", "gold.tsv", "--gold-complete")
    assert fitted.code == 0, fitted.err
    assert "on which it was fitted" in fitted.err
    threshold = fitted.err.partition("threshold ")[2].partition(":")[0]
    assert cli("cut", path, "--threshold", threshold).out == fitted.out
    found = {tuple(line.split("\t")[1:]) for line in fitted.out.splitlines()}
    assert found == {tuple(line.split("\t")) for line in right}
    other = kept(cli, "--k", "4", source=[f"anders {row}" for row in range(ROWS)])
    dev = cli("cut", other, "--dev", path, "--gold", "gold.tsv", "--gold-complete")
    assert dev.out == cli("cut", other, "--threshold", threshold).out != ""
    assert f"threshold {threshold}:" in dev.err and "on which" not in dev.err


@pytest.mark.parametrize(
    ("flags", "code", "message"),
    [
        (("--threshold", "nan"), 2, "--threshold nan"),
        (("--threshold", "1", "--gold", "x"), 2, "either --threshold or --gold"),
        (("--gold-complete",), 2, "--gold-complete says something of --gold"),
        (("--gold", "none.tsv"), 3, "--gold none.tsv: no such file"),
        (("--dev", "x"), 2, "--dev is where --gold is found"),
        (("--k", "0"), 2, "--k 0"),
        (("--name", "x"), 2, "--name is for --keep"),
        (("--keep",), 2, "one pairs artefact is whole"),
        (("--keep", "--threshold", "1"), 2, "--threshold is for printed pairs"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_flags_that_do_not_go_together_are_refused(
    cli: Cli, flags: tuple[str, ...], code: int, message: str
) -> None:
    ran = cli("cut", kept(cli), *flags)
    assert (ran.code, ran.out) == (code, "")
    assert message in ran.err


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--keep", "--threshold", "1"), "--keep: --threshold is for pairs that are printed"),
        (("--keep", "--format", "jsonl"), "--keep: --format is for pairs that are printed"),
        (("--name", "x"), "--name is for an artefact"),
        (("--lang", "de"), "--lang is for a task"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_mining_refuses_what_it_has_no_use_for(
    cli: Cli, tiny_encoder: Path, flags: tuple[str, ...], message: str
) -> None:
    ran = cli(*texts(tiny_encoder), *flags)
    assert (ran.code, ran.out) == (2, "")
    assert message in ran.err


def test_objects_of_json_lines_name_their_lines(cli: Cli, tiny_encoder: Path) -> None:
    ran = cli(*texts(tiny_encoder), "--format", "jsonl", "--retrieval", "intersect")
    objects = [json.loads(line) for line in ran.out.splitlines()]
    lines = {(found["source_line"], found["target_line"]) for found in objects}
    assert {(3, 1), (4, 2)} <= lines
    for found in objects:
        assert found["source"] == Path("de.txt").read_text().splitlines()[found["source_line"] - 1]
        assert found.keys() == {"score", "source", "target", "source_line", "target_line"}


def test_a_reader_that_has_enough_ends_the_cut_quietly(cli: Cli) -> None:
    rows = 6000
    values = np.random.default_rng(0).normal(size=(rows, 8)).astype(np.float32)
    long = [f"{row} " + "lang " * 30 for row in range(rows)]
    side = store(Path("runs"), {12: unit(values)}, long, name="long", shard_rows=4000).path
    ran = cli("retrieve", "--source", side, "--target", side, "--keep")
    xlit = f'"{sys.executable}" -m xlit'
    shell = subprocess.run(
        ["bash", "-c", f"{xlit} cut {ran.paths[0]} | head -n 2; echo ${{PIPESTATUS[0]}}"],
        capture_output=True,
        text=True,
        timeout=240,
        env={**os.environ},
    )
    *lines, code = shell.stdout.splitlines()
    assert (len(lines), code, shell.stderr) == (2, "141", "")
    assert all(line.count("\t") == 2 for line in lines)
