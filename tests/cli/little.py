"""A little task of one's own: sentences about animals and stones, told apart by their words."""

from pathlib import Path

CARD = """
name = "little"
kind = "classification"
summary = "Does the sentence speak of an animal?"
licence = "written for this project"
citation = "none"
labels = ["no", "yes"]
languages = ["de", "en"]
metric = "accuracy"

[[splits.train.sources]]
kind = "files"

[[splits.train.sources.files]]
path = "little/train-{lang}.tsv"
format = "tsv"
columns = { text = 1, label = 2 }

[[splits.dev.sources]]
kind = "files"

[[splits.dev.sources.files]]
path = "little/dev-{lang}.tsv"
format = "tsv"
columns = { text = 1, label = 2 }

[[splits.test.sources]]
kind = "files"

[[splits.test.sources.files]]
path = "little/test-{lang}.tsv"
format = "tsv"
columns = { text = 1, label = 2 }
"""

WORDS = {
    "en": (("dog", "cat", "birds"), ("house", "river", "table")),
    "de": (("Hund", "Katze", "Vogel"), ("Haus", "Fluss", "Tisch")),
}


def write_little(folder: Path) -> Path:
    """Write the card and its data below `folder`; gives the card's path."""
    data = folder / "little"
    data.mkdir(parents=True)
    for split, count in (("train", 24), ("dev", 12), ("test", 12)):
        for language, (animals, things) in WORDS.items():
            lines = []
            for number in range(count):
                yes = number % 2
                word = (animals if yes else things)[number % 3]
                lines.append(f"{word} {number} {split}\t{'yes' if yes else 'no'}\n")
            path = data / f"{split}-{language}.tsv"
            path.write_text("".join(lines), encoding="utf-8")
    card = folder / "little.toml"
    card.write_text(CARD, encoding="utf-8")
    return card
