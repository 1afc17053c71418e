"""Cards that the tests of this room share."""

from xlit.tasks.card import Card, parse_card

HEAD = """
name = "mine"
kind = "classification"
summary = "a test"
licence = "none"
citation = "none"
labels = ["no", "yes"]
languages = ["en", "de"]
metric = "accuracy"
"""

FILE = """
[[splits.test.sources]]
kind = "files"
[[splits.test.sources.files]]
path = "mine/test-{lang}.tsv"
format = "tsv"
columns = { text = 1, pair = 2, label = 3 }
"""


def card(text: str = HEAD + FILE) -> Card:
    return parse_card(text, "mine.toml")


def pairs_card(body: str, languages: str = '"en"', head: str = "") -> Card:
    """A card of pairs of texts whose one file is described by `body`."""
    text = HEAD.replace('"en", "de"', languages) + head
    return card(f"{text}\n[[splits.test.sources]]\nkind = 'files'\n{body}")


def choices_card(body: str) -> Card:
    text = HEAD.replace("classification", "multiple_choice").replace('labels = ["no", "yes"]', "")
    return card(f"{text}\n[[splits.test.sources]]\nkind = 'files'\n{body}")


def spans_card(body: str = "", group: str = "", splits: str = "") -> Card:
    text = HEAD.replace("classification", "span_qa").replace('labels = ["no", "yes"]', group)
    text = text.replace('"accuracy"', '"squad"').replace('"en", "de"', '"en"')
    return card(
        f"{text}\n[[splits.test.sources]]\nkind = 'files'\n[[splits.test.sources.files]]\n"
        f'path = "q.json"\nformat = "squad"\n{body}\n{splits}'
    )


def tags_card(body: str = "") -> Card:
    text = HEAD.replace("classification", "tagging").replace('"no", "yes"', '"NOUN", "VERB"')
    text = text.replace('"accuracy"', '"chunk_f1"').replace('"en", "de"', '"en"')
    return card(
        f"{text}\n[[splits.test.sources]]\nkind = 'files'\n[[splits.test.sources.files]]\n"
        f'path = "t.tsv"\nformat = "tokens"\n{body}'
    )


def bitext_card(body: str, metric: str = "tatoeba", evaluation: str = "accuracy") -> Card:
    text = HEAD.replace("classification", "bitext").replace('labels = ["no", "yes"]', "")
    text = text.replace('"accuracy"', f'"{metric}"').replace('"en", "de"', '"de"')
    return card(
        f"{text}\n[bitext]\nevaluation = '{evaluation}'\n[[splits.test.sources]]\nkind = 'files'\n"
        f"[[splits.test.sources.files]]\n{body}"
    )
