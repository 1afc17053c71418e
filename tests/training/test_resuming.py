"""Runs that are cut short anywhere end as undisturbed ones do, to the bit."""

import dataclasses
import errno
import json
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.conftest import SENTENCES
from tests.training.test_loop import FAST, load, rows, settings, task, toy_card
from xlit.errors import DamagedError, StoppedError
from xlit.kinds.kind import FeatureOptions
from xlit.kinds.registry import find_kind
from xlit.models.encoders import load_with_head, resolve_encoder
from xlit.models.multitask import share_encoder
from xlit.tasks.rows import PlainRow
from xlit.training import dev, keeper, loop, saves
from xlit.training.interval import Interval, Saving, parse_interval
from xlit.training.loop import Result, train
from xlit.training.optimiser import set_rate
from xlit.training.processes import Processes
from xlit.training.saves import Saves
from xlit.training.task import TrainTask

SHORT = dataclasses.replace(
    FAST, epochs=2, batch_size=8, eval_every=3, keep="best", weight_decay=0.1, warmup=0.2
)
STEP = "xlit.training.loop.set_rate"
EVERY_STEP = Interval(steps=1)
MLM = {"name": "mlm", "kind": "mlm", "metric": "perplexity", "floor": "untrained", "labels": ()}


class KilledError(BaseException):
    """Ends a run as no code expects."""


@dataclasses.dataclass(frozen=True)
class Ended:
    """What a run left: the tensors of its models, and the lines of its log."""

    tensors: dict[str, torch.Tensor]
    log: list[dict[str, Any]]
    result: Result

    def is_as(self, other: "Ended") -> bool:
        same = {n: torch.equal(v, other.tensors[n]) for n, v in self.tensors.items()}
        assert [name for name, equal in same.items() if not equal] == []
        assert self.log == other.log
        assert self.result.loss == other.result.loss
        assert self.result.outcomes == other.result.outcomes
        assert self.result.mixture == other.result.mixture
        return True


def single(encoder: Path) -> tuple[list[TrainTask], Any]:
    loaded = load(encoder)
    return [task(loaded, SHORT, train_rows=rows(32, "red"))], loaded.tokenizer


def kept_last(encoder: Path) -> tuple[list[TrainTask], Any]:
    tasks, tokenizer = single(encoder)
    last = dataclasses.replace(SHORT, keep="last", freeze="embeddings")
    return [dataclasses.replace(tasks[0], recipe=last)], tokenizer


def several(encoder: Path) -> tuple[list[TrainTask], Any]:
    models = {name: load(encoder) for name in ("first", "second")}
    share_encoder({name: loaded.model for name, loaded in models.items()})
    short = dataclasses.replace(SHORT, epochs=1)
    tasks = [
        task(models["first"], short, name="first", train_rows=rows(32, "red")),
        task(models["second"], short, name="second", train_rows=rows(16, "old")),
    ]
    return tasks, models["first"].tokenizer


def one_head(encoder: Path) -> tuple[list[TrainTask], Any]:
    loaded = load(encoder)
    short = dataclasses.replace(SHORT, epochs=1)
    tasks = [
        task(loaded, short, name="first", train_rows=rows(32, "red")),
        task(loaded, short, name="second", train_rows=rows(16, "old")),
    ]
    return tasks, loaded.tokenizer


def with_mlm(encoder: Path) -> tuple[list[TrainTask], Any]:
    tasks, tokenizer = single(encoder)
    kind = find_kind("mlm")
    model = load_with_head(
        resolve_encoder(str(encoder)), kind.auto_class, config={}, seed=0, own_head=True
    ).model
    share_encoder({"toy": tasks[0].model, "mlm": model})
    texts = tuple(PlainRow(str(n), text) for n, text in enumerate(SENTENCES))
    tasks.append(
        TrainTask(
            card=toy_card().model_copy(update=MLM),
            kind=kind,
            rows=texts,
            dev=texts[:4],
            recipe=SHORT,
            options=FeatureOptions(max_length=32),
            model=model,
        )
    )
    return tasks, tokenizer


