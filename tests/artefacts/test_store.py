import errno
import json
import multiprocessing
import os
import re
from pathlib import Path
from typing import Any

import pytest

from xlit.artefacts.manifest import MANIFEST, read_manifest
from xlit.artefacts.store import (
    Artefact,
    Plan,
    claim,
    damages,
    find,
    is_artefact,
    open_artefact,
)
from xlit.errors import DamagedError, MissingError, StoppedError, UsageError, XlitError


def plan(**over: Any) -> Plan:
    values: dict[str, Any] = {
        "sort": "data",
        "stage": "subsample",
        "revision": 1,
        "name": "toy",
        "settings": {"size": 3, "seed": 0},
        "data": ({"task": "toy", "split": "train", "language": "en", "rows": 3, "digest": "d1"},),
    }
    return Plan(**{**values, **over})


def make(root: Path, made: Plan, text: str = "hello", *, force: bool = False) -> Artefact:
    with claim(made, root, force=force) as work:
        if work.done is not None:
            return work.done
        (work.directory / "rows.txt").write_text(text, encoding="utf-8")
        return work.publish({"rows": 3})


def test_published_artefact_has_its_files_and_a_manifest_and_nothing_else(tmp_path: Path) -> None:
    artefact = make(tmp_path, plan())
    assert artefact.path == tmp_path / "data" / f"toy.{plan().id}"
    assert sorted(p.name for p in artefact.path.iterdir()) == [MANIFEST, "rows.txt"]
    assert [p.name for p in (tmp_path / "data").iterdir()] == [artefact.path.name]
    assert read_manifest(artefact.path) == artefact.manifest
    assert list(artefact.manifest.files) == ["rows.txt"]
    assert damages(artefact) == []


@pytest.mark.parametrize(
    "over",
    [
        {"stage": "other"},
        {"revision": 2},
        {"settings": {"size": 4, "seed": 0}},
        {"data": ({"digest": "d2"},)},
    ],
    ids=["stage", "revision", "settings", "data"],
)
def test_identity_changes_with_what_the_result_depends_on(over: dict[str, Any]) -> None:
    assert plan(**over).id != plan().id


@pytest.mark.parametrize(
    "over",
    [{"name": "other"}, {"command": ("x",)}, {"changed": {"size": 3}}, {"sort": "scores"}],
    ids=["name", "command", "changed", "sort"],
)
def test_identity_does_not_change_with_anything_else(over: dict[str, Any]) -> None:
    assert plan(**over).id == plan().id


def test_identity_is_stable_over_releases() -> None:
    # a changed id would orphan every artefact that anyone has made
    assert plan().id == "7b17147cf046"


def test_second_run_finds_the_first_under_whatever_name(tmp_path: Path) -> None:
    first = make(tmp_path, plan())
    again = make(tmp_path, plan(name="renamed"), "not written")
    assert again.path == first.path
    assert find(plan(), tmp_path) is not None


def test_forced_version_leaves_the_old_one_and_is_the_one_that_is_read(tmp_path: Path) -> None:
    first = make(tmp_path, plan(), "one")
    second = make(tmp_path, plan(), "two", force=True)
    assert second.path.name == first.path.name + ".v2"
    assert (first.path / "rows.txt").read_text() == "one"
    assert open_artefact(first.path).path == second.path
    assert second.manifest.reference == f"{plan().id}.v2"
    child = plan(stage="train", data=(), parents=(("data", second),))
    assert child.id != plan(stage="train", data=(), parents=(("data", first),)).id


def test_failed_work_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), claim(plan(), tmp_path) as work:
        (work.directory / "half").write_text("x", encoding="utf-8")
        raise ZeroDivisionError
    assert list((tmp_path / "data").iterdir()) == []


def test_leftovers_of_a_killed_process_do_not_get_into_the_artefact(tmp_path: Path) -> None:
    partial = tmp_path / "data" / f".toy.{plan().id}.partial"
    partial.mkdir(parents=True)
    (partial / "stale").write_text("x", encoding="utf-8")
    assert list(make(tmp_path, plan()).manifest.files) == ["rows.txt"]


def full(*, as_text: bool) -> Exception:
    if as_text:
        return RuntimeError("Error while serializing: No space left on device (os error 28)")
    return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("as_text", [False, True], ids=["OSError", "another library's error"])
