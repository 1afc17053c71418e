from pathlib import Path

import pytest

from xlit.commands.running import (
    each,
    short_name,
    split_list,
    whole_numbers,
)
from xlit.errors import InputError, MissingError, ReportedError, StoppedError, UsageError


def failing(name: str) -> Path:
    if name == "bad":
        raise InputError("spoilt", path="f", line=3)
    if name == "gone":
        raise MissingError("not here")
    if name == "stop":
        raise StoppedError("enough")
    return Path(name)


def test_runs_after_a_failed_one_go_on_and_the_first_failure_counts(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(ReportedError) as failure:
        list(each(failing, ["a", "bad", "b", "gone", "c"]))
    assert failure.value.exit_code == 4
    assert capsys.readouterr().err.splitlines() == ["xlit: f:3: spoilt", "xlit: not here"]


def test_what_the_good_runs_made_is_given_at_once() -> None:
    runs = each(failing, ["a", "bad", "b"])
    assert [next(runs), next(runs)] == [Path("a"), Path("b")]
    with pytest.raises(ReportedError):
        next(runs)


def test_a_stop_ends_all_runs() -> None:
    with pytest.raises(StoppedError):
        list(each(failing, ["stop", "a"]))


@pytest.mark.parametrize(("text", "numbers"), [("3", [3]), ("1, 2,30", [1, 2, 30])])
def test_lists_of_whole_numbers(text: str, numbers: list[int]) -> None:
    assert whole_numbers(text, "--sizes", 1) == numbers


@pytest.mark.parametrize("text", ["", "1,,2", "1,1", "-1", "1.5", "0", "٣x"])
def test_other_lists_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--sizes"):
        whole_numbers(text, "--sizes", 1)


def test_items_are_stripped_and_kept_in_order() -> None:
    assert split_list("zh, de", "--lang") == ["zh", "de"]


@pytest.mark.parametrize(
    ("encoder", "name"),
    [
        ("e5-small", "e5-small"),
        ("FacebookAI/xlm-roberta-base@main", "xlm-roberta-base"),
        ("models/mine/", "mine"),
    ],
)
def test_the_short_name_of_an_encoder_is_its_last_part(encoder: str, name: str) -> None:
    assert short_name(encoder) == name
