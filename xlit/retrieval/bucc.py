"""BUCC: pairs mined by margin and cut at a threshold, against the gold pairs.

XTREME's rules (third_party/utils_retrieve.py, `mine_bitext`, `bucc_optimize`, `bucc_extract`).

A threshold needs gold pairs other than those it is judged by. With a dev and a test split it is
fitted on dev and applied to test. Without a test split it is cross-fitted: the source sentences
are dealt into two halves, and with them their gold pairs and their candidates (mining itself knows
no gold and sees all sentences); each half is cut at the threshold fitted on the other, and the
extracted pairs of both are scored together against all gold pairs. What the best threshold for the
very pairs scored would give stands beside it and is called `oracle`: it is no result.
"""

import hashlib
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from xlit import console
from xlit.metrics.bitext import (
    Candidate,
    ThresholdFit,
    bucc_f1,
    candidates_by_id,
    extract,
    fit_threshold,
    unique_sentences,
)
from xlit.retrieval.bitext import (
    Bitext,
    BitextItem,
    BitextScore,
    Pair,
    Side,
    bitext_of,
    check_vectors,
)
from xlit.retrieval.margin import Margin
from xlit.retrieval.mine import Neighbourhood, Pairs, Retrieval, neighbours_of_sentences
from xlit.retrieval.search import Vectors
from xlit.tasks.rows import Row


def bucc(
    rows: Sequence[Row],
    source_vectors: Vectors,
    target_vectors: Vectors,
    *,
    dev: ThresholdFit | None = None,
    k: int = 4,
    margin: Margin = "ratio",
    retrieval: Retrieval = "max",
    index: str = "auto",
) -> BitextScore:
    """Precision, recall and F1 of mined pairs, cut at the threshold of `dev` or a cross-fitted one.

    `dev` is the `fit` of another split's score, by the same encoder and settings. `thresholds` has
    what each part was cut at: `all` (fitted on dev), or `half_0` and `half_1` (each fitted on the
    other); and `oracle`. Sentences that occur more than once are dropped with their candidates, as
    XTREME does; gold pairs lost that way still count as missed. Standard errors are over source
    sentences, by linearising the ratio, and leave out that a threshold is itself an estimate.
    """
    bitext = bitext_of(rows)
    found = _neighbours(bitext, source_vectors, target_vectors, k, index)
    candidates = _candidates(bitext, found.cut(margin=margin, retrieval=retrieval))
    if dev is not None:
        part_of = dict.fromkeys(bitext.source_ids, "all")
        fits = {"all": dev}
    else:
        part_of, fits = _cross_fitted(bitext, candidates)
    extracted = [
        pair
        for part, fit in fits.items()
        for pair in extract([c for c in candidates if part_of[c[0]] == part], fit.threshold)
    ]
    reached, oracle = bucc_f1(bitext.gold, extracted), fit_threshold(candidates, bitext.gold)
    return BitextScore(
        metric="bucc",
        main="f1",
        metrics={
            "precision": reached.precision,
            "recall": reached.recall,
            "f1": reached.f1,
            "oracle_precision": oracle.precision,
            "oracle_recall": oracle.recall,
            "oracle_f1": oracle.f1,
        },
        standard_errors=_standard_errors(bitext.gold, extracted),
        thresholds={part: fit.threshold for part, fit in fits.items()}
        | {"oracle": oracle.threshold},
        counts=_counts(bitext, candidates, extracted),
        items=tuple(_items(bitext, candidates, extracted, part_of)),
        pairs=tuple(extracted),
        notes=_threshold_notes(fits, cross_fitted=dev is None),
        fit=oracle,
        recall=found.recall,
    )


def halves(source_ids: Iterable[str], gold: Iterable[Pair]) -> dict[str, int]:
    """Which half, 0 or 1, each source sentence and gold pair belongs to: by keyed hash of the id.

    Sentences with a gold pair and those without are dealt separately, so that both halves have
    the same share of gold to within one sentence, however small the task.
    """
    with_gold = {source for source, _ in gold}
    strata = (with_gold, set(source_ids) - with_gold)
    return {
        source: place % 2
        for stratum in strata
        for place, source in enumerate(sorted(stratum, key=_hash_of))
    }


def _sentences(bitext: Bitext, side: Side) -> Iterable[tuple[str, str]]:
    if side == "source":
        return zip(bitext.source_ids, bitext.source_texts, strict=True)
    return zip(bitext.target_ids, bitext.target_texts, strict=True)


def _neighbours(
    bitext: Bitext, source_vectors: Vectors, target_vectors: Vectors, k: int, index: str
) -> Neighbourhood:
    check_vectors(bitext, source_vectors, target_vectors)
    total = len(bitext.source_ids) + len(bitext.target_ids)
    with console.progress("search", total=total, unit="sentences") as advance:
        return neighbours_of_sentences(
            bitext.source_texts,
            bitext.target_texts,
            source_vectors,
            target_vectors,
            k=k,
            index=index,
            advance=advance,
        )


