import csv
import io

from rich.console import Console

from xlit.evaluation.tables import Table, as_csv, as_markdown, as_rich

TABLE = Table(
    "xcopa",
    ("", "sw", "th"),
    (("e5 > siqa | copa", "52.0", "55.1"), ("majority", "50.0", "50.0")),
    ("± is an error",),
)


def test_width_is_what_rich_draws() -> None:
    out = Console(file=io.StringIO(), width=1000)
    lines = out.render_lines(as_rich(TABLE), pad=False)
    texts = ["".join(segment.text for segment in line).rstrip() for line in lines]
    drawn = max(map(len, texts))
    assert texts[-1] == TABLE.notes[0]
    assert drawn == TABLE.width


def test_a_turned_table_has_the_languages_down_and_the_names_as_notes() -> None:
    turned = TABLE.turned()
    assert turned.header == ("", "1", "2")
    assert turned.rows == (("sw", "52.0", "50.0"), ("th", "55.1", "50.0"))
    assert turned.notes == ("1: e5 > siqa | copa", "2: majority", "± is an error")


def test_markdown_keeps_a_bar_in_a_label_out_of_the_columns() -> None:
    lines = as_markdown(TABLE).splitlines()
    assert lines[2:4] == ["|  | sw | th |", "| --- | ---: | ---: |"]
    assert lines[4] == "| e5 > siqa \\| copa | 52.0 | 55.1 |"


def test_csv_leaves_what_is_missing_empty() -> None:
    text = as_csv(("label", "value"), [('a, "b"', 1.5), ("c", None)])
    assert list(csv.reader(io.StringIO(text))) == [["label", "value"], ['a, "b"', "1.5"], ["c", ""]]
