"""What a scores artefact holds, and the submission that can be made of it.

scores.json       task -> language -> metrics in percent, standard error, rows
items.parquet     one row an item: task, language, item, gold, prediction, score
pairs/TASK.LANG.tsv   the mined pairs of a mining task: source id, target id
"""

import errno
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from xlit import console
from xlit.errors import StoppedError, UsageError
from xlit.evaluation.evaluate import Cell
from xlit.evaluation.items import Item, read_items, write_items
from xlit.evaluation.layout import (
    Records,
    extension_of,
    pair_lines,
    squad_object,
    tag_lines,
    write_labels,
    write_predictions,
)
from xlit.retrieval.bitext import BitextItem, BitextScore, bitext_of
from xlit.retrieval.tatoeba import tatoeba_submission
from xlit.tasks.rows import ChoiceRow, SpanRow, TaggedRow, TextRow, has_gold
from xlit.tasks.sources import Split
from xlit.tasks.suite import Suite, find_suite


def write_results(cells: Sequence[Cell], directory: Path) -> dict[str, Any]:
    """Write the files of a scores artefact; gives the manifest's results.

    Says which cells have one and the same prediction for every row.
    """
    scores: dict[str, dict[str, Any]] = {}
    for cell in cells:
        scores.setdefault(cell.task, {})[cell.language] = cell.as_json()
        if cell.pairs:
            folder = directory / "pairs"
            folder.mkdir(exist_ok=True)
            lines = "".join(line + "\n" for line in pair_lines(cell.pairs))
            (folder / f"{cell.task}.{cell.language}.tsv").write_text(lines, encoding="utf-8")
    text = json.dumps(scores, ensure_ascii=False, indent=1) + "\n"
    (directory / "scores.json").write_text(text, encoding="utf-8")
    write_items([item for cell in cells for item in cell.items], directory / "items.parquet")
    for task in scores:
        constant = [cell.language for cell in cells if cell.task == task and cell.constant]
        if constant:
            console.always(
                f"degenerate: {task} {','.join(constant)}: the same prediction for every row"
            )
    return {"scores": scores, "degenerate": any(cell.constant for cell in cells)}


def write_submission(
    scores: Path,
    splits: Sequence[Split],
    directory: Path,
    *,
    suite: Suite | None = None,
    asked: str | None = None,
) -> None:
    """`predictions/` and `labels/` below `directory` in XTREME's layout, from a scores artefact.

    `splits` are the rows that it was made from; labels are written where their gold is at hand. The
    folder is the one that the suite has for the task (XTREME without a suite: bucc2018 for bucc),
    else the task's name. Files are called test-LANG, as the layout has it, of the split that a card
    evaluates, and by the split's own name where it is another or was `asked` for by name.
    Raises UsageError where `directory` cannot be written, StoppedError where the disk is full.
    """
    tasks = (suite or find_suite("xtreme")).tasks
    folders = {task.name: task.folder for task in tasks}
    try:
        by_cell: dict[tuple[str, str], list[Item]] = {}
        for item in read_items(scores / "items.parquet"):
            by_cell.setdefault((item.task, item.language), []).append(item)
        for split in splits:
            task, language = split.card.name, split.language
            folder = folders.get(task, task)
            called = asked or ("test" if split.split == split.card.evaluate else split.split)
            predictions, labels = _records(split, by_cell[task, language], scores)
            ext = extension_of(split.card.kind)
            write_predictions(directory, folder, language, predictions, ext, called)
            if all(has_gold(row, unanswerable=split.card.unanswerable) for row in split.rows):
                write_labels(directory, folder, language, labels, ext, called)
    except OSError as problem:
        if problem.errno == errno.ENOSPC:
            raise StoppedError(f"no space left in {directory}", hint="free some") from problem
        raise UsageError(f"--submission {directory}: {problem.strerror}") from problem


def _records(split: Split, items: Sequence[Item], scores: Path) -> tuple[Records, Records]:
    """Predictions and labels of one file, in XTREME's form for the kind; xcopa's is XTREME-R's."""
    rows, predicted = split.rows, [item.prediction for item in items]
    match split.card.kind:
        case "bitext":
            pairs = scores / "pairs" / f"{split.card.name}.{split.language}.tsv"
            return _bitext_lines(split, items, pairs)
        case "span_qa":
            answers = {item.item: item.prediction for item in items}
            return answers, squad_object([r for r in rows if isinstance(r, SpanRow)])
        case "tagging":
            tags = [json.loads(sentence) for sentence in predicted]
            gold = [row.tags or () for row in rows if isinstance(row, TaggedRow)]
            return tag_lines(tags), tag_lines(gold)
        case "ranking":
            # the labels are of the pool that was evaluated: right answers in all its languages
            ranked = {item.item: json.loads(item.prediction) for item in items}
            return ranked, {item.item: json.loads(item.gold) for item in items}
        case "multiple_choice":
            right = [{"label": row.label} for row in rows if isinstance(row, ChoiceRow)]
            return [{"label": json.loads(number)} for number in predicted], right
        case _:
            return predicted, [row.label or "" for row in rows if isinstance(row, TextRow)]


def _bitext_lines(split: Split, items: Sequence[Item], pairs: Path) -> tuple[list[str], list[str]]:
    if split.card.metric == "bucc":
        gold = pair_lines(bitext_of(split.rows).gold)
        return (pairs.read_text(encoding="utf-8").splitlines() if pairs.is_file() else []), gold
    found = tuple(
        BitextItem(item.part, item.item, item.gold, item.prediction, item.score or 0.0, None)
        for item in items
    )
    score = BitextScore("tatoeba", "", {}, {}, {}, {}, found, (), ())
    return tatoeba_submission(split.rows, score)