Made = Callable[[Path], tuple[list[TrainTask], Any]]
SCENARIOS: dict[str, Made] = {
    "single": single,
    "kept_last": kept_last,
    "several": several,
    "one_head": one_head,
    "with_mlm": with_mlm,
}
COMPARED = ("step", "task", "rows", "loss", "lr", "gradient_norm", "dev", "tasks", "seen")


def run(made: Made, encoder: Path, directory: Path, every: Interval | None = EVERY_STEP) -> Ended:
    """Train in `directory`, or go on there."""
    directory.mkdir(exist_ok=True)
    tasks, tokenizer = made(encoder)
    saving = Saving(directory / "saves", every) if every is not None else None
    result = train(tasks, tokenizer, settings(), directory, saving)
    tensors = {
        f"{number}.{name}": value.detach().clone()
        for number, one in enumerate(tasks)
        for name, value in one.model.state_dict().items()
    }
    lines = [json.loads(line) for line in (directory / "log.jsonl").read_text().splitlines()]
    log = [{key: line[key] for key in COMPARED if key in line} for line in lines]
    return Ended(tensors, log, result)


@pytest.fixture(scope="module")
def undisturbed(
    tiny_encoder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Ended]:
    """The end of each scenario when nothing happens and nothing is saved."""
    known: dict[str, Ended] = {}

    def get(name: str) -> Ended:
        if name not in known:
            folder = tmp_path_factory.mktemp(name)
            known[name] = run(SCENARIOS[name], tiny_encoder, folder, None)
        return known[name]

    return get


