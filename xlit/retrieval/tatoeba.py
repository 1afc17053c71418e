"""Tatoeba: the nearest sentence by cosine among all of the other side.

XTREME's rules (third_party/utils_retrieve.py, `similarity_search`, and evaluate.py, `accuracy`):
no margin, no threshold, no deduplication (only the aligned row counts), and the query is English.
"""

from collections.abc import Iterable, Sequence
from math import sqrt

from xlit.errors import InputError
from xlit.retrieval.bitext import BitextItem, BitextScore, Pair, Side, bitext_of, check_vectors
from xlit.retrieval.search import Vectors, search
from xlit.tasks.rows import Row

ENGLISH_TO_FOREIGN = "english_to_foreign"
FOREIGN_TO_ENGLISH = "foreign_to_english"


def tatoeba(
    rows: Sequence[Row],
    source_vectors: Vectors,
    target_vectors: Vectors,
    *,
    english: Side = "target",
) -> BitextScore:
    """Accuracy of the nearest sentence, in both directions; English to foreign is XTREME's.

    Queries are the sentences that have a gold pair, the index is the whole other side. Of two
    equally near sentences the earlier is taken. The standard error is that of a proportion.
    """
    bitext = bitext_of(rows)
    check_vectors(bitext, source_vectors, target_vectors)
    source = (bitext.source_ids, source_vectors)
    target = (bitext.target_ids, target_vectors)
    from_source = _nearest(source, target, bitext.gold)
    from_target = _nearest(target, source, [(t, s) for s, t in bitext.gold])
    directions = {
        ENGLISH_TO_FOREIGN: from_target if english == "target" else from_source,
        FOREIGN_TO_ENGLISH: from_source if english == "target" else from_target,
    }
    metrics, errors, counts = {}, {}, {}
    items: list[BitextItem] = []
    for direction, found in directions.items():
        share = sum(item.score for item in found) / len(found)
        metrics[direction] = 100 * share
        errors[direction] = 100 * sqrt(share * (1 - share) / len(found))
        counts[f"{direction}_queries"] = len(found)
        items += [
            BitextItem(direction, i.query, i.gold, i.prediction, i.score, i.similarity)
            for i in found
        ]
    counts["sources"], counts["targets"] = len(bitext.source_ids), len(bitext.target_ids)
    return BitextScore(
        "tatoeba", ENGLISH_TO_FOREIGN, metrics, errors, {}, counts, tuple(items), (), ()
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


def _nearest(
    query_side: tuple[Sequence[str], Vectors],
    index_side: tuple[Sequence[str], Vectors],
    gold: Iterable[Pair],
) -> list[BitextItem]:
    """One item, without its part, for each query with gold (query id, index id)."""
    (query_ids, query_vectors), (index_ids, index_vectors) = query_side, index_side
    known = set(index_ids)
    golds: dict[str, list[str]] = {}
    for query, answer in gold:
        golds.setdefault(query, []).append(answer)
        if answer not in known:
            raise InputError(f"gold pair {query}, {answer}: there is no sentence {answer}")
    places = [i for i, query in enumerate(query_ids) if query in golds]
    if len(places) < len(golds):
        unknown = min(golds.keys() - set(query_ids))
        raise InputError(
            f"gold pair {unknown}, {golds[unknown][0]}: there is no sentence {unknown}"
        )
    similarities, ids = search(query_vectors[places], index_vectors, 1)
    return [
        BitextItem(
            part="",
            query=query_ids[place],
            gold=" ".join(golds[query_ids[place]]),
            prediction=index_ids[nearest],
            score=float(index_ids[nearest] in golds[query_ids[place]]),
            similarity=similarity,
        )
        for place, nearest, similarity in zip(
            places, ids[:, 0].tolist(), similarities[:, 0].tolist(), strict=True
        )
    ]
