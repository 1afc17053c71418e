"""A sweep over layers against one layer at a time, and how a layer is picked."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.retrieval.test_evaluate import ENGLISH, GERMAN, split_of
from xlit.errors import UsageError
from xlit.evaluation.bitext import bitext_cell
from xlit.models.encoders import Loaded, load_encoder, resolve_encoder
from xlit.retrieval import one_pass
from xlit.retrieval.encode import encode, encode_layers
from xlit.retrieval.evaluate import evaluate_bitext
from xlit.retrieval.layers import Reading, layers_of, pick_layer, readings_of, score_splits
from xlit.retrieval.mine import MiningOptions

CPU = torch.device("cpu")


@pytest.fixture(scope="module", params=["tiny_encoder", "tiny_xlmr"])
def loaded(request: pytest.FixtureRequest) -> Loaded:
    directory: Path = request.getfixturevalue(request.param)
    return load_encoder(resolve_encoder(str(directory)))


@pytest.mark.parametrize("pooling", ["mean", "cls", "mean-no-special"])
def test_the_layers_of_one_pass_are_those_of_one_pass_each(loaded: Loaded, pooling: str) -> None:
    texts = [*GERMAN, *ENGLISH, GERMAN[0]]
    layers = encode_layers(
        loaded,
        texts,
        [0, 1, 2],
        pooling=pooling,  # type: ignore[arg-type]  # parametrize knows no literals
        normalise=False,
        device=CPU,
    )
    assert layers.shape == (3, len(texts), 32)
    for layer in range(3):
        single = encode(
            loaded,
            texts,
            layer=layer,
            pooling=pooling,  # type: ignore[arg-type]  # as above
            normalise=False,
            device=CPU,
        )
        assert np.abs(layers[layer] - single).max() < 1e-6
    assert np.array_equal(layers[:, 0], layers[:, -1])


def test_several_layers_cost_one_pass(loaded: Loaded, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = 0
    forward = loaded.model.forward

    def counted(*args: object, **inputs: torch.Tensor) -> object:
        nonlocal calls
        calls += 1
        return forward(*args, **inputs)

    # counts what the encoder is asked for; it answers as before
    monkeypatch.setattr(loaded.model, "forward", counted)
    encode_layers(loaded, GERMAN, [0, 1, 2], device=CPU, packing="off")
    assert calls == 1


@pytest.mark.parametrize("metric", ["tatoeba", "bucc"])
def test_every_reading_scores_as_it_does_alone(loaded: Loaded, metric: str) -> None:
    split, readings = split_of(metric), readings_of([0, 2])
    assert readings == [Reading(n, c) for n in (0, 2) for c in (False, True)]
    found = list(score_splits(loaded, [split], readings, mining={"k": 2}, device=CPU))
    assert [(place, reading) for place, reading, _ in found] == [(0, r) for r in readings]
    for _, reading, score in found:
        alone = evaluate_bitext(
            loaded,
            split,
            mining={"k": 2},
            layer=reading.layer,
            center=reading.centred,
            device=CPU,
        )
        assert score.metrics == alone.metrics
        assert [item.prediction for item in score.items] == [i.prediction for i in alone.items]


def test_each_reading_is_cut_at_its_own_threshold_of_the_split_that_it_is_tuned_on(
    loaded: Loaded,
) -> None:
    splits, readings = [split_of("bucc"), split_of("bucc"), split_of("bucc")], readings_of([1, 2])
    fits, cut = {}, {}
    mining: MiningOptions = {"margin": "absolute", "retrieval": "forward"}
    for place, reading, score in score_splits(
        loaded, splits, readings, tuned_on={2: 0}, mining=mining, device=CPU
    ):
        if place == 0:
            fits[reading] = score.fit
        elif place == 1:
            assert score.thresholds.keys() == {"half_0", "half_1", "oracle"}
        else:
            cut[reading] = score.thresholds["all"]
    assert cut == {reading: fit.threshold for reading, fit in fits.items() if fit is not None}
    assert len(set(cut.values())) == 4  # so that one in another's place would show


def test_the_splits_of_a_task_are_one_encoding_pass(
    loaded: Loaded, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoded: list[str] = []

    def counted(of: Loaded, texts: Sequence[str], *args: Any, **options: Any) -> Any:
        encoded.extend(texts)
        return encode_layers(of, texts, *args, **options)

    # counts what the encoder is asked for; it answers as before
    monkeypatch.setattr(one_pass, "encode_layers", counted)
    splits = [split_of("tatoeba"), split_of("bucc"), split_of("tatoeba")]
    scores = list(score_splits(loaded, splits, readings_of([0, 1, 2]), device=CPU))
    assert sorted(encoded) == sorted({*GERMAN, *ENGLISH})
    assert len(scores) == 18
    assert scores[0][2] == scores[12][2]


def test_all_layers_begin_with_the_embeddings_and_negative_ones_count_from_the_last(
    loaded: Loaded,
) -> None:
    assert layers_of(loaded, "all") == [0, 1, 2]
    assert layers_of(loaded, [-1, 0, 2]) == [0, 2]
    with pytest.raises(UsageError, match="layer 3: the encoder has layers 0"):
        layers_of(loaded, [1, 3])


def test_the_layer_with_the_best_mean_is_picked_among_its_own_kind() -> None:
    scores = {
        Reading(0, False): [50.0, 10.0],
        Reading(1, False): [40.0, 40.0],
        Reading(2, False): [60.0, 20.0],  # the same mean as layer 1: the lower one is taken
        Reading(0, True): [90.0, 90.0],
        Reading(1, True): [80.0, 70.0],
        Reading(2, True): [99.0, 82.0],
    }
    assert pick_layer(scores, center=False) == 1
    assert pick_layer(scores, center=True) == 2
    with pytest.raises(UsageError, match="no score"):
        pick_layer({Reading(0, True): [1.0]}, center=False)


@pytest.mark.parametrize("metric", ["tatoeba", "bucc"])
def test_a_search_is_as_the_index_says(loaded: Loaded, metric: str) -> None:
    splits, readings = [split_of(metric)], [Reading(2, False)]
    exact, flat = (
        [score for _, _, score in score_splits(loaded, splits, readings, index=index, device=CPU)]
        for index in ("exact", "Flat")
    )
    assert exact == flat and exact[0].recall == {}
    found = score_splits(loaded, splits, readings, index="IVF1,Flat", device=CPU)
    ((_, reading, inexact),) = found
    everything = {"share": 1.0, "queries": len(GERMAN)}
    assert inexact.recall == {"forward": everything, "backward": everything}
    cell = bitext_cell(splits[0], inexact, reading).as_json()
    assert cell["neighbours_found"] == inexact.recall
    assert cell.get("recall") == exact[0].metrics.get("recall")  # bucc's metric of that name
    with pytest.raises(UsageError, match="nonsense"):
        list(score_splits(loaded, splits, readings, index="nonsense", device=CPU))
