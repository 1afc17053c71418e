"""Scores by layer, drawn: what is in the drawing, and what is said where none can be made."""

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.study.test_report import publish
from xlit.errors import MissingError, UsageError
from xlit.evaluation.layer_tables import layer_means, layer_tables
from xlit.study.collect import Entry
from xlit.study.layer_plots import check_plot, plot_layers

# plain and centred by layer 0, 1, 2
PICKING, REPORTED = (
    ((10.0, 60.0, 50.0), (70.0, 65.0, 60.0)),
    ((20.0, 40.0, 80.0), (60.0, 50.0, 40.0)),
)
METRIC = "english_to_foreign"


def sweep(*, dev: bool = True) -> dict[str, Any]:
    rows = [
        {
            "layer": layer,
            "centred": centred,
            "language": language,
            "split": "test",
            "use": use,
            METRIC: values[centred][layer],
            "foreign_to_english": 5.0,
        }
        for use, language, values in (("dev", "de", PICKING), ("reported", "es", REPORTED))
        if dev or use == "reported"
        for layer in range(3)
        for centred in (False, True)
    ]
    return {
        "metric": METRIC,
        "layer": 1,
        "centred": False,
        "rule": "by hand",
        "picked_on": ["test de"] if dev else [],
        "scores": rows,
    }


def entry(root: Path, whole: dict[str, Any], name: str = "tiny") -> Entry:
    cell = {"main": 40.0, "standard_error": 1.0, "split": "test", "main_metric": METRIC, "rows": 4}
    made = publish(
        root,
        sort="scores",
        stage="retrieve",
        name=name,
        settings={"of": name},
        changed={"encoder": name},
        results={"scores": {task: {"es": cell} for task in whole}},
    )
    (made.path / "layers.json").write_text(json.dumps(whole), encoding="utf-8")
    return Entry(made, name, (), {}, {}, label=name)


def test_the_means_are_read_back_with_what_picked(tmp_path: Path) -> None:
    (means,) = layer_means(entry(tmp_path, {"tatoeba": sweep()}).artefact.path)
    assert (means.task, means.layers, means.picked, means.reported) == (
        "tatoeba",
        (0, 1, 2),
        1,
        ("es",),
    )
    found = {(c.use, c.metric, c.centred): c.values for c in means.curves}
    assert found["dev", METRIC, False] == PICKING[0]
    assert found["reported", METRIC, True] == REPORTED[1]
    assert found["reported", "foreign_to_english", False] == (5.0, 5.0, 5.0)


def test_a_table_says_whose_layers_they_are_where_there_are_others(tmp_path: Path) -> None:
    path = entry(tmp_path, {"tatoeba": sweep()}).artefact.path
    assert layer_tables(path)[0].title == "tatoeba: layers"
    assert layer_tables(path, "tiny > mnli")[0].title == "tatoeba: layers of tiny > mnli"


def words_of(drawn: bytes) -> list[str]:
    """All text of an SVG drawing."""
    return [text.strip() for text in ElementTree.fromstring(drawn).itertext() if text.strip()]


def test_a_drawing_has_a_panel_for_what_picks_and_one_for_what_is_reported(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    one = entry(tmp_path, {"tatoeba": sweep(), "bucc": sweep(dev=False)})
    other = entry(tmp_path, {"tatoeba": sweep()}, name="other")
    drawn = plot_layers([one, other], "svg")
    words = words_of(drawn)
    for word in (
        "tatoeba: picks",
        "tatoeba: reported",
        "bucc: picks",
        "bucc: reported",
        "tiny",
        "tiny, centred",
        "other, centred",
        METRIC,
    ):
        assert word in words
    assert drawn == plot_layers([one, other], "svg")
    assert plot_layers([one], "png").startswith(b"\x89PNG")
    assert plot_layers([one], "pdf") == plot_layers([one], "pdf")


def test_results_without_layers_are_not_drawn(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    with pytest.raises(UsageError, match="none of these has any"):
        plot_layers([entry(tmp_path, {})], "svg")


def test_a_plot_needs_matplotlib_and_a_form_that_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match=r"a plot is \.svg, \.pdf, \.png"):
        check_plot(Path("layers.jpg"))
    # stands for an environment without the extra
    monkeypatch.setattr("xlit.study.layer_plots.find_spec", lambda name: None)
    with pytest.raises(MissingError, match="matplotlib is not installed"):
        check_plot(Path("layers.SVG"))
