"""Bad input over the real command line: one line, its exit code, nothing half-written."""

import gzip
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from xlit.errors import EXIT_CODES


@dataclass(frozen=True)
class Case:
    """`prepare` spoils the directory; TINY in `args` stands for the tiny encoder's directory."""

    args: str
    code: int
    words: str
    prepare: Callable[[Path], object] = lambda home: None
    stdin: str | bytes = ""


TRAIN = "train-target ./little.toml --from TINY --epochs 1"


def data(home: Path, name: str) -> Path:
    return home / "little" / name


def spoil_row(home: Path) -> None:
    lines = data(home, "train-en.tsv").read_text().splitlines()
    lines[4] = "only one column"
    data(home, "train-en.tsv").write_text("\n".join(lines) + "\n")


def spoil_label(home: Path) -> None:
    text = data(home, "train-en.tsv").read_text().replace("\tyes", "\tmaybe", 1)
    data(home, "train-en.tsv").write_text(text)


def spoil_bytes(home: Path) -> None:
    content = data(home, "train-en.tsv").read_bytes().splitlines(keepends=True)
    content[2] = b"\xff\xfe not text\tyes\n"
    data(home, "train-en.tsv").write_bytes(b"".join(content))


def cut_gzip(home: Path) -> None:
    content = gzip.compress(data(home, "train-en.tsv").read_bytes())
    data(home, "train-en.tsv").unlink()
    data(home, "train-en.tsv.gz").write_bytes(content[: len(content) // 2])


def foreign(home: Path) -> None:
    (home / "runs/checkpoint/x.123456789abc").mkdir(parents=True)


def partial(home: Path) -> None:
    folder = home / "runs/checkpoint/.x.123456789abc.partial"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")


CASES = {
    "no command": Case("", 2, "Usage"),
    "unknown command": Case("fly", 2, "No such command"),
    "unknown flag": Case("subsample mnli --sise 3", 2, "--sise"),
    "flag of the wrong type": Case("subsample mnli --size many", 2, "--size"),
    "choice that is none": Case(
        "report --format poem", 2, "'--format': 'poem' is not one of 'rich', 'json'"
    ),
    "neither size nor sizes": Case("subsample mnli", 2, "--size"),
    "size below one": Case("subsample ./little.toml --size 0", 2, "not a whole number from 1"),
    "size above the data": Case("subsample ./little.toml --size 99", 2, "has only 24 rows"),
    "unknown task": Case("subsample xnil --size 3", 2, "did you mean xnli"),
    "no such card": Case("subsample ./none.toml --size 3", 3, "none.toml"),
    "bad card": Case(
        "subsample ./little.toml --size 3",
        4,
        "little.toml",
        lambda home: (home / "little.toml").write_text("name = 'x'\nkind = 'poetry'\n"),
    ),
    "task without data": Case("subsample squad --size 3", 3, "XLIT_DATA"),
    "unknown encoder": Case(
        "train-target ./little.toml --from no/such/model", 3, "no such directory"
    ),
    "encoder that is no checkpoint": Case(
        "train-target ./little.toml --from ./little", 5, "no config.json"
    ),
    "encoder with garbled weights": Case(
        "train-target ./little.toml --from ./copy --epochs 1", 5, "model.safetensors"
    ),
    "row with too few columns": Case(TRAIN, 4, "train-en.tsv:5", spoil_row),
    "unknown label": Case(TRAIN, 4, "maybe", spoil_label),
    "mis-encoded line": Case(TRAIN, 4, "train-en.tsv:3", spoil_bytes),
    "truncated gzip": Case(TRAIN, 4, "train-en.tsv", cut_gzip),
    "empty file": Case(
        TRAIN, 4, "train-en.tsv", lambda home: data(home, "train-en.tsv").write_text("")
    ),
    "missing file": Case(
        TRAIN, 3, "little/train-en.tsv", lambda home: data(home, "train-en.tsv").unlink()
    ),
    "no epochs": Case("train-target ./little.toml --from TINY --epochs 0", 2, "--epochs"),
    "empty stdin": Case("train-target ./little.toml", 4, "stdin: empty"),
    "stdin that is no artefact": Case("train-target ./little.toml", 2, "'word'", stdin="word\n"),
    "stdin that is no text": Case("eval-xtreme", 4, "stdin", stdin=b"\xff\xfe\n"),
    "artefact that is not there": Case("eval-xtreme runs/checkpoint/x.123456789abc", 3, "no such"),
    "encoder that is to be evaluated": Case(
        "eval-xtreme e5-small", 3, "xlit train-target TASK --from e5-small makes one"
    ),
    "artefact that is not one": Case(
        "eval-xtreme runs/checkpoint/x.123456789abc", 5, "no manifest.json", foreign
    ),
    "partial artefact": Case(
        "eval-xtreme runs/checkpoint/.x.123456789abc.partial", 5, "unfinished", partial
    ),
    "report on nothing": Case("report", 4, "stdin: empty"),
    "retrieve without anything to retrieve": Case("retrieve TINY", 2, "--task"),
    "retrieve on a task without sides": Case("retrieve TINY --task xnli", 2, "classification"),
    "mining a missing file": Case("retrieve TINY --source a.txt --target b.txt", 3, "a.txt"),
    "mining an empty file": Case(
        "retrieve TINY --source empty --target empty",
        4,
        "empty",
        lambda home: (home / "empty").write_text("\n\n"),
    ),
    "score without folders": Case("score nowhere --labels nowhere", 3, "nowhere"),
    "score with an unknown suite": Case("score . --labels . --suite xtrem", 2, "xtreme"),
    "run root that is a file": Case(
        "subsample ./little.toml --size 3 --runs little.toml", 2, "--runs"
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_bad_input_is_one_line_and_its_exit_code(
    cli: Cli, tiny_encoder: Path, tmp_path: Path, case: Case
) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    for file in tiny_encoder.iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    (copy / "model.safetensors").write_bytes(b"rubbish")
    case.prepare(tmp_path)
    ran = cli(
        *(str(tiny_encoder) if a == "TINY" else a for a in case.args.split()), stdin=case.stdin
    )
    assert ran.code == case.code, ran.err
    assert case.code in EXIT_CODES
    assert case.words in (ran.err or ran.out)
    if case.args:
        assert ran.out == ""
        assert len(ran.err.splitlines()) == 1
        assert ran.err.startswith("xlit: ")
        assert "Traceback" not in ran.err
    published = [path for path in Path("runs").rglob("*.*") if path.name == "manifest.json"]
    assert published == []


@pytest.fixture
def checkpoint(cli: Cli, tiny_encoder: Path) -> str:
    return cli(*TRAIN.replace("TINY", str(tiny_encoder)).split()).paths[0]


@pytest.mark.parametrize(
    ("flags", "code", "words"),
    [
        (["--lang", "sw"], 2, "it has de,en"),
        (["--lang", "de,de"], 2, "twice"),
        (["--lang", "de", "--split", "secret"], 2, "secret"),
        (["--task", "xcopa"], 2, "has no head for xcopa"),
        (["--submission", "little.toml"], 2, "--submission little.toml"),
    ],
    ids=["language of no card", "language twice", "unknown split", "other kind", "bad folder"],
)
def test_evaluating_what_cannot_be_is_refused(
    cli: Cli, checkpoint: str, flags: list[str], code: int, words: str
) -> None:
    ran = cli("eval-xtreme", checkpoint, *flags)
    # an untrained head may well predict one label, which is told where it gets as far as that
    errors = [line for line in ran.err.splitlines() if not line.startswith("degenerate: ")]
    assert (ran.code, len(errors)) == (code, 1), ran.err
    assert words in errors[0]


def test_a_language_whose_data_is_missing_is_named_with_the_ways_to_get_it(
    cli: Cli, checkpoint: str
) -> None:
    data(cli.home, "test-de.tsv").unlink()
    ran = cli("eval-xtreme", checkpoint, "--lang", "de")
    assert ran.code == 3
    assert "little/test-de.tsv" in ran.err and "XLIT_DATA" in ran.err
    rest = cli("eval-xtreme", checkpoint)
    assert rest.code == 0
    assert "1 of 2 languages" in rest.err and "no data for de" in rest.err
    assert list(json.loads(Path(rest.paths[0], "scores.json").read_text())["little"]) == ["en"]


def test_a_bug_is_one_line_and_a_traceback_in_a_file(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ValueError("a number\nwent missing")

    monkeypatch.setattr("xlit.tasks.card.find_card", broken)
    ran = cli("tasks", "xnli")
    assert ran.code == 1
    assert ran.err.startswith("xlit: a bug: ValueError: a number went missing (traceback in ")
    report = Path(ran.err.split("traceback in ")[1].rstrip(")\n"))
    assert "Traceback" in report.read_text()
    report.unlink()
