"""The tokenizers library called directly gives what transformers gives."""

from pathlib import Path

import pytest

from tests.conftest import SENTENCES
from xlit.models.encoders import load_encoder, resolve_encoder
from xlit.retrieval import tokens as tokens_module
from xlit.retrieval.tokens import tokenise

TEXTS = [*SENTENCES, "", "Ja </s> nein [SEP].", "a " * 90]


@pytest.mark.parametrize("fixture", ["tiny_encoder", "tiny_xlmr"])
@pytest.mark.parametrize("limit", [3, 8, 512])
def test_the_fast_way_gives_the_tokens_of_the_slow_one(
    fixture: str, limit: int, request: pytest.FixtureRequest
) -> None:
    directory: Path = request.getfixturevalue(fixture)
    tokenizer = load_encoder(resolve_encoder(str(directory))).tokenizer
    assert tokenizer.is_fast
    # as the files of many a model of sentence-transformers have it
    tokenizer.backend_tokenizer.enable_padding(length=128)
    tokenizer.backend_tokenizer.enable_truncation(5)
    found = [
        (text.ids.tolist(), text.special.tolist()) for text in tokenise(tokenizer, TEXTS, limit)
    ]
    right = [
        (list(ids), [bool(flag) for flag in special])
        for ids, special in tokens_module._slow(tokenizer, TEXTS, limit)
    ]
    assert found == right
