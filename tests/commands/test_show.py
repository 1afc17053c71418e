"""What `show` tells of how a checkpoint was trained."""

from typing import Any

import pytest

from xlit.commands.show import training_lines

STEPS: dict[str, Any] = {"steps": 300, "best_step": 120, "examples_per_second": 32.14}


@pytest.mark.parametrize(
    ("more", "lines"),
    [
        pytest.param({}, ["training 300 steps, kept step 120, 32.14 examples/s"], id="no more"),
        pytest.param(
            {"continued": [40, 200]},
            ["training 300 steps, kept step 120, 32.14 examples/s, went on from step 40, 200"],
            id="interrupted",
        ),
        pytest.param(
            {
                "fast": {
                    "packing": {
                        "mnli": {"on": True, "reads": "first"},
                        "squad": {"on": False, "reason": "on a GPU batches are padded"},
                        "siqa": {"on": True, "reads": "first"},
                    },
                    "vocabulary": {"rows": 8123, "of": 250037},
                    "layers": {"on": True},
                }
            },
            [
                "training 300 steps, kept step 120, 32.14 examples/s",
                "fast     packed: mnli, siqa; padded: squad (on a GPU batches are padded);"
                " vocabulary 8123 of 250037 rows; fast layers",
            ],
            id="fast",
        ),
        pytest.param(
            {"fast": {"vocabulary": "full", "layers": {"on": False, "reason": "as asked for"}}},
            [
                "training 300 steps, kept step 120, 32.14 examples/s",
                "fast     vocabulary full; no fast layers (as asked for)",
            ],
            id="plain",
        ),
    ],
)
def test_a_training_is_told_in_a_line_or_two(more: dict[str, Any], lines: list[str]) -> None:
    assert training_lines(STEPS | more) == lines


def test_what_is_no_checkpoint_has_no_training() -> None:
    assert training_lines({"scores": {}}) == []
