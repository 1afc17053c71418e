"""Who encodes: xlit, sentence-transformers, and the loop of XTREME's retrieval scripts.

All have the same weights and tokeniser, read the same texts, and give the mean of the last layer,
of length 1.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from xlit import device
from xlit.models.encoders import Loaded, load_encoder
from xlit.models.quiet import quiet
from xlit.models.references import resolve_encoder
from xlit.retrieval.encode import encode

Vectors = NDArray[np.float32]
Encode = Callable[[Sequence[str]], Vectors]

MAX_LENGTH = 512
XTREME_BATCH = 100  # --batch_size of third_party/evaluate_retrieval.py
REFERENCE = "sentence-transformers"


def contestant(name: str, encoder: str, work: Path) -> Encode:
    """The encoder, loaded and ready. `work` is where its directory is written for others to read.

    `xlit` computes in bf16 where the hardware has it, `xlit padded` does so without packing.
    """
    peer, _, flag = name.partition(" ")
    if peer == REFERENCE:
        return _sentence_transformers(_directory(encoder, work), flag or "float32")
    loaded = load(encoder)
    if peer == "xtreme":
        return _xtreme(loaded)
    precision = device.precision("float32" if flag == "float32" else "auto")
    more: dict[str, Any] = {"packing": "off"} if flag == "padded" else {}
    return lambda texts: encode(loaded, texts, precision=precision, **more)


def load(encoder: str) -> Loaded:
    """The encoder by its name or path."""
    return load_encoder(resolve_encoder(encoder))


def _directory(encoder: str, work: Path) -> Path:
    """The encoder as a directory of transformers."""
    directory = work / "encoder"
    if not directory.is_dir():
        loaded = load(encoder)
        with quiet():
            loaded.model.save_pretrained(directory)
            loaded.tokenizer.save_pretrained(directory)
    return directory


def _sentence_transformers(directory: Path, dtype: str) -> Encode:
    """`encode` of sentence-transformers with its defaults: batches of 32, sorted by length."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer

    kept = {"bf16": torch.bfloat16, "fp16": torch.float16, "float32": torch.float32}[dtype]
    with quiet():  # of a pooler that nothing reads
        transformer = Transformer(
            str(directory), model_kwargs={"dtype": kept}, max_seq_length=MAX_LENGTH
        )
    width = int(transformer.get_embedding_dimension())
    model = SentenceTransformer(
        modules=[transformer, Pooling(width, "mean"), Normalize()], device=str(device.pick())
    )

    def run(texts: Sequence[str]) -> Vectors:
        found: Any = model.encode(list(texts), show_progress_bar=False)
        return np.asarray(found, np.float32)

    return run


def _xtreme(loaded: Loaded) -> Encode:
    """What `extract_embeddings` of XTREME does, in a few lines of its own.

    A text is tokenised by itself; a hundred at a time, in the order in which they come, are padded
    to the longest of them; every layer's states are kept, and each layer's mean is taken. Here the
    last layer's is brought to length 1 and returned.
    """
    where = device.pick()
    model, tokenizer = loaded.model.eval().to(where), loaded.tokenizer
    layers = int(model.config.num_hidden_layers)
    width = int(model.config.hidden_size)
    pad = int(tokenizer.pad_token_id)

    def run(texts: Sequence[str]) -> Vectors:
        cut = {"truncation": True, "max_length": MAX_LENGTH}
        ids = [tokenizer(text, **cut)["input_ids"] for text in texts]
        by_layer = [np.zeros((len(texts), width), np.float32) for _ in range(layers)]
        for start in range(0, len(ids), XTREME_BATCH):
            rows = ids[start : start + XTREME_BATCH]
            longest = max(len(row) for row in rows)
            batch = torch.tensor([row + [pad] * (longest - len(row)) for row in rows], device=where)
            mask = torch.tensor(
                [[1] * len(row) + [0] * (longest - len(row)) for row in rows], device=where
            )
            with torch.no_grad():
                states = model(
                    input_ids=batch, attention_mask=mask, output_hidden_states=True
                ).hidden_states
                counts = mask.sum(dim=1, keepdim=True).float()
                for kept, state in zip(by_layer, states[-layers:], strict=True):
                    mean = (state * mask[:, :, None].float()).sum(dim=1) / counts
                    kept[start : start + len(rows)] = mean.cpu().numpy()
        last = by_layer[-1]
        return last / np.linalg.norm(last, axis=1, keepdims=True)

    return run
