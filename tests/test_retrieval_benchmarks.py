"""The benchmarks of encoding and mining run, and count and judge as they say."""

from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch.utils.flop_counter import FlopCounterMode
from transformers import AutoModel, BertConfig

from tests.benchmarks import laser, retrieval_table, table
from tests.benchmarks.__main__ import parser
from tests.benchmarks.encoding import Lengths, flops_of
from tests.benchmarks.found import Found, Neighbours, compared, equal
from tests.benchmarks.mining import checks_of, contestant
from tests.benchmarks.records import Benchmark, Ceiling, Check, Trial, join, read
from tests.benchmarks.sentences import Aligned, mixed, pairs, read_sets, tatoeba_languages

REFERENCE = "sentence-transformers"
MACHINE = {
    "processor": "a processor",
    "cores": 2,
    "memory_gib": 16.0,
    "system": "Linux",
    "python": "3.11",
    "versions": {"torch": "2"},
    "environment": {},
}


def trial(contestant: str, seconds: float, round_: int = 0, search: float = 0.0) -> Trial:
    steps = {"search": search, "margins": seconds - search} if search else {}
    bench = "mine" if search else "encode"
    return Trial(bench, contestant, 100, round_, seconds, seconds, 2**21, 1000, 2**20, steps)


def vectors(count: int, seed: int) -> NDArray[np.float32]:
    drawn = np.random.default_rng(seed).normal(size=(count, 8)).astype(np.float32)
    return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)