def _candidates(bitext: Bitext, pairs: Pairs) -> list[Candidate]:
    return candidates_by_id(
        ((bitext.source_texts[p.source], bitext.target_texts[p.target], p.score) for p in pairs),
        unique_sentences(_sentences(bitext, "source")),
        unique_sentences(_sentences(bitext, "target")),
    )


def _cross_fitted(
    bitext: Bitext, candidates: Sequence[Candidate]
) -> tuple[dict[str, str], dict[str, ThresholdFit]]:
    """The part of each source sentence, and for each part the fit on the other."""
    half_of = halves(bitext.source_ids, bitext.gold)
    part_of = {source: f"half_{half}" for source, half in half_of.items()}
    fits = {
        part: fit_threshold(
            [candidate for candidate in candidates if part_of[candidate[0]] == other],
            [pair for pair in bitext.gold if part_of[pair[0]] == other],
        )
        for part, other in (("half_0", "half_1"), ("half_1", "half_0"))
    }
    return part_of, fits


def _counts(
    bitext: Bitext, candidates: Sequence[Candidate], extracted: Sequence[Pair]
) -> dict[str, int]:
    gold = set(bitext.gold)
    sources, targets = len(bitext.source_ids), len(bitext.target_ids)
    return {
        "sources": sources,
        "targets": targets,
        "sources_dropped": sources - len(unique_sentences(_sentences(bitext, "source"))),
        "targets_dropped": targets - len(unique_sentences(_sentences(bitext, "target"))),
        "gold": len(gold),
        "gold_mined": len({(source, target) for source, target, _ in candidates} & gold),
        "candidates": len(candidates),
        "extracted": len(extracted),
        "correct": len(set(extracted) & gold),
    }


def _hash_of(source: str) -> str:
    return hashlib.sha256(f"xlit bitext half\0{source}".encode()).hexdigest()


def _grouped(pairs: Iterable[Pair]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for source, target in pairs:
        groups.setdefault(source, []).append(target)
    return groups


def _items(
    bitext: Bitext,
    candidates: Sequence[Candidate],
    extracted: Sequence[Pair],
    part_of: dict[str, str],
) -> list[BitextItem]:
    """One item for each source sentence with a gold pair or a candidate, in the rows' order."""
    gold, predicted = _grouped(bitext.gold), _grouped(extracted)
    best: dict[str, float] = {}
    for source, _, score in candidates:
        best[source] = max(score, best.get(source, score))
    return [
        BitextItem(
            part=part_of[source],
            query=source,
            gold=" ".join(gold.get(source, ())),
            prediction=" ".join(predicted.get(source, ())),
            score=float(bool(set(gold.get(source, ())) & set(predicted.get(source, ())))),
            similarity=best.get(source),
        )
        for source in bitext.source_ids
        if source in gold or source in best
    ]


def _standard_errors(gold: Sequence[Pair], extracted: Sequence[Pair]) -> dict[str, float]:
    """Of precision, recall and F1 as ratios of sums over source sentences, in percent.

    The linearised (Taylor) estimate: the root of the sum of (a - R b)^2, over the sum of b.
    """
    golds, predicted = _grouped(gold), _grouped(extracted)
    sources = sorted(golds.keys() | predicted.keys())
    correct = np.array([len({*golds.get(s, ())} & {*predicted.get(s, ())}) for s in sources])
    taken = np.array([len(predicted.get(s, ())) for s in sources])
    wanted = np.array([len(golds.get(s, ())) for s in sources])
    return {
        "precision": _ratio_error(correct, taken),
        "recall": _ratio_error(correct, wanted),
        "f1": _ratio_error(2 * correct, taken + wanted),
    }


def _ratio_error(above: NDArray[np.int64], below: NDArray[np.int64]) -> float:
    total = int(below.sum())
    if total == 0:
        return 0.0
    residuals = above - above.sum() / total * below
    return 100 * float(np.sqrt((residuals**2).sum())) / total


def _threshold_notes(fits: dict[str, ThresholdFit], *, cross_fitted: bool) -> tuple[str, ...]:
    how = "two-fold cross-fitting" if cross_fitted else "fitted on the dev split"
    notes = [f"threshold: {how}; oracle: fitted on the very pairs that it is scored on"]
    for part, fit in fits.items():
        if fit.at_last:
            notes.append(f"threshold of {part}: the best F1 takes every candidate it was fitted on")
        if fit.f1 == 0:
            notes.append(f"threshold of {part}: no candidate was correct, so it stays 0")
    return tuple(notes)
