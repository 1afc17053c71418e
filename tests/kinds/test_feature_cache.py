"""Kept features are those that would be made, or they are made again."""

import dataclasses
import os
import resource
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tokenizers import normalizers
from transformers import AutoTokenizer

from xlit.console import set_volume
from xlit.errors import InputError
from xlit.kinds.classification import Classification
from xlit.kinds.feature_cache import FeatureCache, described, digest_of, row_keys
from xlit.kinds.feature_files import write_batches
from xlit.kinds.feature_table import batch_of
from xlit.kinds.kind import Feature, FeatureOptions
from xlit.kinds.registry import KINDS, find_kind
from xlit.tasks.rows import RankingRow, Row, TextRow

from .sample_features import FIXED, OPTIONS, plain_features

EVERY = pytest.mark.parametrize("name", list(KINDS))


class Counting(Classification):
    """Classification that tells of how many rows it made features."""

    made: ClassVar[list[int]] = []

    def features(
        self, rows: Sequence[TextRow], tokenizer: Any, options: FeatureOptions
    ) -> list[Feature]:
        self.made.append(len(rows))
        return super().features(rows, tokenizer, options)


@pytest.fixture
def kind() -> Counting:
    Counting.made.clear()
    return Counting()


@pytest.fixture
def cache(tmp_path: Path) -> FeatureCache:
    return FeatureCache(tmp_path / "features")


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[[], str]]:
    """What was told to whoever watches."""
    set_volume(quiet=False, verbose=True)
    yield lambda: capsys.readouterr().err
    set_volume(quiet=False, verbose=False)


def texts(count: int, first: int = 0) -> list[TextRow]:
    return [
        TextRow(f"{i}", f"the child reads book {i} in the house", f"who? {i}", "yes")
        for i in range(first, first + count)
    ]


def files(cache: FeatureCache) -> list[Path]:
    assert cache.folder is not None
    return sorted(cache.folder.rglob("*.arrow"))


@EVERY
def test_features_that_were_kept_are_the_same(unigram: Any, cache: FeatureCache, name: str) -> None:
    kind, rows = find_kind(name), FIXED[name]
    made = plain_features(kind.features(rows, unigram, OPTIONS))
    for _ in range(2):
        assert plain_features(cache.features(kind, rows, unigram, OPTIONS)) == made
    assert len(files(cache)) == 1


def test_a_row_is_tokenised_once_for_all_sizes_and_orders(
    unigram: Any, cache: FeatureCache, kind: Counting
) -> None:
    cache.features(kind, texts(10), unigram, OPTIONS)
    cache.features(kind, texts(10)[7:2:-2], unigram, OPTIONS)
    renamed = [dataclasses.replace(row, id=f"en:{row.id}") for row in texts(10)]
    mixed = [*texts(3, first=20), *renamed, *renamed[:4]]
    table = cache.features(kind, mixed, unigram, OPTIONS)
    assert kind.made == [10, 3]
    assert plain_features(table) == plain_features(
        Classification().features(mixed, unigram, OPTIONS)
    )
    assert len(files(cache)) == 2


def test_rows_of_one_content_are_tokenised_once(
    unigram: Any, cache: FeatureCache, kind: Counting
) -> None:
    table = cache.features(kind, texts(2) * 3, unigram, OPTIONS)
    assert kind.made == [2]
    assert [feature.row for feature in table] == list(range(6))


def test_without_a_folder_nothing_is_kept(unigram: Any, kind: Counting) -> None:
    for _ in range(2):
        assert len(FeatureCache().features(kind, texts(4), unigram, OPTIONS)) == 4
    assert kind.made == [4, 4]


def test_no_rows_are_no_features(unigram: Any, cache: FeatureCache, kind: Counting) -> None:
    assert len(cache.features(kind, [], unigram, OPTIONS)) == 0
    assert files(cache) == []


@EVERY
def test_what_a_kind_reads_of_the_options_makes_other_features_and_the_rest_does_not(
    unigram: Any, name: str
) -> None:
    kind = find_kind(name)
    others: dict[str, Any] = {
        "max_length": 20,
        "stride": 4,
        "question_length": 4,
        "labels": ("yes", "no", "maybe"),
    }
    others |= {"unanswerable": False, "threshold": None}
    assert set(others) == {field.name for field in dataclasses.fields(FeatureOptions)}
    rows: list[Row] = FIXED[name]
    before = plain_features(kind.features(rows, unigram, OPTIONS))
    for option, value in others.items():
        changed = dataclasses.replace(OPTIONS, **{option: value})
        differs = plain_features(kind.features(rows, unigram, changed)) != before
        assert differs == (option in kind.options_read), option
        another = digest_of(described(kind, unigram, changed))
        assert (another != digest_of(described(kind, unigram, OPTIONS))) == differs, option


