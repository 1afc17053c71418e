"""Ranking: queries find their candidates by the inner product of their vectors.

Trained as XTREME-R's scripts do it (google-research/xtreme, third_party/bert.py): one encoder for
both sides, vectors of length 1, the other candidates of the batch as negatives, and a learned scale
for the logits. Three things differ: the vector is the mean of the last layer, which
SentenceTransformer opens, and not BERT's pooled start; a candidate is one text in training too, as
it is in evaluation, and not a pair; and another right answer to a question is no negative of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cross_entropy

from xlit.errors import InputError, UsageError
from xlit.kinds.feature import Columns, Features, Integers, columns_of, pieces_of, select
from xlit.kinds.kind import Feature, FeatureOptions, Kind, Score, as_array, pad
from xlit.kinds.scores import is_constant, require
from xlit.kinds.segments import chunks, frame_of, tokenise
from xlit.metrics.ranking import average_precision
from xlit.metrics.spread import mean_error
from xlit.models.dual import AutoDualEncoder, vectors_of
from xlit.tasks.rows import RankingRow

CUTS: dict[str, int | None] = {"map@20": 20, "mrr": 20, "map": None}
"""The places of a ranking that a metric reads. `mrr` is `map@20` where there is one answer."""

NEGATIVE, RIGHT, ALSO_RIGHT = 0, 1, 2
SIDES = ("query", "candidate")


@dataclass(frozen=True, slots=True)
class Pair:
    """Of a training feature: its candidate, and every right candidate of its query."""

    candidate: str
    answers: frozenset[str]


@dataclass(frozen=True, slots=True)
class Vectors:
    """What the model gives: of texts their vectors, of training pairs the scaled cosines."""

    texts: Tensor | None  # (features, hidden)
    logits: Tensor | None  # (queries, candidates), equally many


class Ranking(Kind[RankingRow, tuple[str, ...]]):
    """A dual encoder. The prediction for a query is the ids of all candidates, best first."""

    name: ClassVar[str] = "ranking"
    auto_class: ClassVar[Any] = AutoDualEncoder
    whole_batch: ClassVar[bool] = True
    options_read: ClassVar[tuple[str, ...]] = ("max_length", "question_length")

    def features(
        self, rows: Sequence[RankingRow], tokenizer: Any, options: FeatureOptions
    ) -> list[Feature]:
        """One text a row, a query cut to `question_length` pieces, a candidate to `max_length`."""
        frame = frame_of(tokenizer, max(options.max_length, options.question_length))
        cuts = {"query": options.question_length, "candidate": options.max_length}
        features = []
        for run in chunks(len(rows)):
            batch = rows[run.start : run.stop]
            pieces = tokenise(tokenizer, (shown_text(row) for row in batch))
            for i, row in zip(run, batch, strict=True):
                room = max(0, cuts[row.side] - frame.single_specials)
                ids, types = frame.join(pieces[shown_text(row)][:room], None)
                features.append(Feature(i, (ids,), None if types is None else (types,), (), 1.0))
        return features

    def content(self, row: RankingRow) -> Sequence[object]:
        return [row.side, shown_text(row)]

    def trainable(
        self, rows: Sequence[RankingRow], features: Sequence[Feature]
    ) -> tuple[Sequence[Feature], int]:
        """A query with the first of its answers that is among the rows; and the queries without."""
        places = {row.id: i for i, row in enumerate(rows) if row.side == "candidate"}
        pairs: list[tuple[int, int]] = []
        left_out = 0
        for i, row in enumerate(rows):
            if row.side == "query":
                place = next((places[a] for a in row.answers if a in places), None)
                left_out += place is None
                pairs += [] if place is None else [(i, place)]
        return Pairs(rows, features, np.array(pairs, dtype=np.int64).reshape(-1, 2)), left_out

    def head(self, labels: Sequence[str]) -> dict[str, Any]:
        return {}

    def collate(self, features: Sequence[Feature], pad_id: int) -> dict[str, Tensor]:
        """The inputs of texts; of training pairs those of each side, named by it."""
        if not features[0].target:
            return super().collate(features, pad_id)
        inputs: dict[str, Tensor] = {}
        for i, side in enumerate(SIDES):
            types = [f.type_ids[i] for f in features if f.type_ids is not None]
            padded = pad([f.sequences[i] for f in features], types, pad_id)
            inputs |= {f"{side}.{name}": value for name, value in padded.items()}
        return inputs

    def forward(self, model: Any, inputs: dict[str, Tensor], features: Sequence[Feature]) -> Any:
        if not features[0].target:
            return Vectors(vectors_of(model, inputs), None)
        queries, candidates = (
            vectors_of(
                model,
                {k.removeprefix(f"{s}."): v for k, v in inputs.items() if k.startswith(f"{s}.")},
            )
            for s in SIDES
        )
        # bf16 has steps of 1/2 at a scale of 100, and mixed precision multiplies matrices in bf16
        with torch.autocast(queries.device.type, enabled=False):
            return Vectors(None, model.log_scale.exp() * queries @ candidates.T)

    def targets(self, features: Sequence[Feature]) -> Tensor:
        """What each candidate of the batch is to each query: (queries, candidates)."""
        table = torch.full((len(features), len(features)), NEGATIVE)
        for i, query in enumerate(features):
            for j, other in enumerate(features):
                if other.place.candidate in query.place.answers:
                    table[i, j] = RIGHT if i == j else ALSO_RIGHT
        return table

    def loss(self, outputs: Any, targets: Tensor) -> Tensor:
        logits = outputs.logits.float().masked_fill(targets == ALSO_RIGHT, -torch.inf)
        return cross_entropy(
            logits, torch.arange(len(logits), device=logits.device), reduction="none"
        )

    def extract(self, outputs: Any, features: Sequence[Feature]) -> list[NDArray[Any]]:
        return list(as_array(outputs.texts))  # each (hidden,)

    def decode(
        self,
        rows: Sequence[RankingRow],
        features: Sequence[Feature],
        outputs: Sequence[NDArray[Any]],
        options: FeatureOptions,
    ) -> list[tuple[str, ...]]:
        """Every query's candidates, best first and ties in their order; nothing for candidates."""
        pool = [i for i, row in enumerate(rows) if row.side == "candidate"]
        if not pool:
            raise InputError("there are no candidates to rank")
        vectors = np.stack([outputs[i] for i in pool])  # (candidates, hidden)
        ids = [rows[i].id for i in pool]
        predictions: list[tuple[str, ...]] = []
        for row, output in zip(rows, outputs, strict=True):
            if row.side == "candidate":
                predictions.append(())
                continue
            order = np.argsort(-(vectors @ output), kind="stable")
            predictions.append(tuple(ids[i] for i in order))
        return predictions

    def score(
        self,
        rows: Sequence[RankingRow],
        predictions: Sequence[tuple[str, ...]],
        metric: str,
        language: str,
    ) -> Score:
        """The mean over queries; `items` has a value a query, and none for candidates."""
        require(metric, *CUTS)
        ranked = [
            (row, prediction)
            for row, prediction in zip(rows, predictions, strict=True)
            if row.side == "query"
        ]
        for row, _ in ranked:
            if not row.answers:
                raise InputError(f"query {row.id} has no answer to score against")
        if not ranked:
            raise InputError("there are no queries to score")
        items = tuple(average_precision(row.answers, best, CUTS[metric]) for row, best in ranked)
        main = 100 * sum(items) / len(items)
        name = "map" if CUTS[metric] is None else "map@20"
        first = [best[:1] for _, best in ranked]
        return Score(main, {name: main}, items, mean_error(items), is_constant(first))

    def majority(
        self,
        rows: Sequence[RankingRow],
        metric: str,
        language: str,
        *,
        counted: Sequence[RankingRow] = (),
    ) -> Score:
        raise UsageError("ranking has no most frequent label", hint='a card\'s floor: "untrained"')


