from typing import Any

import pytest
import torch
from torch import nn
from transformers import (
    AlbertConfig,
    AlbertModel,
    BertConfig,
    BertModel,
    DebertaV2Config,
    DebertaV2Model,
    DistilBertConfig,
    DistilBertModel,
    ModernBertConfig,
    ModernBertModel,
    XLMConfig,
    XLMModel,
    XLMRobertaConfig,
    XLMRobertaModel,
)

from xlit.errors import UsageError
from xlit.models.layers import embedding_module, encoder_layers

COMMON = {
    "vocab_size": 50,
    "hidden_size": 8,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "intermediate_size": 16,
    "pad_token_id": 1,
}


def on_meta(model_class: Any, config: Any) -> Any:
    with torch.device("meta"):
        return model_class(config)


@pytest.mark.parametrize(
    ("model_class", "config", "layers"),
    [
        (BertModel, BertConfig(**COMMON), "encoder.layer"),
        (XLMRobertaModel, XLMRobertaConfig(**COMMON), "encoder.layer"),
        (ModernBertModel, ModernBertConfig(**COMMON), "layers"),
        (DebertaV2Model, DebertaV2Config(**COMMON), "encoder.layer"),
        (
            DistilBertModel,
            DistilBertConfig(vocab_size=50, dim=8, hidden_dim=16, n_layers=3, n_heads=2),
            "transformer.layer",
        ),
    ],
    ids=["bert", "xlmr", "modernbert", "deberta", "distilbert"],
)
def test_the_layers_of_a_family_are_found(model_class: Any, config: Any, layers: str) -> None:
    base = on_meta(model_class, config)
    assert encoder_layers(base) is base.get_submodule(layers)
    assert embedding_module(base) is base.embeddings


@pytest.mark.parametrize(
    ("model_class", "config"),
    [
        (AlbertModel, AlbertConfig(**COMMON, embedding_size=8)),  # one for all
        (XLMModel, XLMConfig(n_words=50, emb_dim=8, n_layers=3, n_heads=2)),  # in pieces
    ],
    ids=["albert", "xlm"],
)
def test_layers_that_cannot_be_told_apart_are_refused(model_class: Any, config: Any) -> None:
    with pytest.raises(UsageError, match="cannot be told apart"):
        encoder_layers(on_meta(model_class, config))


def test_word_embeddings_in_the_encoder_itself_stand_alone() -> None:
    base = on_meta(XLMModel, XLMConfig(n_words=50, emb_dim=8, n_layers=3, n_heads=2))
    assert type(embedding_module(base)) is nn.Embedding