@EVERY
def test_all_of_a_row_that_features_depend_on_is_its_content(unigram: Any, name: str) -> None:
    kind = find_kind(name)
    for row in FIXED[name]:
        other = dataclasses.replace(row, id="another id")
        if isinstance(other, RankingRow):  # its pairs are made of rows, at every use
            other = dataclasses.replace(other, answers=("x",))
        assert kind.content(row) == kind.content(other)
        both = [plain_features(kind.features([each], unigram, OPTIONS)) for each in (row, other)]
        assert both[0] == both[1]


def lower(tokenizer: Any) -> None:
    tokenizer.backend_tokenizer.normalizer = normalizers.Lowercase()


def add_a_piece(tokenizer: Any) -> None:
    tokenizer.add_tokens(["child"])


def split_specials(tokenizer: Any) -> None:
    tokenizer.split_special_tokens = True


def forget_types(tokenizer: Any) -> None:
    tokenizer.model_input_names = ["input_ids", "token_type_ids", "attention_mask"]


def shorten(tokenizer: Any) -> None:
    tokenizer.model_max_length = 20


@pytest.mark.parametrize("change", [lower, add_a_piece, split_specials, forget_types, shorten])
def test_another_tokenizer_never_finds_the_features_of_this_one(
    tiny_encoder: Path, unigram: Any, cache: FeatureCache, change: Callable[[Any], None]
) -> None:
    kind = find_kind("classification")
    options = dataclasses.replace(OPTIONS, max_length=20)
    rows = [TextRow("0", "The child </s> reads", None, "yes")]
    cache.features(kind, rows, unigram, options)
    other = AutoTokenizer.from_pretrained(tiny_encoder)
    change(other)
    found = cache.features(kind, rows, other, options)
    assert plain_features(found) == plain_features(kind.features(rows, other, options))
    assert len(files(cache)) == 2


def test_a_tokenizer_loaded_again_or_used_otherwise_finds_them(
    tiny_encoder: Path, unigram: Any, cache: FeatureCache, kind: Counting
) -> None:
    cache.features(kind, texts(2), unigram, OPTIONS)
    again = AutoTokenizer.from_pretrained(tiny_encoder)
    again(["the child", "the"], padding="max_length", truncation=True, max_length=3)
    cache.features(kind, texts(2), again, OPTIONS)
    assert kind.made == [2]