def test_full_disk_stops_in_good_order(tmp_path: Path, as_text: bool) -> None:
    with pytest.raises(StoppedError, match="no space"), claim(plan(), tmp_path) as work:
        (work.directory / "half").write_text("x", encoding="utf-8")
        raise full(as_text=as_text)
    assert list((tmp_path / "data").iterdir()) == []


def test_a_file_above_the_limit_stops_in_good_order(tmp_path: Path) -> None:
    problem = OSError(errno.EFBIG, os.strerror(errno.EFBIG))
    with pytest.raises(StoppedError, match="ulimit -f"), claim(plan(), tmp_path) as work:
        (work.directory / "half").write_text("x", encoding="utf-8")
        raise problem
    assert list((tmp_path / "data").iterdir()) == []


def test_a_folder_of_artefacts_is_told_from_a_damaged_one(tmp_path: Path) -> None:
    make(tmp_path, plan())
    with pytest.raises(DamagedError, match=re.escape(f"(it holds artefacts: {tmp_path}/data/*)")):
        open_artefact(tmp_path / "data")


def _compete(root: str, started: Any, out: Any) -> None:
    started.wait()
    with claim(plan(), Path(root)) as work:
        if work.done is None:
            (work.directory / "rows.txt").write_text("x", encoding="utf-8")
            work.publish({})
        out.put(work.done is None)


