"""The lexicons of the little world by language code, English first."""

from xlit.pocket.lexicon import de, en, es, hi, ru, sw, tr, zh
from xlit.pocket.lexicon.form import Lexicon

LEXICONS: dict[str, Lexicon] = {
    "en": en.LEXICON,
    "de": de.LEXICON,
    "es": es.LEXICON,
    "hi": hi.LEXICON,
    "ru": ru.LEXICON,
    "sw": sw.LEXICON,
    "tr": tr.LEXICON,
    "zh": zh.LEXICON,
}
