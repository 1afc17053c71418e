"""Tables of results, as plain values, and the forms they are printed in."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from xlit.evaluation.submission import SubmissionScores
from xlit.tasks.suite import Suite


@dataclass(frozen=True)
class Table:
    """A table of strings; the first column is text, the others are numbers."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()

    @property
    def width(self) -> int:
        """Characters that a line takes, with two between columns."""
        columns = zip(self.header, *self.rows, strict=True)
        return sum(max(map(len, column)) for column in columns) + 2 * (len(self.header) - 1)

    def turned(self) -> "Table":
        """Rows as columns, numbered, with their names as notes: for narrow places."""
        names = [row[0].strip() for row in self.rows]
        numbers = tuple(str(number) for number in range(1, len(names) + 1))
        columns = zip(self.header[1:], *(row[1:] for row in self.rows), strict=True)
        legend = tuple(f"{n}: {name}" for n, name in zip(numbers, names, strict=True))
        return Table(self.title, ("", *numbers), tuple(columns), (*legend, *self.notes))


def as_rich(table: Table, *, numbers: bool = True) -> Any:
    """A table as rich draws it; `numbers` puts all columns but the first to the right."""
    from rich.console import Group
    from rich.table import Table as RichTable
    from rich.text import Text

    drawn = RichTable(
        title=Text(table.title) if table.title else None,
        title_justify="left",
        title_style="bold",
        box=None,
        pad_edge=False,
    )
    for position, name in enumerate(table.header):
        drawn.add_column(name, justify="right" if position and numbers else "left", no_wrap=True)
    for row in table.rows:
        drawn.add_row(*(Text(cell) for cell in row))  # an id in brackets is no markup
    # a caption would be folded to the table's width
    return Group(drawn, *(Text(note, style="dim") for note in table.notes))


def as_markdown(table: Table) -> str:
    def line(cells: Sequence[str]) -> str:
        return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"

    rule = line(["---", *["---:"] * (len(table.header) - 1)])
    body = [line(table.header), rule, *(line(row) for row in table.rows)]
    notes = ["", *(f"{note}  " for note in table.notes)] if table.notes else []
    return "\n".join([f"### {table.title}", "", *body, *notes, ""])


def as_csv(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """CSV text without a last line end; None is an empty field."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(["" if value is None else value for value in row] for row in rows)
    return stream.getvalue().rstrip("\n")


def submission_tables(scores: SubmissionScores, suite: Suite) -> list[Table]:
    """One table a task, languages down, and one of the averages."""
    tables = []
    for task, languages in scores.tasks.items():
        metrics = list(next(iter(languages.values())))
        rows = [
            (language, *(f"{cells[metric]:.2f}" for metric in metrics))
            for language, cells in languages.items()
        ]
        averages = scores.averages.get(task)
        if averages:
            means = (f"{averages[f'avg_{metric}']:.2f}" for metric in metrics)
            rows.append(("average", *means))
        tables.append(Table(task, ("language", *metrics), tuple(rows)))
    overall = tuple((name, f"{value:.2f}") for name, value in scores.overall.items())
    notes = tuple(files.line() for files in scores.missing)
    tables.append(Table(f"{suite.name}: averages", ("group", "score"), overall, notes))
    return tables
