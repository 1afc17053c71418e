"""A sweep over layers against one layer at a time, and how a layer is picked."""

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.retrieval.test_evaluate import ENGLISH, GERMAN, split_of
from xlit.errors import UsageError
from xlit.metrics.bitext import ThresholdFit
from xlit.models.encoders import Loaded, load_encoder, resolve_encoder
from xlit.retrieval.encode import encode, encode_layers
from xlit.retrieval.evaluate import evaluate_bitext
from xlit.retrieval.layers import Reading, layers_of, pick_layer, sweep_layers

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
    found = dict(sweep_layers(loaded, split_of(metric), [0, 2], mining={"k": 2}, device=CPU))
    assert list(found) == [Reading(n, c) for n in (0, 2) for c in (False, True)]
    for reading, score in found.items():
        alone = evaluate_bitext(
            loaded,
            split_of(metric),
            mining={"k": 2},
            layer=reading.layer,
            center=reading.centred,
            device=CPU,
        )
        assert score.metrics == alone.metrics
        assert [item.prediction for item in score.items] == [i.prediction for i in alone.items]


def test_the_thresholds_of_another_split_cut_their_own_reading(loaded: Loaded) -> None:
    fits = {
        Reading(2, False): ThresholdFit(-1e9, 0.0, 0.0, 0.0),
        Reading(2, True): ThresholdFit(1e9, 0.0, 0.0, 0.0),
    }
    found = dict(sweep_layers(loaded, split_of("bucc"), [2], fits=fits, device=CPU))
    plain, centred = found[Reading(2, False)], found[Reading(2, True)]
    assert plain.counts["extracted"] == plain.counts["candidates"] > 0
    assert centred.counts["extracted"] == 0
    assert (plain.thresholds["all"], centred.thresholds["all"]) == (-1e9, 1e9)


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
