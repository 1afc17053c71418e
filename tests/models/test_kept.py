"""A tokenizer is loaded once a process, and is what it would be if it were loaded again."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from xlit.models import kept
from xlit.models.encoders import load_tokenizer
from xlit.models.references import resolve_encoder


@pytest.fixture(autouse=True)
def nothing_kept() -> Iterator[None]:
    before = dict(kept._kept)
    kept._kept.clear()
    yield
    kept._kept.clear()
    kept._kept.update(before)


def load(folder: Path) -> Any:
    return load_tokenizer(resolve_encoder(str(folder)))


def copy(encoder: Path, to: Path, **config: Any) -> Path:
    shutil.copytree(encoder, to)
    values = json.loads((to / "config.json").read_text())
    (to / "config.json").write_text(json.dumps({**values, **config}))
    return to


def test_checkpoints_with_other_heads_share_a_tokenizer(tiny_encoder: Path, tmp_path: Path) -> None:
    head = {"id2label": {"0": "a"}, "architectures": ["BertForSequenceClassification"]}
    assert load(copy(tiny_encoder, tmp_path / "one", **head)) is load(tiny_encoder)


def test_another_tokenizer_is_loaded(tiny_encoder: Path, tmp_path: Path) -> None:
    first = load(tiny_encoder)
    for name, before, after in (
        ("tokenizer.json", '"prepend_scheme":"always"', '"prepend_scheme":"never"'),
        ("tokenizer_config.json", '"model_max_length": 512', '"model_max_length": 77'),
        ("config.json", '"model_type": "bert"', '"model_type": "xlm-roberta"'),
    ):
        other = copy(tiny_encoder, tmp_path / name)
        text = (other / name).read_text()
        compact = json.dumps(json.loads(text), separators=(",", ":")) if '":"' in before else text
        assert before in compact
        (other / name).write_text(compact.replace(before, after))
        assert load(other) is not first


def test_the_last_ones_used_are_held(tiny_encoder: Path, tmp_path: Path) -> None:
    folders = [copy(tiny_encoder, tmp_path / str(i), hidden_size=32 + 4 * i) for i in range(3)]
    first = load(folders[0])
    load(folders[1])
    assert load(folders[0]) is first
    load(folders[2])
    assert load(folders[0]) is first
    assert len(kept._kept) == kept.KEPT == 2


def test_a_kept_tokenizer_is_saved_as_a_new_one_is(tiny_encoder: Path, tmp_path: Path) -> None:
    load(tiny_encoder).save_pretrained(tmp_path / "new")
    load(tiny_encoder)(["a", "the child"], padding=True, truncation=True, max_length=3)
    load(copy(tiny_encoder, tmp_path / "elsewhere")).save_pretrained(tmp_path / "kept")
    files = [
        {path.name: path.read_bytes() for path in (tmp_path / name).iterdir()}
        for name in ("new", "kept")
    ]
    assert files[0] == files[1]
