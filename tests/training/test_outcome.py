import pytest

from xlit.training.outcome import Outcome


@pytest.mark.parametrize(
    ("score", "constant", "degenerate"),
    [(40.0, False, False), (35.5, False, True), (30.0, False, True), (40.0, True, True)],
    ids=["above", "within one standard error", "below", "constant predictions"],
)
def test_a_run_that_learned_nothing_is_degenerate(
    score: float, constant: bool, degenerate: bool
) -> None:
    outcome = Outcome("xnli", score, error=2.0, floor=34.0, constant=constant, rows=500, step=9)
    assert outcome.degenerate is degenerate
    assert outcome.as_json()["degenerate"] is degenerate