def at_call(number: int, do: Callable[[], None], real: Callable[..., Any]) -> Callable[..., Any]:
    """`real`, which at its call of this number, from 1, is preceded by `do`."""
    calls = 0

    def wrapped(*args: Any, **named: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == number:
            do()
        return real(*args, **named)

    return wrapped


def die() -> None:
    raise KilledError


def ask(signum: signal.Signals = signal.SIGTERM) -> None:
    os.kill(os.getpid(), signum)


@pytest.mark.parametrize(
    ("scenario", "step"),
    [
        ("single", 1),
        ("kept_last", 3),
        ("several", 4),
        ("one_head", 2),
        ("with_mlm", 3),
        ("with_mlm", 5),
    ],
)
def test_a_run_that_was_stopped_ends_with_the_same_bits(
    scenario: str,
    step: int,
    tiny_encoder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    undisturbed: Callable[[str], Ended],
) -> None:
    # a signal that arrives in the middle of a step
    monkeypatch.setattr(STEP, at_call(step, ask, set_rate))
    with pytest.raises(StoppedError, match=f"SIGTERM.*step {step} is saved: the same command"):
        run(SCENARIOS[scenario], tiny_encoder, tmp_path, Interval(seconds=600))
    assert [path.name for path in tmp_path.glob("saves/step-*")] == [f"step-{step:08d}"]
    ended = run(SCENARIOS[scenario], tiny_encoder, tmp_path, Interval(seconds=600))
    assert ended.result.continued == [step]
    assert ended.is_as(undisturbed(scenario))


def test_a_run_may_be_stopped_at_every_step(
    tiny_encoder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    undisturbed: Callable[[str], Ended],
) -> None:
    whole = undisturbed("several")
    for _ in range(whole.result.steps):
        with monkeypatch.context() as patch, pytest.raises(StoppedError):
            # the first step of each
            patch.setattr(STEP, at_call(1, ask, set_rate))
            run(several, tiny_encoder, tmp_path)
    assert run(several, tiny_encoder, tmp_path).is_as(whole)


def test_saving_changes_nothing(
    tiny_encoder: Path, tmp_path: Path, undisturbed: Callable[[str], Ended]
) -> None:
    assert run(single, tiny_encoder, tmp_path).is_as(undisturbed("single"))
    assert len(list(tmp_path.glob("saves/step-*"))) == 2
    assert len(list(tmp_path.glob("saves/best-*"))) <= 2


PHASES = [
    *((saves, "save_file", call) for call in (1, 2, 4)),
    *((saves, "flush", call) for call in (1, 3, 4, 15, 18)),
    (Saves, "write", 3),
    (Saves, "_make_room", 4),
    (saves, "_remove", 2),
    (dev, "evaluate", 1),
    (dev, "evaluate", 2),
    (loop, "set_rate", 3),
    (loop, "put_back", 1),
]


@pytest.mark.parametrize(
    ("where", "name", "call"), PHASES, ids=[f"{name}-{call}" for _, name, call in PHASES]
)
def test_a_run_that_crashed_ends_with_the_same_bits(
    where: Any,
    name: str,
    call: int,
    tiny_encoder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    undisturbed: Callable[[str], Ended],
) -> None:
    with monkeypatch.context() as patch, pytest.raises(KilledError):
        # crashes come where no test could otherwise send one
        patch.setattr(where, name, at_call(call, die, getattr(where, name)))
        run(single, tiny_encoder, tmp_path)
    assert run(single, tiny_encoder, tmp_path).is_as(undisturbed("single"))


def test_an_evaluation_is_stopped_at_once_and_repeated(
    tiny_encoder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    undisturbed: Callable[[str], Ended],
) -> None:
    def evaluating(*args: Any) -> Any:
        ask(signal.SIGUSR1)
        raise AssertionError("went on after the signal")

    with monkeypatch.context() as patch, pytest.raises(StoppedError, match=r"SIGUSR1.*step 3"):
        patch.setattr(dev, "evaluate", evaluating)  # a signal while it works
        run(single, tiny_encoder, tmp_path, Interval(seconds=600))
    assert "dev" not in (tmp_path / "log.jsonl").read_text()
    assert run(single, tiny_encoder, tmp_path).is_as(undisturbed("single"))


@pytest.fixture
def interrupts() -> Iterator[None]:
    """An interrupt is heard: what a shell runs in the background ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interrupts")
def test_a_second_signal_stops_at_once_and_the_save_before_is_used(
    tiny_encoder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    undisturbed: Callable[[str], Ended],
) -> None:
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("xlit.training.stopping.ECHO", -1.0)  # so that none counts as an echo
        patch.setattr(STEP, at_call(3, ask, set_rate))
        patch.setattr(Saves, "write", at_call(3, lambda: ask(signal.SIGINT), Saves.write))
        run(single, tiny_encoder, tmp_path)
    assert [p.name for p in sorted(tmp_path.glob("saves/step-*"))] == [
        "step-00000001",
        "step-00000002",
    ]
    assert run(single, tiny_encoder, tmp_path).is_as(undisturbed("single"))


def test_the_echo_of_a_signal_is_not_a_second_one(
    tiny_encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def twice() -> None:
        ask()
        ask(signal.SIGINT)

    monkeypatch.setattr(STEP, at_call(2, twice, set_rate))
    with pytest.raises(StoppedError, match="step 2 is saved"):
        run(single, tiny_encoder, tmp_path)


def test_signals_are_given_back(tiny_encoder: Path, tmp_path: Path) -> None:
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGUSR1)]
    run(single, tiny_encoder, tmp_path)
    assert [signal.getsignal(n) for n in (signal.SIGTERM, signal.SIGUSR1)] == before


def test_patience_counts_on_after_a_stop(
    tiny_encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def made(encoder: Path) -> tuple[list[TrainTask], Any]:
        tasks, tokenizer = single(encoder)
        still = dataclasses.replace(SHORT, learning_rate=1e-12, epochs=10, patience=2, eval_every=2)
        return [dataclasses.replace(tasks[0], recipe=still)], tokenizer

    whole = run(made, tiny_encoder, tmp_path / "whole")
    assert (whole.result.steps, whole.result.best_step) == (6, 2)
    for step in (3, 6):
        folder = tmp_path / str(step)
        with monkeypatch.context() as patch, pytest.raises(StoppedError):
            # a signal in the middle of a step
            patch.setattr(STEP, at_call(step, ask, set_rate))
            run(made, tiny_encoder, folder)
        assert run(made, tiny_encoder, folder).is_as(whole)


def test_a_run_that_was_over_but_not_published_does_no_step_again(
    tiny_encoder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    undisturbed: Callable[[str], Ended],
) -> None:
    run(single, tiny_encoder, tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(STEP, at_call(1, die, set_rate))  # not called
        assert run(single, tiny_encoder, tmp_path).is_as(undisturbed("single"))


def test_the_last_step_of_a_long_run_is_saved_before_its_files_are_written(
    tiny_encoder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    undisturbed: Callable[[str], Ended],
) -> None:
    rarely = Interval(seconds=600)
    run(single, tiny_encoder, tmp_path / "short", rarely)
    assert steps_of(tmp_path / "short") == []
    monkeypatch.setattr(keeper, "WORTH_SAVING", 0.0)  # no test lasts a minute
    whole = undisturbed("single")
    run(single, tiny_encoder, tmp_path / "long", rarely)
    assert [path.name for path in steps_of(tmp_path / "long")] == ["step-00000008"]
    ended = run(single, tiny_encoder, tmp_path / "long", rarely)
    assert ended.result.continued == [8]
    assert ended.is_as(whole)


def test_a_disk_without_room_for_the_last_save_may_have_some_for_the_files(
    tiny_encoder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    undisturbed: Callable[[str], Ended],
) -> None:
    def full() -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(keeper, "WORTH_SAVING", 0.0)  # no test lasts a minute
    # a disk that is full just then
    monkeypatch.setattr("xlit.training.saves.save_file", at_call(1, full, save_file))
    ended = run(single, tiny_encoder, tmp_path, Interval(seconds=600))
    assert ended.is_as(undisturbed("single"))


def steps_of(folder: Path) -> list[Path]:
    return sorted(folder.glob("saves/step-*"))


@pytest.fixture
def stopped(tiny_encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A run that was stopped at step 7 with the saves of steps 6 and 7; the best is that of 3."""
    with monkeypatch.context() as patch, pytest.raises(StoppedError):
        # a signal in the middle of a step
        patch.setattr(STEP, at_call(7, ask, set_rate))
        run(single, tiny_encoder, tmp_path)
    yield tmp_path


def flip(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


def cut(path: Path, at: int) -> None:
    os.truncate(path, path.stat().st_size + at)


@pytest.mark.parametrize(
    ("name", "damage", "words"),
    [
        ("tensors.safetensors", lambda p: flip(p, -1), "tensors.safetensors does not match"),
        ("tensors.safetensors", lambda p: flip(p, 30), "tensors.safetensors does not match"),
        ("tensors.safetensors", lambda p: cut(p, -1), "bytes, not"),
        ("tensors.safetensors", Path.unlink, "No such file"),
        ("save.json", lambda p: flip(p, p.read_text().index('"step": ') + 8), "save.json"),
        ("save.json", lambda p: cut(p, -3), "save.json is damaged"),
        ("save.json", lambda p: p.write_text("[]"), "save.json is damaged"),
        ("save.json", Path.unlink, "No such file"),
        (
            "save.json",
            lambda p: p.write_text(p.read_text().replace('"format": 1', '"format": 9')),
            "format 9, this xlit reads 1",
        ),
    ],
)
def test_a_damaged_save_is_refused_and_the_one_before_it_is_used(
    stopped: Path,
    name: str,
    damage: Callable[[Path], None],
    words: str,
    tiny_encoder: Path,
    capfd: pytest.CaptureFixture[str],
    undisturbed: Callable[[str], Ended],
) -> None:
    damage(steps_of(stopped)[-1] / name)
    ended = run(single, tiny_encoder, stopped)
    said = capfd.readouterr().err
    assert words in said and "step-00000007: not used" in said and "from step 6" in said
    assert ended.result.continued == [6]
    assert ended.is_as(undisturbed("single"))


@pytest.mark.parametrize("what", ["both", "best", "log", "log_byte"])
def test_without_a_whole_save_a_run_begins_again(
    stopped: Path,
    what: str,
    tiny_encoder: Path,
    capfd: pytest.CaptureFixture[str],
    undisturbed: Callable[[str], Ended],
) -> None:
    if what == "both":
        for path in steps_of(stopped):
            cut(path / "tensors.safetensors", -1)
    elif what == "best":
        (best,) = stopped.glob("saves/best-*")
        flip(best, -1)
    elif what == "log":
        cut(stopped / "log.jsonl", -(stopped / "log.jsonl").stat().st_size + 40)
    else:
        flip(stopped / "log.jsonl", 20)
    ended = run(single, tiny_encoder, stopped)
    assert capfd.readouterr().err.count("not used") == 2
    assert ended.result.continued == []
    assert ended.is_as(undisturbed("single"))


def test_a_save_of_another_run_is_refused(
    stopped: Path, tiny_encoder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    ended = run(several, tiny_encoder, stopped)  # an id keeps this from happening
    assert "not used" in capfd.readouterr().err
    assert ended.result.continued == []


def test_a_process_that_cannot_use_the_save_of_the_first_fails(
    stopped: Path, tiny_encoder: Path
) -> None:
    class Second(Processes):
        rank, size = 1, 2

        def largest(self, number: int) -> int:
            return 7  # where the first goes on

        def gather(self, data: bytes) -> list[bytes]:
            return [data] * 2

    tasks, tokenizer = several(tiny_encoder)
    second = dataclasses.replace(settings(), processes=Second())
    (stopped / "second").mkdir()
    saving = Saving(stopped / "saves", EVERY_STEP)
    with pytest.raises(DamagedError, match=r"save of step 7.*not in it"):
        train(tasks, tokenizer, second, stopped / "second", saving)
    assert len(steps_of(stopped)) == 2  # they are the first's to refuse


def test_a_save_of_other_versions_is_used_and_that_is_said(
    stopped: Path,
    tiny_encoder: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # the versions of an installation are what they are
    there = keeper.made_by(torch.device("cpu"))
    monkeypatch.setattr(keeper, "made_by", lambda where: {**there, "torch": "9.9", "threads": 64})
    assert run(single, tiny_encoder, stopped).result.continued == [7]
    said = capfd.readouterr().err
    assert f"torch {there['torch']} (now 9.9)" in said
    assert f"threads {there['threads']} (now 64)" in said


def test_a_full_disk_leaves_the_save_before(
    tiny_encoder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    undisturbed: Callable[[str], Ended],
) -> None:
    def full() -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch, pytest.raises(OSError):
        # a disk that is full just then needs root: tests/cli/test_stopping.py has a real one
        patch.setattr("xlit.training.saves.save_file", at_call(3, full, save_file))
        run(single, tiny_encoder, tmp_path)
    left = sorted(path.name for path in (tmp_path / "saves").iterdir())
    assert left == ["step-00000002"]
    assert run(single, tiny_encoder, tmp_path).is_as(undisturbed("single"))


def test_no_pickle_is_in_a_save_and_floats_come_back_as_they_were(stopped: Path) -> None:
    save = steps_of(stopped)[-1]
    assert sorted(path.name for path in save.iterdir()) == ["save.json", "tensors.safetensors"]
    values = json.loads((save / "save.json").read_text())["save"]["values"]
    lines = [json.loads(line) for line in (stopped / "log.jsonl").read_text().splitlines()]
    assert load_file(save / "tensors.safetensors")["losses"].tolist() == [
        line["loss"] for line in lines if "loss" in line
    ]
    assert values["best"]["score"] == max(line["dev"] for line in lines if "dev" in line)


@pytest.mark.parametrize(
    ("text", "interval"),
    [
        ("500", Interval(steps=500)),
        ("1", Interval(steps=1)),
        ("90s", Interval(seconds=90)),
        ("10m", Interval(seconds=600)),
        ("1.5h", Interval(seconds=5400)),
    ],
)
def test_an_interval_is_steps_or_a_time(text: str, interval: Interval) -> None:
    assert parse_interval(text, "--save-every") == interval


def test_an_interval_is_over_when_it_has_passed() -> None:
    assert Interval(steps=3).is_over(3, 0.0) and not Interval(steps=3).is_over(2, 1e9)
    assert Interval(seconds=60).is_over(1, 60.0) and not Interval(seconds=60).is_over(1, 59.0)
    assert not Interval(seconds=60).is_over(0, 1e9)  # nothing is new
