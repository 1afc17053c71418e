"""Reads SQuAD JSON, 1.1 or 2.0, as rows of span QA.

`answer_start` counts Unicode characters. Converters have moved contexts (PROTOCOL D, trap 13), so
every answer is held against its context.
"""

from collections.abc import Iterator
from typing import Any

from xlit.errors import InputError
from xlit.tasks.layout import SquadFile
from xlit.tasks.lookup import FoundFile
from xlit.tasks.readers import read_json
from xlit.tasks.rows import SpanRow


def read_squad(file: SquadFile, found: FoundFile) -> tuple[list[SpanRow], list[str]]:
    """The questions in order, and notes on what was left out.

    A question that loses all its answers goes with them: it is no unanswerable one. Raises
    InputError with the question's id.
    """
    rows: list[SpanRow] = []
    bad: list[str] = []
    dropped_rows = 0
    answers = 0
    for context, question in _questions(read_json(found.path), found):
        texts, starts = _answers(question, found)
        answers += len(texts)
        right = [context[s : s + len(t)] == t for t, s in zip(texts, starts, strict=True)]
        row_id = str(question["id"])
        if not all(right):
            bad += [row_id] * right.count(False)
            if not any(right):
                dropped_rows += 1
                continue
        rows.append(
            SpanRow(
                row_id,
                context,
                question["question"],
                tuple(t for t, ok in zip(texts, right, strict=True) if ok),
                tuple(s for s, ok in zip(starts, right, strict=True) if ok),
            )
        )
    if bad and file.bad_answers == "error":
        raise InputError(
            f"the answer to question {bad[0]!r} does not stand at its answer_start "
            f"({len(bad)} of {answers} answers do not)",
            path=found.path,
        )
    if not rows:
        raise InputError("no questions", path=found.path)
    if not bad:
        return rows, []
    return rows, [
        f"{found.name}: {len(bad)} of {answers} answers dropped, not at their answer_start, "
        f"and {dropped_rows} questions with them"
    ]


def _questions(data: Any, found: FoundFile) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each question with its context. The `version` key may be missing, and `data` too."""
    articles = data.get("data") if isinstance(data, dict) else data
    try:
        for article in _list(articles):
            for paragraph in _list(article["paragraphs"]):
                context = _str(paragraph["context"])
                for question in _list(paragraph["qas"]):
                    _str(question["question"])
                    if not isinstance(question["id"], str | int):
                        raise TypeError(f"a question's id is {question['id']!r}")
                    yield context, question
    except KeyError as error:
        raise InputError(f"not SQuAD JSON: no key {error}", path=found.path) from error
    except (TypeError, AttributeError) as error:
        raise InputError(f"not SQuAD JSON: {error}", path=found.path) from error


def _answers(question: dict[str, Any], found: FoundFile) -> tuple[list[str], list[int]]:
    try:
        # a SQuAD 2.0 question that is_impossible has no answers, only plausible ones
        answers = _list(question.get("answers", []))
        texts = [_str(answer["text"]) for answer in answers]
        starts = [answer["answer_start"] for answer in answers]
        if not all(type(start) is int and start >= 0 for start in starts):
            raise TypeError("an answer_start is no number from 0")
    except (KeyError, TypeError) as error:
        problem = f"not SQuAD JSON: question {question['id']!r}: {error}"
        raise InputError(problem, path=found.path) from error
    return texts, starts


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError(f"a list is wanted, not {type(value).__name__}")
    return value


def _str(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"text is wanted, not {type(value).__name__}")
    return value
