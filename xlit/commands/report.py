"""Tables of results: tasks x languages per checkpoint, layers, and differences from a baseline.

xlit report runs/scores/* --baseline 3fa9c1d0
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from xlit.commands.flags import TalkOptions, argument, flag
from xlit.commands.running import print_json, print_line, stdin_runs
from xlit.errors import InputError, UsageError

if TYPE_CHECKING:
    from xlit.evaluation.tables import Table

EXAMPLES = (
    "xlit eval-xtreme CKPT | xlit report",
    "xlit report runs/scores/* --baseline 3fa9c1d0",
    "xlit report runs/scores/* --format csv > scores.csv",
    "xlit retrieve e5-small --task tatoeba --layer all | xlit report --plot layers.svg",
    "xlit retrieve e5-small --source de.txt --target en.txt --keep | xlit report",
)


@dataclass(frozen=True, kw_only=True)
class ReportOptions(TalkOptions):
    """Report scores artefacts: tasks x languages per checkpoint, told apart by their lineage; or
    the histograms of pairs artefacts."""

    scores: list[str] = argument(
        list,
        "Scores artefacts, or pairs artefacts. Read from stdin if not given.",
        metavar="[SCORES...]",
    )
    format: Literal["rich", "json", "csv", "markdown"] = flag("rich", "The form of the tables.")
    baseline: str | None = flag(
        None, "Also print differences from this result: an id, the beginning of one, or a path."
    )

    plot: Path | None = flag(
        None, "Also draw the scores by layer of retrieve --layer all into this .svg, .pdf or .png."
    )

    def __post_init__(self) -> None:
        if self.json and self.format not in ("rich", "json"):
            raise UsageError(f"give either --json or --format {self.format}")


def run(options: ReportOptions) -> None:
    from xlit.study.layer_plots import check_plot, plot_layers

    if options.plot is not None:
        check_plot(options.plot)
    named = [path for path in options.scores if path != "-"]
    paths = list(named)
    if not named or "-" in options.scores:
        paths += [path for line in stdin_runs("a scores artefact") for path in line]

    if sorts_of(paths) == {"pairs"}:
        report_pairs(options, paths)
        return
    from xlit.evaluation.layer_tables import layer_tables
    from xlit.evaluation.tables import as_csv
    from xlit.study.collect import collect, find_entry
    from xlit.study.suites import suite_tables
    from xlit.study.tables import CSV_HEADER, as_json, as_rows, difference_tables, score_tables

    entries = collect(paths)
    baseline = None if options.baseline is None else find_entry(entries, options.baseline)
    if baseline is not None and len(entries) == 1:
        raise UsageError("--baseline: it is the only result")
    if options.plot is not None:
        write_plot(options.plot, plot_layers(entries, options.plot.suffix[1:].lower()))
    if options.json or options.format == "json":
        print_json(as_json(entries, baseline))
        return
    if options.format == "csv":
        print_line(as_csv(CSV_HEADER, as_rows(entries, baseline)))
        return
    tables = score_tables(entries) + suite_tables(entries)
    if baseline is not None:
        tables += difference_tables(entries, baseline)
    for entry in entries:
        tables += layer_tables(entry.artefact.path, entry.label if len(entries) > 1 else "")
    print_tables(tables, options.format)


def sorts_of(paths: Sequence[str]) -> set[str]:
    """The sorts of artefacts. Raises MissingError or DamagedError for what is none."""
    from xlit.artefacts.store import open_artefact

    return {open_artefact(path, check=False).manifest.sort for path in paths}


def report_pairs(options: ReportOptions, paths: Sequence[str]) -> None:
    """Histograms of mined pairs."""
    if options.baseline is not None or options.plot is not None:
        name = "--baseline" if options.baseline is not None else "--plot"
        raise UsageError(f"{name} is for scores, not for pairs")

    from xlit.evaluation.tables import as_csv
    from xlit.retrieval.pairs import open_found
    from xlit.study.histogram import (
        HEADER,
        histogram,
        histogram_json,
        histogram_rows,
        histogram_table,
    )

    found = [histogram(*open_found(path)) for path in dict.fromkeys(paths)]
    if options.json or options.format == "json":
        print_json(histogram_json(found))
    elif options.format == "csv":
        print_line(as_csv(HEADER, histogram_rows(found)))
    else:
        print_tables([histogram_table(one) for one in found], options.format)


def print_tables(tables: "Sequence[Table]", form: str) -> None:
    """As markdown, or drawn for people."""
    from xlit.commands.drawing import draw
    from xlit.evaluation.tables import as_markdown

    if form != "markdown":
        draw(tables)
        return
    for table in tables:
        print_line(as_markdown(table))


def write_plot(path: Path, drawn: bytes) -> None:
    """Raises InputError where it cannot be written."""
    from xlit import console

    try:
        path.write_bytes(drawn)
    except OSError as problem:
        raise InputError(f"cannot be written: {problem.strerror}", path=path) from None
    console.notice(f"scores by layer are drawn in {path}")
