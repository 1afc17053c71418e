"""The pool of several languages, and exact ranks in it."""

import numpy as np
import pytest

from xlit.errors import InputError
from xlit.metrics.ranking import average_precision, average_precision_of_ranks
from xlit.retrieval.ranking import CUT, pool_of, queries_of, rank
from xlit.tasks.rows import RankingRow, TextRow


def candidate(row_id: str, text: str = "") -> RankingRow:
    return RankingRow(row_id, "candidate", text or f"text {row_id}", "", (row_id,))


def query(row_id: str, *answers: str) -> RankingRow:
    return RankingRow(row_id, "query", "?", "", answers)


def test_the_targets_of_a_question_are_its_answers_in_all_languages() -> None:
    english = [candidate("en_1_0"), candidate("en_1_1"), query("q", "en_1_1")]
    german = [candidate("de_1_0"), query("q", "de_1_0"), query("r", "de_1_0")]
    pool = pool_of([english, german])
    assert [row.id for row in pool.candidates] == ["en_1_0", "en_1_1", "de_1_0"]
    assert pool.targets == {"q": (1, 2), "r": (2,)}
    assert pool.lost == {"q": (), "r": ()}
    assert [row.id for row in queries_of(german)] == ["q", "r"]


def test_a_candidate_of_several_languages_stands_once() -> None:
    pool = pool_of([[candidate("Q1"), query("a", "Q1")], [candidate("Q1"), query("b", "Q9")]])
    assert [row.id for row in pool.candidates] == ["Q1"]
    assert pool.targets["b"] == ()
    assert pool.lost["b"] == ("Q9",)


def test_what_makes_no_pool_is_refused() -> None:
    with pytest.raises(InputError, match="two candidates have the id 'Q1'"):
        pool_of([[candidate("Q1")], [candidate("Q1", "another text")]])
    with pytest.raises(InputError, match="no candidates"):
        pool_of([[query("a", "Q1")]])
    with pytest.raises(InputError, match="row 7 is no row of a ranking task"):
        pool_of([[TextRow("7", "a", None, None)]])


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize("seed", range(3))
def test_ranks_are_those_of_a_sorted_list(seed: int) -> None:
    random = np.random.default_rng(seed)
    # few values, so that many candidates tie
    queries = unit(random.integers(1, 3, (7, 4)).astype(np.float64))
    candidates = unit(random.integers(1, 3, (60, 4)).astype(np.float64))
    targets = [tuple(int(i) for i in random.choice(60, 5, replace=False)) for _ in queries]
    found = rank(queries, candidates, targets, whole=True)
    assert found.best.shape == (7, CUT)
    assert found.ranks is not None
    # rounded once from float64, as scores are: equal vectors are equal
    scores = (queries.astype(np.float64) @ candidates.astype(np.float64).T).astype(np.float32)
    for i, wanted in enumerate(targets):
        order = sorted(range(60), key=lambda place: (-scores[i, place], place))
        assert found.best[i].tolist() == order[:CUT]
        assert found.ranks[i] == tuple(order.index(place) + 1 for place in wanted)
        assert average_precision_of_ranks(found.ranks[i], 5) == pytest.approx(
            average_precision(wanted, order, None)
        )


def test_the_recall_of_an_inexact_search_is_told() -> None:
    vectors = unit(np.random.default_rng(0).normal(size=(60, 8)))
    targets = [(0,)] * 60
    assert rank(vectors, vectors, targets).recall == {}
    found = rank(vectors, vectors, targets, index="IVF2,Flat:nprobe=2").recall
    assert found == {"forward": {"share": 1.0, "queries": 60}}


def test_the_whole_pool_is_ranked_only_when_asked() -> None:
    vectors = unit(np.eye(3))
    assert rank(vectors, vectors, [(0,)] * 3).ranks is None
    whole = rank(vectors, vectors, [(0,), (), (1, 2)], whole=True)
    assert whole.ranks == ((1,), (), (3, 1))
