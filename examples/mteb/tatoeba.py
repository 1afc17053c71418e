"""Run MTEB's Tatoeba task on a checkpoint, with Tatoeba's files from a directory, not the hub.

    python tatoeba.py runs/checkpoint/NAME DATA/tatoeba deu,swh

Needs `pip install mteb`. Prints MTEB's accuracy, F1 and name of the pair, a line a language.
"""

import argparse
import gzip
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from datasets import Dataset, DatasetDict


def main(arguments: Sequence[str] | None = None) -> None:
    asked = parser().parse_args(arguments)
    import mteb  # not needed for --help
    from sentence_transformers import SentenceTransformer

    pairs = [f"{code}-eng" for code in asked.languages.split(",")]
    task: Any = mteb.get_task("Tatoeba", hf_subsets=pairs)
    task.dataset = {pair: DatasetDict(test=read_pair(asked.data, pair)) for pair in pairs}
    task.data_loaded = True  # nothing is asked of the hub
    model = SentenceTransformer(str(asked.checkpoint), device=asked.device)
    result = mteb.evaluate(model, task, cache=None, encode_kwargs={"batch_size": 64})
    for scores in result.task_results[0].scores["test"]:
        accuracy, f1 = (100 * float(scores[key]) for key in ("accuracy", "f1"))
        print(f"{accuracy:.1f}\t{f1:.1f}\t{scores['hf_subset']}")


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    made.add_argument("checkpoint", type=Path, help="a directory that SentenceTransformer opens")
    made.add_argument("data", type=Path, help="directory of tatoeba.deu-eng.deu.gz and so on")
    made.add_argument("languages", help="three-letter codes of the files, separated by commas")
    made.add_argument("--device", default="cpu")
    return made


def read_pair(data: Path, pair: str) -> Dataset:
    """The columns that MTEB wants: `sentence1` in the other language, `sentence2` in English."""
    sides = [read_lines(data / f"tatoeba.{pair}.{code}") for code in pair.split("-")]
    return Dataset.from_dict({"sentence1": sides[0], "sentence2": sides[1]})


def read_lines(path: Path) -> list[str]:
    packed = path.with_name(f"{path.name}.gz")
    data = path.read_bytes() if path.exists() else gzip.decompress(packed.read_bytes())
    return data.decode("utf-8").rstrip("\n").split("\n")


if __name__ == "__main__":
    main()
