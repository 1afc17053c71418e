"""Tatoeba: the nearest sentence by cosine among all of the other side.

XTREME's rules (third_party/utils_retrieve.py, `similarity_search`, and evaluate.py, `accuracy`):
no margin, no threshold, no deduplication (only the aligned row counts), and the query is English.
Where the sides are aligned, one sentence to one, LASER's xsim stands beside it: errors, by margin.
"""

from collections.abc import Iterable, Sequence
from math import sqrt

from xlit.errors import InputError
from xlit.retrieval.bitext import BitextItem, BitextScore, Pair, Side, bitext_of, check_vectors
from xlit.retrieval.margin import Margin
from xlit.retrieval.rows import recall_told
from xlit.retrieval.search import Neighbours, Vectors, search_both
from xlit.retrieval.xsim import aligned, xsim
from xlit.tasks.rows import Row

ENGLISH_TO_FOREIGN = "english_to_foreign"
FOREIGN_TO_ENGLISH = "foreign_to_english"
XSIM, XSIM_TEXT = "xsim_error", "xsim_text_error"


def tatoeba(
    rows: Sequence[Row],
    source_vectors: Vectors,
    target_vectors: Vectors,
    *,
    english: Side = "target",
    k: int = 4,
    margin: Margin = "ratio",
    index: str = "auto",
) -> BitextScore:
    """Accuracy of the nearest sentence, in both directions; English to foreign is XTREME's.

    Queries are the sentences that have a gold pair, the index is the whole other side. Of two
    equally near sentences the earlier is taken. The standard error is that of a proportion.
    `k` and `margin` are of xsim alone, whose errors are there where the sides are aligned. `index`
    is how neighbours are searched; of an inexact one a query may find none, which is wrong.
    """
    bitext = bitext_of(rows)
    check_vectors(bitext, source_vectors, target_vectors)
    right = aligned(bitext)
    forward, backward = search_both(
        source_vectors, target_vectors, 1 if right is None else k, index=index
    )
    sides = (bitext.source_ids, bitext.target_ids)
    from_source = _nearest(*sides, bitext.gold, forward)
    from_target = _nearest(*sides[::-1], [(t, s) for s, t in bitext.gold], backward)
    directions = {
        ENGLISH_TO_FOREIGN: from_target if english == "target" else from_source,
        FOREIGN_TO_ENGLISH: from_source if english == "target" else from_target,
    }
    metrics, errors, counts = {}, {}, {}
    items: list[BitextItem] = []
    for direction, found in directions.items():
        metrics[direction], errors[direction] = _percent(
            sum(item.score for item in found), len(found)
        )
        counts[f"{direction}_queries"] = len(found)
        items += [
            BitextItem(direction, i.query, i.gold, i.prediction, i.score, i.similarity)
            for i in found
        ]
    if right is not None:
        wrong = xsim(bitext, right, forward, backward, margin)
        for name, count in ((XSIM, wrong.by_index), (XSIM_TEXT, wrong.by_text)):
            metrics[name], errors[name] = _percent(count, wrong.sentences)
    counts["sources"], counts["targets"] = len(bitext.source_ids), len(bitext.target_ids)
    return BitextScore(
        "tatoeba",
        ENGLISH_TO_FOREIGN,
        metrics,
        errors,
        {},
        counts,
        tuple(items),
        (),
        (),
        recall=recall_told(forward=forward, backward=backward),
    )


def tatoeba_submission(
    rows: Sequence[Row], score: BitextScore, *, english: Side = "target"
) -> tuple[list[str], list[str]]:
    """Lines of XTREME's prediction and label files: row numbers of foreign sentences, from 0.

    Line r belongs to the r-th English sentence by code point order; equal ones keep their order.
    """
    bitext = bitext_of(rows)
    sides = (
        (bitext.target_ids, bitext.target_texts, bitext.source_ids),
        (bitext.source_ids, bitext.source_texts, bitext.target_ids),
    )
    english_ids, english_texts, foreign_ids = sides[0 if english == "target" else 1]
    text_of = dict(zip(english_ids, english_texts, strict=True))
    number = {foreign: str(i) for i, foreign in enumerate(foreign_ids)}
    official = [item for item in score.items if item.part == ENGLISH_TO_FOREIGN]
    official.sort(key=lambda item: text_of[item.query])
    return (
        [number[item.prediction] for item in official],
        [number[item.gold.split(" ")[0]] for item in official],
    )


def _percent(count: float, of: int) -> tuple[float, float]:
    """A proportion and its standard error, in percent."""
    share = count / of
    return 100 * share, 100 * sqrt(share * (1 - share) / of)


def _nearest(
    query_ids: Sequence[str], index_ids: Sequence[str], gold: Iterable[Pair], found: Neighbours
) -> list[BitextItem]:
    """One item, without its part, for each query with gold (query id, index id).

    Raises InputError for a gold pair of a sentence that is not there.
    """
    known = set(index_ids)
    golds: dict[str, list[str]] = {}
    for query, answer in gold:
        golds.setdefault(query, []).append(answer)
        if answer not in known:
            raise InputError(f"gold pair {query}, {answer}: there is no sentence {answer}")
    if unknown := golds.keys() - set(query_ids):
        query = min(unknown)
        raise InputError(f"gold pair {query}, {golds[query][0]}: there is no sentence {query}")
    return [
        BitextItem(
            part="",
            query=query,
            gold=" ".join(golds[query]),
            prediction=index_ids[nearest] if nearest >= 0 else "",
            score=float(nearest >= 0 and index_ids[nearest] in golds[query]),
            similarity=similarity,
        )
        for query, nearest, similarity in zip(
            query_ids, found.ids[:, 0].tolist(), found.scores[:, 0].tolist(), strict=True
        )
        if query in golds
    ]