def test_of_two_processes_one_works_and_the_other_takes_its_result(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    started, out = context.Event(), context.Queue()
    workers = [
        context.Process(target=_compete, args=(str(tmp_path), started, out)) for _ in range(4)
    ]
    for worker in workers:
        worker.start()
    started.set()
    worked = [out.get(timeout=60) for _ in workers]
    for worker in workers:
        worker.join(60)
    assert sorted(worked) == [False, False, False, True]


def test_a_flipped_byte_is_found_and_named(tmp_path: Path) -> None:
    artefact = make(tmp_path, plan())
    (artefact.path / "rows.txt").write_text("hellp", encoding="utf-8")
    assert damages(artefact) == ["rows.txt does not match its checksum"]
    with pytest.raises(DamagedError, match=r"rows\.txt does not match"):
        open_artefact(artefact.path)


def test_a_missing_and_a_shortened_file_are_named(tmp_path: Path) -> None:
    artefact = make(tmp_path, plan())
    (artefact.path / "rows.txt").write_text("hell", encoding="utf-8")
    assert damages(artefact) == ["rows.txt has 4 bytes, not 5"]
    (artefact.path / "rows.txt").unlink()
    assert damages(artefact) == ["rows.txt is missing"]


@pytest.mark.parametrize(
    ("name", "content", "error", "words"),
    [
        ("nothing", None, MissingError, "no such artefact"),
        (".toy.partial", {}, DamagedError, "unfinished"),
        ("bare", None, DamagedError, "has no manifest.json"),
        ("junk", "{", DamagedError, "not a manifest"),
        ("later", {"format": 99}, DamagedError, "format 99"),
        ("half", {"format": 1, "sort": "data"}, DamagedError, "key stage"),
    ],
)
def test_what_is_no_artefact_is_refused(
    tmp_path: Path, name: str, content: Any, error: type[XlitError], words: str
) -> None:
    directory = tmp_path / name
    if name != "nothing":
        directory.mkdir()
    if content is not None:
        text = content if isinstance(content, str) else json.dumps(content)
        (directory / MANIFEST).write_text(text, encoding="utf-8")
    with pytest.raises(error, match=words):
        open_artefact(directory)


def test_a_run_root_that_cannot_be_written_is_wrong_usage(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(UsageError, match="--runs"), claim(plan(), tmp_path / "file"):
        pass


def test_lineage_tells_the_whole_story_of_a_copied_artefact(tmp_path: Path) -> None:
    data = make(tmp_path, plan(changed={"size": 3}))
    middle = make(tmp_path, plan(stage="train", sort="checkpoint", parents=(("data", data),)))
    last = make(tmp_path, plan(stage="eval", sort="scores", parents=(("checkpoint", middle),)))
    (ancestor,) = last.manifest.lineage
    assert (ancestor.role, ancestor.stage, ancestor.id) == (
        "checkpoint",
        "train",
        middle.manifest.id,
    )
    assert ancestor.parents[0].settings == {"size": 3}
    assert (last.path / last.manifest.parents[0].path).resolve() == middle.path.resolve()


def test_artefacts_are_told_from_other_directories(tmp_path: Path) -> None:
    assert is_artefact(make(tmp_path, plan()).path)
    assert not is_artefact(tmp_path)


def save(directory: Path, name: str = "step-1") -> None:
    (directory / "saves" / name).mkdir(parents=True)


def unfinished(root: Path, made: Plan, *names: str, saves: bool = True) -> Path:
    """The partial that is left when work with these saves fails, with a log and a half file."""
    with pytest.raises(RuntimeError), claim(made, root, saves=saves) as work:
        for name in names:
            save(work.directory, name)
        (work.directory / "log.jsonl").write_text("{}", encoding="utf-8")
        (work.directory / "half").write_text("x", encoding="utf-8")
        (work.directory / "folder").mkdir()
        raise RuntimeError
    return work.directory


def test_of_work_that_failed_its_saves_and_its_log_are_left_and_found(tmp_path: Path) -> None:
    partial = unfinished(tmp_path, plan(), "step-1")
    assert sorted(path.name for path in partial.iterdir()) == ["log.jsonl", "saves"]
    (partial / "half").write_text("of a killed process", encoding="utf-8")
    with claim(plan(), tmp_path, saves=True) as work:
        assert (work.directory, work.saves) == (partial, partial / "saves")
        assert sorted(path.name for path in partial.iterdir()) == ["log.jsonl", "saves"]
        artefact = work.publish({})
    assert sorted(path.name for path in artefact.path.iterdir()) == ["log.jsonl", MANIFEST]
    assert damages(artefact) == []


@pytest.mark.parametrize(
    ("names", "saves"),
    [((), True), ((".new",), True), (("step-1",), False)],
    ids=["none", "one that was not finished", "of a stage that does not save"],
)
def test_without_a_save_nothing_is_left(
    tmp_path: Path, names: tuple[str, ...], saves: bool
) -> None:
    assert not unfinished(tmp_path, plan(), *names, saves=saves).exists()


def test_saves_go_with_the_id_whatever_the_name(tmp_path: Path) -> None:
    partial = unfinished(tmp_path, plan(name="one"), "step-1")
    with claim(plan(name="two"), tmp_path, saves=True) as work:
        assert (work.directory / "saves/step-1").is_dir()
        assert not partial.exists()
        work.publish({})
    (left,) = (tmp_path / "data").iterdir()
    assert left.name == f"two.{plan().id}"


def test_what_kills_left_under_other_names_is_removed(tmp_path: Path) -> None:
    left = unfinished(tmp_path, plan(name="one"), "step-1")
    without_a_save = left.with_name(left.name.replace("one", "three"))
    save(without_a_save, ".new")
    of_another = tmp_path / "data/.one.0123456789ab.partial"
    save(of_another)
    with claim(plan(name="two"), tmp_path, saves=True) as work:
        work.publish({})
    assert sorted(path.name for path in (tmp_path / "data").iterdir()) == [
        of_another.name,
        f"two.{plan().id}",
    ]


def test_saves_of_a_forced_version_are_its_own(tmp_path: Path) -> None:
    make(tmp_path, plan())
    with pytest.raises(RuntimeError), claim(plan(), tmp_path, force=True, saves=True) as work:
        save(work.directory)
        raise RuntimeError
    with claim(plan(), tmp_path, saves=True) as again:
        assert again.done is not None
    with claim(plan(name="other"), tmp_path, force=True, saves=True) as work:
        assert work.directory.name == f".other.{plan().id}.v2.partial"
        assert (work.directory / "saves/step-1").is_dir()


def test_saves_that_a_kill_left_in_a_published_artefact_are_removed(tmp_path: Path) -> None:
    artefact = make(tmp_path, plan())
    save(artefact.path)
    with claim(plan(), tmp_path, saves=True) as work:
        assert work.done is not None
    assert not (artefact.path / "saves").exists()


def test_a_folder_called_saves_belongs_to_the_artefact_of_a_stage_that_does_not_save(
    tmp_path: Path,
) -> None:
    with claim(plan(), tmp_path) as work:
        save(work.directory)
        (work.directory / "saves/step-1/file").write_text("x", encoding="utf-8")
        artefact = work.publish({})
    assert list(artefact.manifest.files) == ["saves/step-1/file"]
    with claim(plan(), tmp_path) as work:
        assert work.done is not None
    assert damages(artefact) == []


def test_a_disk_that_became_read_only_stops_in_good_order(tmp_path: Path) -> None:
    with (
        pytest.raises(StoppedError, match=r"can no longer be written.*from its last save"),
        claim(plan(), tmp_path, saves=True) as work,
    ):
        save(work.directory)
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))