@pytest.fixture
def sentences(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """NTREX in four languages of 100 lines, and Tatoeba in one of 12, as `XLIT_DATA` has them."""
    words = [f"{a} {b} {c}" for a, b, c in product(("red", "old", "far"), "abcdef", "uvwxyz")][:100]
    ntrex, tatoeba = tmp_path / "data" / "ntrex", tmp_path / "data" / "tatoeba"
    ntrex.mkdir(parents=True)
    tatoeba.mkdir()
    for name, prefix in {
        "src.eng": "the",
        "ref.deu": "das",
        "ref.fra": "le",
        "ref.swa": "na",
    }.items():
        lines = "".join(f"{prefix} {word}\r\n" for word in words)
        (ntrex / f"newstest2019-{name}.txt").write_text(lines, encoding="utf-8", newline="")
    for language, prefix in {"deu": "ein", "eng": "a"}.items():
        lines = "".join(f"{prefix} {word}\n" for word in words[:12])
        (tatoeba / f"tatoeba.deu-eng.{language}").write_text(lines, encoding="utf-8")
    # the environment is where the data and the run root are named
    monkeypatch.setenv("XLIT_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("XLIT_RUNS", str(tmp_path / "runs"))
    return tmp_path


def benchmark(arguments: list[str], where: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """The tables of a run, whose numbers are in `where`/out.json."""
    options = parser().parse_args([*arguments, "--out", str(where / "out.json")])
    options.act(options)
    return capsys.readouterr().out


def test_encoders_are_timed_on_the_same_texts_and_held_against_the_reference(
    tiny_encoder: Path, sentences: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = [REFERENCE, "xtreme", "xlit float32"]
    arguments = ["encode", "--encoder", str(tiny_encoder), "--contestants", *names]
    arguments += ["--size", "20", "--rounds", "2", "--flat-sizes", "10", "30"]
    text = benchmark([*arguments, "--profile-size", "10"], sentences, capsys)
    bench = read(sentences / "out.json")
    timed = [(t.contestant, t.round) for t in bench.trials if t.bench == "encode"]
    assert timed == [(n, 0) for n in names] + [(n, 1) for n in [*names[1:], names[0]]]
    assert all(
        t.seconds > 0 and t.tokens > 20 and t.result == 20 * 32 * 4 for t in bench.trials[:6]
    )
    assert [t.size for t in bench.trials if t.bench == "flat"] == [10, 30, 10, 10]
    distances = [c for c in bench.checks if c.bench == "encode"]
    assert {c.contestant for c in distances} == {"xtreme", "xlit float32"}
    assert all(c.values["largest 1 - cosine"] < 1e-6 for c in distances)
    judged = [c for c in bench.checks if c.bench == "tatoeba"]
    assert judged[0].details.keys() == {"deu to English", "deu from English"}
    assert judged[0].details == judged[1].details
    assert "### cost of a token" in text and "### profile of encode" in text


def test_miners_are_timed_and_what_they_found_is_compared(
    tiny_encoder: Path, sentences: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["mine", "--encoder", str(tiny_encoder), "--sizes", "60", "--rounds", "2"]
    arguments += ["--contestants", "faiss", "xlit exact", "xlit Flat", "--profile-size", "50"]
    text = benchmark(arguments, sentences, capsys)
    bench = read(sentences / "out.json")
    assert [t.round for t in bench.trials] == [0, 0, 0, 1, 1, 1]
    assert all(t.steps["search"] > 0 and t.steps["margins"] > 0 for t in bench.trials)
    assert [(c.contestant, c.against, c.holds) for c in bench.checks] == [
        ("xlit exact", "faiss", True),
        ("xlit Flat", "faiss", True),
        ("xlit exact", "xlit Flat", True),
    ]
    assert "| `xlit exact` |" in text and "### profile of mine: `xlit exact`" in text
    kept = sorted((sentences / "runs" / "benchmarks").iterdir())
    assert [file.suffix for file in kept] == [".npy", ".npy"]
    before = [file.stat().st_mtime_ns for file in kept]
    benchmark(["vectors", "--encoder", str(tiny_encoder)], sentences, capsys)
    assert [file.stat().st_mtime_ns for file in kept] == before


def test_the_loop_mines_what_a_search_by_hand_finds() -> None:
    sources, targets = vectors(9, seed=1), vectors(7, seed=2)
    found, seconds = laser.mine(sources, targets, k=3)
    products = sources.astype(np.float64) @ targets.astype(np.float64).T
    ahead, back = np.sort(products)[:, -3:].mean(1), np.sort(products, axis=0)[-3:].mean(0)
    margins = products / ((ahead[:, None] + back[None]) / 2)
    of_source = np.argsort(-products, axis=1)[:, :3]
    of_target = np.argsort(-products, axis=0)[:3].T
    wanted = {(i, int(js[margins[i, js].argmax()])) for i, js in enumerate(of_source)}
    wanted |= {(int(rows[margins[rows, j].argmax()]), j) for j, rows in enumerate(of_target)}
    kept: list[tuple[int, int]] = []
    for i, j in sorted(wanted, key=lambda pair: -margins[pair]):
        if margins[i, j] > 0 and all(i != a and j != b for a, b in kept):
            kept.append((i, j))
    assert list(zip(found.sources.tolist(), found.targets.tolist(), strict=True)) == kept
    assert found.scores == pytest.approx([margins[pair] for pair in kept], abs=1e-6)
    assert seconds.keys() == {"search", "margins"}


def found(pairs_: list[tuple[float, int, int]], first_score: float = 0.9) -> Found:
    """Three sentences a side with one neighbour each, and these pairs."""
    near_scores = np.array([[first_score], [0.8], [0.7]], np.float32)
    near = Neighbours(near_scores, np.array([[0], [1], [2]]))
    scores, sources, targets = (np.array(column) for column in zip(*pairs_, strict=True))
    return Found(near, near, scores, sources, targets)


def test_another_pair_of_the_same_score_is_a_tie_and_of_another_score_is_not() -> None:
    one = found([(1.3, 0, 0), (1.2, 1, 1)])
    holds, values = compared(one, one)
    assert holds and values["other pairs"] == 0
    holds, values = compared(found([(1.3, 0, 0), (1.2, 1, 2)]), one)
    assert holds and values["other pairs"] == 2 and values["of them no ties"] == 0
    holds, values = compared(found([(1.3, 0, 0), (1.1, 1, 2)]), one)
    assert not holds and values["of them no ties"] == 2


def test_a_pair_of_a_sentence_with_other_neighbours_of_equal_scores_is_a_tie() -> None:
    one, other = found([(1.3, 0, 0)]), found([(1.3, 0, 0), (1.1, 2, 2)])
    assert not compared(one, other)[0]
    near = Neighbours(other.forward.scores, np.array([[0], [1], [1]]))  # of source 2 alone
    tied = Found(near, other.backward, other.scores, other.sources, other.targets)
    holds, values = compared(one, tied)
    assert holds and values["other neighbours"] == 1 and values["of them no ties"] == 0


@pytest.mark.parametrize(("second", "tied"), [(0.7, False), (2 * 7 / 9 - 0.9, True)])
def test_a_pair_of_a_sentence_with_two_equally_good_candidates_is_a_tie(
    second: float, tied: bool
) -> None:
    # sentence 1 has the margins 0.9 / 0.875 and 0.85 / (0.875 + the mean of sentence 0) * 2, which
    # are equal where that mean is 7 / 9
    near = Neighbours(
        np.array([[0.9, second], [0.9, 0.85]], np.float32), np.array([[0, 1], [1, 0]])
    )
    one, other = (
        Found(near, near, *(np.array(column) for column in zip(*pairs_, strict=True)))
        for pairs_ in ([(1.3, 0, 0)], [(1.3, 0, 0), (1.1, 1, 1)])
    )
    holds, values = compared(one, other)
    assert holds is tied and values["of them no ties"] == (not tied)


def test_a_score_that_differs_is_no_tie() -> None:
    one = found([(1.3, 0, 0)])
    holds, values = compared(found([(1.30001, 0, 0)]), one)
    assert not holds and values["largest difference of a pair's score"] == pytest.approx(1e-5)
    assert not compared(found([(1.3, 0, 0)], first_score=0.90001), one)[0]


def test_exact_and_flat_are_held_equal_bit_by_bit() -> None:
    one, other = found([(1.3, 0, 0)]), found([(1.3, 0, 0)], first_score=0.9000001)
    assert equal(one, one) and not equal(one, other)
    (check,) = checks_of({"xlit exact": one, "xlit Flat": other}, 3)
    assert not check.holds


def test_the_contestants_of_xlit_give_the_pairs_of_the_loop() -> None:
    sides = vectors(40, seed=3), vectors(50, seed=4)
    loop, _ = contestant("faiss")(*sides)
    exact, _ = contestant("xlit exact")(*sides)
    assert compared(exact, loop)[0]


def test_the_work_of_encoding_is_that_of_its_products() -> None:
    config = BertConfig(
        vocab_size=100,
        hidden_size=32,
        num_hidden_layers=3,
        num_attention_heads=4,
        intermediate_size=80,
    )
    with torch.device("meta"):
        model = AutoModel.from_config(config, add_pooling_layer=False)
    model.set_attn_implementation("eager")
    counter = FlopCounterMode(display=False)
    with counter:
        model(input_ids=torch.ones((1, 21), dtype=torch.long, device="meta"))
    assert flops_of(config, Lengths(np.array([21]))) == counter.get_total_flops()
    both = Lengths(np.array([21, 5]))
    assert flops_of(config, both) < 2 * flops_of(config, Lengths(np.array([21])))


def test_a_ratio_is_of_one_round_and_a_step_of_its_own() -> None:
    trials = [trial("faiss", 8.0, 0, 6.0), trial("xlit exact", 2.0, 0, 1.5)]
    trials += [trial("faiss", 4.0, 1, 3.0), trial("xlit exact", 2.0, 1, 1.0)]
    assert retrieval_table.ratios(trials, "xlit exact", "faiss") == [4.0, 2.0]
    assert retrieval_table.ratios(trials, "xlit exact", "faiss", "search") == [4.0, 3.0]


def test_the_share_of_the_limit_is_the_least_time_over_the_time_of_the_search() -> None:
    ceiling = Ceiling("mine", 100, 0, 50e9, {"bf16": 100e9, "float32": 25e9})
    trials = [trial("xlit exact", 2.0, 0, 1.0), trial("xlit exact", 2.0, 1, 1.0)]
    assert retrieval_table.shares(trials, [ceiling], "xlit exact") == [50.0]  # round 0 alone


def test_a_table_says_what_does_not_hold() -> None:
    values = {"largest 1 - cosine": 0.5, "mean": 0.1}
    bench = Benchmark(
        machine=MACHINE,
        trials=[trial(REFERENCE, 4.0), trial("xlit", 1.0)],
        checks=[Check("encode", "xlit", REFERENCE, 100, False, values)],
    )
    text = table.markdown(bench)
    assert "| `xlit` | 100.0 | 4.00 | 1000 | - | 1 | 5.0e-01 | 1 |" in text
    assert f"| `xlit` | `{REFERENCE}` | 0.5 | 0.1 | NO |" in text


def test_trials_are_read_as_written_and_joined_by_rounds(tmp_path: Path) -> None:
    bench = Benchmark(machine=MACHINE, trials=[trial("xlit", 1.0)])
    bench.ceilings.append(Ceiling("encode", 100, 0, 1e9, {"bf16": 1e9, "float32": 1e9}))
    bench.save(tmp_path / "b.json")
    assert read(tmp_path / "b.json") == bench
    whole = join([bench, read(tmp_path / "b.json")])
    assert [t.round for t in whole.trials] == [c.round for c in whole.ceilings] == [0, 1]


def test_sides_hold_translations_and_no_text_twice() -> None:
    one = Aligned("ntrex", {"a": ["a1", "a2"], "b": ["b1", "b2"], "c": ["c1", "c2"]})
    again = Aligned("xnli", {"a": ["a1", "a3"], "b": ["b4", "b2"]})
    assert sorted(pairs([one, again], seed=0)) == [("a1", "b1"), ("a2", "b2")]
    assert sorted(mixed([one, again], seed=0)) == sorted(
        {"a1", "a2", "a3", "b1", "b2", "b4", "c1", "c2"}
    )


def test_every_second_language_of_tatoeba_has_english_on_the_other_side() -> None:
    sets = [Aligned("tatoeba", {"eng": [f"e{i}"], f"x{i}": [f"f{i}"]}) for i in range(2)]
    assert sorted(pairs(sets, seed=0)) == [("e0", "f0"), ("f1", "e1")]


@pytest.mark.shared
def test_the_real_sentences_are_enough_for_a_hundred_thousand_a_side(shared_data: Path) -> None:
    found_pairs = pairs(read_sets(["ntrex", "flores", "xnli", "tatoeba"]), seed=0)
    assert len(found_pairs) >= 100_000
    assert len({s for s, _ in found_pairs}) == len({t for _, t in found_pairs}) == len(found_pairs)
    assert len(tatoeba_languages(5)) >= 30


def test_sets_that_are_not_there_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XLIT_DATA", "")  # no data at all
    with pytest.raises(SystemExit, match="none of ntrex"):
        read_sets(["ntrex"])
