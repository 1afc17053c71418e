"""Two families of tokenizers, and models with random heads."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from xlit.kinds.kind import AnyKind

from .toy_loop import ModelOf


@pytest.fixture(scope="session")
def unigram(tiny_encoder: Path) -> Any:
    """A Metaspace tokenizer without token types, pairs as XLM-R has them."""
    return AutoTokenizer.from_pretrained(tiny_encoder)


@pytest.fixture(scope="session")
def wordpiece() -> PreTrainedTokenizerFast:
    """An uncased BERT tokenizer of single letters: token types, accents stripped."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *letters, *(f"##{c}" for c in letters), *".,?!"]
    vocabulary = {word: i for i, word in enumerate(words)}
    backend = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    backend.normalizer = normalizers.BertNormalizer(lowercase=True, strip_accents=True)
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    backend.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        model_max_length=512,
        model_input_names=["input_ids", "token_type_ids", "attention_mask"],
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
    )


@pytest.fixture(params=["unigram", "wordpiece"])
def tokenizer(request: pytest.FixtureRequest) -> Any:
    return request.getfixturevalue(request.param)


@pytest.fixture
def model_of(tiny_encoder: Path, tiny_xlmr: Path) -> ModelOf:
    """A model of a kind on a tiny encoder ("bert" or "xlmr"), always with the same new head.

    Its matrices are five times as large as they come, so that outputs differ from text to text.
    """

    def build(kind: AnyKind, encoder: str = "bert", labels: Sequence[str] = ()) -> Any:
        path = {"bert": tiny_encoder, "xlmr": tiny_xlmr}[encoder]
        torch.manual_seed(0)
        model = kind.auto_class.from_pretrained(path, **kind.head(labels)).eval()
        with torch.no_grad():
            for parameter in model.parameters():
                if parameter.dim() > 1:
                    parameter.mul_(5)
        return model

    return build