def test_another_version_of_a_kind_makes_other_features(
    unigram: Any, cache: FeatureCache, kind: Counting
) -> None:
    class Newer(Counting):
        features_version: ClassVar[int] = Counting.features_version + 1

    cache.features(kind, texts(2), unigram, OPTIONS)
    cache.features(Newer(), texts(2), unigram, OPTIONS)
    assert kind.made == [2, 2]


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data())
def test_one_changed_byte_is_noticed(
    unigram: Any, cache: FeatureCache, kind: Counting, data: st.DataObject
) -> None:
    made = plain_features(cache.features(kind, texts(3), unigram, OPTIONS))
    (file,) = files(cache)
    content = bytearray(file.read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    file.unlink()  # a new file, as a mapped one is not to be written
    file.write_bytes(content)
    kind.made.clear()
    assert plain_features(cache.features(kind, texts(3), unigram, OPTIONS)) == made
    assert kind.made == [3]


@pytest.mark.parametrize("left", [0, 1, 300, -1], ids=["none", "one", "front", "all but one"])
def test_a_truncated_file_is_told_removed_and_made_again(
    unigram: Any, cache: FeatureCache, kind: Counting, said: Callable[[], str], left: int
) -> None:
    made = plain_features(cache.features(kind, texts(3), unigram, OPTIONS))
    (file,) = files(cache)
    content = file.read_bytes()
    file.unlink()
    file.write_bytes(content[:left])
    assert plain_features(cache.features(kind, texts(3), unigram, OPTIONS)) == made
    assert "kept features are damaged and made again" in said()
    assert kind.made == [3, 3]
    assert [one.read_bytes() for one in files(cache)] == [content]


def test_a_file_under_the_name_of_another_is_not_taken_for_it(
    unigram: Any, cache: FeatureCache, kind: Counting
) -> None:
    cache.features(kind, texts(3), unigram, OPTIONS)
    (first,) = files(cache)
    cache.features(kind, texts(3, first=5), unigram, OPTIONS)
    (second,) = set(files(cache)) - {first}
    second.replace(first)
    table = cache.features(kind, texts(8), unigram, OPTIONS)
    assert kind.made == [3, 3, 8]
    assert plain_features(table) == plain_features(kind.features(texts(8), unigram, OPTIONS))


def test_a_folder_that_cannot_be_made_costs_a_notice_and_not_the_run(
    unigram: Any, tmp_path: Path, kind: Counting, said: Callable[[], str]
) -> None:
    (tmp_path / "file").write_text("in the way")
    table = FeatureCache(tmp_path / "file" / "features").features(kind, texts(3), unigram, OPTIONS)
    assert len(table) == 3
    assert "features are not kept" in said()


def test_a_file_that_cannot_be_opened_costs_a_notice_and_not_the_run(
    unigram: Any, cache: FeatureCache, kind: Counting, said: Callable[[], str]
) -> None:
    cache.features(kind, texts(3), unigram, OPTIONS)
    (file,) = files(cache)
    file.unlink()
    file.symlink_to(file.name)  # a loop: the superuser, too, is refused
    assert len(cache.features(kind, texts(3), unigram, OPTIONS)) == 3
    assert "kept features cannot be read" in said()


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """As on a disk with that much room; the limit is the process's own and set back."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("room", [0, 10, 3000])
def test_a_full_disk_costs_time_and_leaves_nothing_behind(
    unigram: Any, cache: FeatureCache, kind: Counting, room: int
) -> None:
    assert cache.folder is not None
    with files_of_at_most(room):
        table = cache.features(kind, texts(40), unigram, OPTIONS)
    assert plain_features(table) == plain_features(kind.features(texts(40), unigram, OPTIONS))
    assert not [path for path in cache.folder.rglob("*.*") if path.suffix in (".arrow", ".partial")]


def test_a_row_that_is_refused_leaves_nothing_behind(
    unigram: Any, cache: FeatureCache, kind: Counting
) -> None:
    assert cache.folder is not None
    rows = [*texts(3), TextRow("7", "a", None, "perhaps")]
    for _ in range(2):
        with pytest.raises(InputError, match="row 7: label 'perhaps'"):
            cache.features(kind, rows, unigram, OPTIONS)
    assert [path.name for path in cache.folder.rglob("*.*") if path.is_file()] == ["about.json"]


def test_processes_at_once_do_each_other_no_harm(unigram: Any, cache: FeatureCache) -> None:
    def make(first: int) -> list[Any]:
        rows = texts(30, first=first)
        return plain_features(cache.features(find_kind("classification"), rows, unigram, OPTIONS))

    firsts = [0, 0, 10, 20, 0, 10]
    with ThreadPoolExecutor(len(firsts)) as pool:
        found = list(pool.map(make, firsts))
    assert found == [make(first) for first in firsts]
    assert cache.folder is not None
    assert not list(cache.folder.rglob("*.partial"))


def test_a_file_that_another_machine_made_meanwhile_stays_as_it_is(
    unigram: Any, cache: FeatureCache, kind: Counting
) -> None:
    assert cache.folder is not None
    rows, place = texts(3), cache.folder / "made by two"
    batches = [batch_of(kind, row_keys(kind, rows), kind.features(rows, unigram, OPTIONS))]
    first = write_batches(batches, place, {})
    (file,) = files(cache)
    before = file.stat().st_ino
    assert write_batches(batches, place, {}) == first
    assert [one.stat().st_ino for one in files(cache)] == [before]  # who maps it can go on reading
    assert not list(place.glob("*.partial"))


def test_what_a_killed_process_left_is_never_read_and_removed_after_a_day(
    unigram: Any, cache: FeatureCache, kind: Counting
) -> None:
    cache.features(kind, texts(3), unigram, OPTIONS)
    (file,) = files(cache)
    young, old = file.with_name("1.1.partial"), file.with_name("2.2.partial")
    for partial in (young, old):
        partial.write_bytes(file.read_bytes()[:500])
    os.utime(old, (time.time() - 25 * 3600,) * 2)
    assert len(cache.features(kind, texts(4), unigram, OPTIONS)) == 4
    assert young.exists()
    assert not old.exists()


def test_features_outlive_the_folder_that_they_are_mapped_from(
    unigram: Any, cache: FeatureCache, kind: Counting
) -> None:
    made = plain_features(cache.features(kind, texts(3), unigram, OPTIONS))
    table = cache.features(kind, texts(3), unigram, OPTIONS)
    for file in files(cache):
        file.unlink()
    assert plain_features(table) == made
