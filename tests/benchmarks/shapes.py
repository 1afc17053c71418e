"""Encoders of a known shape with random weights: as fast as trained ones, and there offline."""

from pathlib import Path
from typing import Any

RANDOM = {
    "xlmr-large": {
        "hidden_size": 1024,
        "num_hidden_layers": 24,
        "num_attention_heads": 16,
        "intermediate_size": 4096,
    },
    "xlmr-base": {
        "hidden_size": 768,
        "num_hidden_layers": 12,
        "num_attention_heads": 12,
        "intermediate_size": 3072,
    },
}
"""The shapes of XLM-R as published; see `config_of` for what they have in common."""


def config_of(shape: str) -> Any:
    """The configuration of XLM-R in this shape, as FacebookAI/xlm-roberta-large has it."""
    from transformers import XLMRobertaConfig

    return XLMRobertaConfig(
        **RANDOM[shape],
        vocab_size=250002,
        max_position_embeddings=514,
        type_vocab_size=1,
        layer_norm_eps=1e-5,
        pad_token_id=1,
        bos_token_id=0,
        eos_token_id=2,
    )


def write_random(shape: str, directory: Path) -> None:
    """An encoder of this shape, with the bundled tokenizer, whose vocabulary is XLM-R's."""
    import torch
    from transformers import XLMRobertaModel

    from xlit.models.encoders import load_tokenizer
    from xlit.models.references import resolve_encoder

    torch.manual_seed(0)
    XLMRobertaModel(config_of(shape), add_pooling_layer=False).save_pretrained(directory)
    load_tokenizer(resolve_encoder("e5-small")).save_pretrained(directory)