class Pairs(Features):
    """Training features: a query and a candidate each, `pairs` being their rows, (features, 2)."""

    def __init__(
        self, rows: Sequence[RankingRow], texts: Sequence[Feature], pairs: NDArray[np.int64]
    ) -> None:
        self.rows, self.texts, self.pairs = rows, texts, pairs
        ones = np.ones(len(pairs), dtype=np.int64)
        length = columns_of(texts).length[pairs].max(axis=1)
        self.columns = Columns(pairs[:, 0], length, 2 * ones, ones)

    def select(self, chosen: Integers) -> "Pairs":
        return Pairs(self.rows, self.texts, self.pairs[chosen])

    def pieces(self) -> Integers:
        return pieces_of(select(self.texts, np.unique(self.pairs)))

    def make(self, index: int) -> Feature:
        query, candidate = self.pairs[index].tolist()
        first, second = self.texts[query], self.texts[candidate]
        types = None
        if first.type_ids is not None and second.type_ids is not None:
            types = first.type_ids + second.type_ids
        pair = Pair(self.rows[candidate].id, frozenset(self.rows[query].answers))
        return Feature(query, first.sequences + second.sequences, types, (candidate,), 1.0, pair)


def shown_text(row: RankingRow) -> str:
    """What is encoded: a candidate's context follows it with nothing between them."""
    return row.text if row.side == "query" else row.text + row.context
