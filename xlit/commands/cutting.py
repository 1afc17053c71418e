"""Which mined pairs are printed, and how: what `retrieve` and `cut` have in common."""

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from xlit import console
from xlit.commands.flags import flag
from xlit.errors import UsageError

if TYPE_CHECKING:
    from xlit.retrieval.gold import Gold, Sentences
    from xlit.retrieval.mine import Pairs
    from xlit.retrieval.pairs import Mined

SOURCES = "source_artefacts"  # setting of a pairs artefact: how many of its parents are sources
LINES = 1000  # printed at a time: a write for each would take longer than the cut


@dataclass(frozen=True, kw_only=True)
class CuttingOptions:
    """The flags of a cut."""

    margin: Literal["ratio", "distance", "absolute"] = flag(
        "ratio", "How a pair is scored against its neighbours.", panel="Mining"
    )
    retrieval: Literal["max", "intersect", "forward", "backward"] = flag(
        "max", "Which pairs are kept; max is one-to-one.", panel="Mining"
    )
    threshold: float | None = flag(None, "Print pairs that score above this.", panel="Mining")
    gold: Path | None = flag(
        None,
        "Fit the threshold: a file of source sentences, each with a tab and its translation, or"
        " nothing where it has none.",
        panel="Mining",
    )
    gold_complete: bool = flag(
        False, "All sentences that --gold does not list have no translation.", panel="Mining"
    )
    format: Literal["tsv", "jsonl"] = flag(
        "tsv", "Lines of score, source and target, or objects with their lines too.", panel="Mining"
    )

    def check_cut(self) -> None:
        if self.threshold is not None and not math.isfinite(self.threshold):
            raise UsageError(f"--threshold {self.threshold}: not a number")
        if self.gold is not None and self.threshold is not None:
            raise UsageError("give either --threshold or --gold, which fits one")
        if self.gold_complete and self.gold is None:
            raise UsageError("--gold-complete says something of --gold")


def gold_of(options: CuttingOptions) -> "Gold | None":
    """What `--gold` says, to be read before anything is searched."""
    if options.gold is None:
        return None
    from xlit.retrieval.gold import read_gold

    return read_gold(options.gold, complete=options.gold_complete)


def cut_lines(
    mined: "Mined",
    options: CuttingOptions,
    gold: "Gold | None",
    *,
    k: int | None = None,
    dev: "Mined | None" = None,
) -> Iterator[str]:
    """Lines of pairs, best first, several at a time; says how many there are before the first.

    `gold` fits the threshold on the pairs of `dev`, or on these ones.
    """
    pairs, threshold = _cut(mined, options, k), options.threshold
    if gold is not None:
        from xlit.retrieval.gold import fit_on_gold

        judges = dev or mined
        judged = _cut(dev, options, k) if dev is not None else pairs
        fitted = fit_on_gold(judged, gold, *judges.sentences)
        threshold = fitted.threshold
        console.always(
            f"threshold {threshold!r}: F1 {fitted.fit.f1:.1f}, precision"
            f" {fitted.fit.precision:.1f}, recall {fitted.fit.recall:.1f} on"
            f" {fitted.judged} judged pairs and {fitted.gold} of {options.gold}"
            + ("" if dev is not None else ", on which it was fitted")
        )
        if fitted.fit.at_last:
            console.always("threshold: the best F1 takes every judged pair")
    kept = pairs if threshold is None else pairs.above(threshold)
    tell(mined, pairs, kept, options.margin, threshold)
    first_rows = [side.first_row for side in mined.sides]
    yield from pair_lines(kept, mined.sentences, first_rows, options.format)


def _cut(mined: "Mined", options: CuttingOptions, k: int | None) -> "Pairs":
    """All pairs, down to the threshold where that is below the usual one."""
    from xlit.retrieval.cut import usual_threshold

    lowest = usual_threshold(options.retrieval)
    if options.threshold is not None:
        lowest = min(lowest, options.threshold)
    return mined.found.cut(
        k=k, margin=options.margin, retrieval=options.retrieval, threshold=lowest
    )


def tell(
    mined: "Mined", pairs: "Pairs", kept: "Pairs", margin: str, threshold: float | None
) -> None:
    """Counts and ranges, for a person who is watching."""
    for name, side in zip(("source", "target"), mined.sides, strict=True):
        if side.blank or side.repeated:
            console.notice(
                f"{name}: {side.different} different sentences in {side.rows} lines,"
                f" {side.repeated} repeated, {side.blank} blank"
            )
        if mined.k > side.different:
            console.notice(f"{name}: fewer sentences than --k {mined.k}: all are neighbours")
    for direction, recall in mined.found.recall.items():
        console.notice(f"{direction}: {100 * recall['share']:.2f} % of the neighbours were found")
    sizes = " x ".join(str(side.different) for side in mined.sides)
    if not len(kept):
        best = f": the best score is {pairs[0].score:.4f}" if len(pairs) else ""
        console.notice(f"no pair of {sizes} sentences{best}")
        return
    middle = kept[len(kept) // 2].score
    above = "" if threshold is None else f" of {len(pairs)}, above {threshold:.6g},"
    console.notice(
        f"{len(kept)} pairs{above} of {sizes} sentences, {margin} {kept[-1].score:.4f} to"
        f" {kept[0].score:.4f}, median {middle:.4f}"
    )


def pair_lines(
    pairs: "Pairs",
    sentences: "Sequence[Sentences]",
    first_rows: Sequence[int],
    form: Literal["tsv", "jsonl"],
) -> Iterator[str]:
    """Lines of pairs, `LINES` at a time; the last has no line end. `first_rows` are the places in
    their texts of row 0 of either side, which may be a part of one."""
    from xlit.retrieval.gold import as_field

    def tsv(score: float, source: str, target: str, row: int, column: int) -> str:
        return f"{score:.6f}\t{as_field(source)}\t{as_field(target)}"

    line = tsv if form == "tsv" else _json
    for start in range(0, len(pairs), LINES):
        part = pairs[start : start + LINES]
        fields = zip(
            part.scores.tolist(),
            sentences[0].sentences(part.sources),
            sentences[1].sentences(part.targets),
            (part.sources + first_rows[0]).tolist(),
            (part.targets + first_rows[1]).tolist(),
            strict=True,
        )
        yield "\n".join([line(*pair) for pair in fields])


def _json(score: float, source: str, target: str, row: int, column: int) -> str:
    return json.dumps(
        {
            "score": round(score, 6),
            "source": source.strip(),
            "target": target.strip(),
            "source_line": row + 1,
            "target_line": column + 1,
        },
        ensure_ascii=False,
    )
