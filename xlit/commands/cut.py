"""Cut what a search found again, at another threshold or by another margin, without searching.

xlit retrieve e5-small --source de.txt --target en.txt --keep | xlit cut --threshold 1.02
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xlit.commands.cutting import SOURCES, CuttingOptions, cut_lines, gold_of, tell
from xlit.commands.flags import NamedStageOptions, argument, arguments_of, changed, flag
from xlit.commands.running import named_or_piped, print_line, print_paths, print_plan, say_done
from xlit.errors import UsageError

if TYPE_CHECKING:
    from xlit.artefacts.store import Artefact
    from xlit.retrieval.pairs import Mined

REVISION = 1
EXAMPLES = (
    "xlit retrieve e5-small --source de.txt --target en.txt --keep | xlit cut --threshold 1.02",
    "xlit cut PAIRS --retrieval intersect --margin distance --format jsonl | head",
    "xlit cut PAIRS --dev DEV_PAIRS --gold dev.tsv > mined.tsv",
    "xlit cut runs/pairs/part-*x* > mined.tsv",
)


@dataclass(frozen=True, kw_only=True)
class CutOptions(CuttingOptions, NamedStageOptions):
    """Cut: the pairs of a search at another threshold, by another margin or retrieval."""

    pairs: list[str] = argument(
        list,
        "Pairs artefacts; several are shards, every source with every target, and become one."
        " Read from stdin if not given.",
        metavar="[PAIRS...]",
    )
    k: int | None = flag(
        None, "Neighbours of the margin, at most those kept; all if not given.", panel="Mining"
    )
    dev: Path | None = flag(
        None,
        "A pairs artefact of dev sentences, on which --gold fits the threshold.",
        panel="Mining",
    )
    keep: bool = flag(False, "Publish shards as one pairs artefact, and print its path.")

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_cut()
        if self.k is not None and self.k < 1:
            raise UsageError(f"--k {self.k}: at least 1")
        if self.dev is not None and self.gold is None:
            raise UsageError("--dev is where --gold is found", hint="give its translations: --gold")
        given = changed(self, ["pairs", "keep"])
        if self.keep and given:
            raise UsageError(
                f"--keep: --{next(iter(given)).replace('_', '-')} is for printed pairs"
            )
        unused = [name for name in ("name", "force", "dry_run") if getattr(self, name)]
        if unused and not self.keep:
            raise UsageError(f"--{unused[0].replace('_', '-')} is for --keep: nothing is published")


def run(options: CutOptions) -> None:
    paths = list(named_or_piped(options.pairs, "a pairs artefact"))

    from xlit.retrieval.pairs import open_mined

    gold = gold_of(options)
    opened = [open_mined(path) for path in paths]
    artefacts, cells = [artefact for artefact, _ in opened], [mined for _, mined in opened]
    check_alike(artefacts)
    if options.keep:
        print_paths(path for path in [_keep(options, artefacts, cells)] if path is not None)
        return
    dev = None if options.dev is None else open_mined(options.dev)
    if dev is not None:
        check_alike([artefacts[0], dev[0]])
    mined = _whole(cells)
    if options.k is not None and options.k > mined.k:
        raise UsageError(f"--k {options.k}: {mined.k} neighbours were kept")
    for lines in cut_lines(mined, options, gold, k=options.k, dev=dev and dev[1]):
        print_line(lines)


def check_alike(artefacts: "Sequence[Artefact]") -> None:
    """Raises UsageError for pairs that were not searched in one way."""
    first, *others = (_compared(_way_of(artefact)) for artefact in artefacts)
    for artefact, other in zip(artefacts[1:], others, strict=True):
        for key in sorted({*first, *other}):
            one, two = first.get(key), other.get(key)
            if one != two:
                raise UsageError(
                    f"{artefacts[0].path} and {artefact.path} differ in {key}: {one} and {two}",
                    hint="one encoder, one way to encode, one k",
                )


def _compared(way: dict[str, Any]) -> dict[str, Any]:
    """The same words for pairs of vectors and of texts, whose sides are encoded in one way."""
    from xlit.retrieval.vectors import NO_WAY, OF_SIDE

    if "vectors" in way:
        sides = {side: way.get(side, {}) for side in ("source", "target")}
        rest = {**way, **way["vectors"]}
    else:
        made = {key: way[key] for key in OF_SIDE if key in way and key not in NO_WAY}
        sides = {side: {**made, "dtype": "float32"} for side in ("source", "target")}
        rest = way
    known = {key: rest[key] for key in rest if key not in (*OF_SIDE, "vectors", *sides)}
    known |= {f"{key} of the {side}s": sides[side][key] for side in sides for key in sides[side]}
    return {**known, "layer": rest.get("layer")}


def _way_of(artefact: "Artefact") -> dict[str, Any]:
    """How its neighbours were found, whatever the texts were."""
    settings = {k: v for k, v in artefact.manifest.settings.items() if k != SOURCES}
    encoder = [parent.id for parent in artefact.manifest.parents if parent.role == "encoder"]
    return {**settings, **({"encoder": encoder[0]} if encoder else {})}


def _whole(cells: "Sequence[Mined]") -> "Mined":
    from xlit.retrieval.merge import merge

    return cells[0] if len(cells) == 1 else merge(cells)


def _keep(
    options: CutOptions, artefacts: "Sequence[Artefact]", cells: "Sequence[Mined]"
) -> Path | None:
    """The cells of a grid as one pairs artefact, which has the sentences in it."""
    from xlit.artefacts.store import Plan, claim
    from xlit.retrieval.pairs import write_mined

    if len(cells) < 2:
        raise UsageError("--keep puts shards together: one pairs artefact is whole")
    roles = [f"pairs-{number}" for number in range(1, len(cells) + 1)]
    plan = Plan(
        sort="pairs",
        stage="cut",
        revision=REVISION,
        name=options.name or re.sub(r"-\d+of\d+", "", artefacts[0].manifest.name),
        settings=_way_of(artefacts[0]),
        command=("cut", *(f"{{parent:{role}}}" for role in roles), *arguments_of(options)),
        parents=tuple(zip(roles, artefacts, strict=True)),
    )
    if options.dry_run:
        print_plan(plan, options.runs, force=options.force)
        return None
    with claim(plan, options.runs, force=options.force) as work:
        if work.done is not None:
            return say_done(work.done)
        mined = _whole(cells)
        artefact = work.publish(write_mined(mined, work.directory, texts=True))
    pairs = mined.found.cut()
    tell(mined, pairs, pairs, options.margin, None)
    return artefact.path
