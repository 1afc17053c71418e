"""What an artefact is and where it came from.

xlit show runs/scores/xnli.3fa9c1d07b2e
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from xlit.commands.flags import TalkOptions, argument, flag
from xlit.commands.running import print_json, print_line
from xlit.errors import UsageError

if TYPE_CHECKING:
    from rich.tree import Tree

    from xlit.artefacts.manifest import Ancestor, Manifest
    from xlit.artefacts.store import Artefact

SIDES = ("source", "target")
EXAMPLES = (
    "xlit show runs/scores/xnli.3fa9c1d07b2e",
    "xlit show runs/checkpoint/mnli.aa41c09be7d2 --command",
)


@dataclass(frozen=True, kw_only=True)
class ShowOptions(TalkOptions):
    """Show an artefact and its lineage as a tree, or the command that makes it again."""

    artefact: str = argument(..., "The artefact's directory.", metavar="ARTEFACT")
    command: bool = flag(False, "Print only the command line that makes it again.")

    def __post_init__(self) -> None:
        if self.json and self.command:
            raise UsageError("give either --json or --command")


def run(options: ShowOptions) -> None:
    from xlit.artefacts.store import open_artefact
    from xlit.commands.drawing import print_drawn
    from xlit.evaluation.layer_tables import layer_tables
    from xlit.evaluation.tables import as_rich

    artefact = open_artefact(options.artefact, check=False)
    if options.command:
        print_line(command_line(artefact))
    elif options.json:
        print_json(artefact.manifest.model_dump())
    else:
        print_drawn([lineage_tree(artefact), *map(as_rich, layer_tables(artefact.path))])


def command_line(artefact: "Artefact") -> str:
    """The command that makes the artefact again, its parents by their paths from here."""
    import os
    import shlex

    from xlit.artefacts.store import newest

    words = ["xlit"]
    parents = {}
    for parent in artefact.manifest.parents:
        path = (artefact.path / parent.path).resolve()
        # the first version is named as such once there is a newer one
        exact = path if newest(path) == path else path.with_name(f"{path.name}.v1")
        parents[f"{{parent:{parent.role}}}"] = os.path.relpath(exact)
    words += [parents.get(word, word) for word in artefact.manifest.command]
    place = artefact.path.resolve().parent
    root = os.path.relpath(place.parent)
    elsewhere = place.name == artefact.manifest.sort and root != "runs"  # a copy may lie anywhere
    return shlex.join(words + (["--runs", root] if elsewhere else []))


def lineage_tree(artefact: "Artefact") -> "Tree":
    """The artefact at the root, what it was made from below it."""
    from rich.markup import escape
    from rich.tree import Tree

    manifest = artefact.manifest
    tree = Tree(f"[bold]{escape(f'{manifest.name}.{manifest.reference}')}[/bold]  {manifest.stage}")
    tree.add(f"made     {manifest.created} in {manifest.seconds:g} s")
    if manifest.changed:
        tree.add(f"settings {escape(_brief(manifest.changed))}")
    for record in manifest.data:
        tree.add(escape(f"data     {_origin(record)}"))
    if manifest.sort == "data" and "of" in manifest.results:
        tree.add(f"rows     {manifest.results['rows']} of {manifest.results['of']}")
    if manifest.sort == "pairs":
        tree.add(f"pairs    {pairs_line(manifest.results)}")
    if manifest.sort == "model":
        tree.add(escape(f"model    {_model_origin(manifest)}"))
    for task, outcome in manifest.results.get("dev", {}).items():
        mark = "  [bold]degenerate[/bold]" if outcome["degenerate"] else ""
        tree.add(f"dev      {task} {outcome['score']:.2f} ± {outcome['error']:.2f}{mark}")
    for line in training_lines(manifest.results):
        tree.add(escape(line))
    for task, languages in manifest.results.get("scores", {}).items():
        cells = "  ".join(
            f"{code} {'no gold' if cell['main'] is None else format(cell['main'], '.1f')}"
            for code, cell in languages.items()
        )
        tree.add(f"scores   {escape(task)}: {cells}")
    if (suite := manifest.results.get("suite")) is not None:
        for line in suite_lines(suite):
            tree.add(f"suite    {escape(line)}")
    for how, reason in manifest.results.get("encoding", {}).items():
        tree.add(escape(f"encoding {how}{f': {reason}' if reason else ''}"))
    for task, about in manifest.results.get("layers", {}).items():
        centred = ", centred" if about["centred"] else ""
        tree.add(escape(f"layers   {task}: picked {about['layer']}{centred} ({about['rule']})"))
    if manifest.sort == "vectors":
        tree.add(escape(f"vectors  {_vectors(manifest)}"))
    size = sum(entry.bytes for entry in manifest.files.values())
    tree.add(f"files    {len(manifest.files)}, {size_in_words(size)}")
    _add_ancestors(tree, manifest.lineage)
    return tree


def pairs_line(results: "Mapping[str, Any]") -> str:
    """What a search was over: the different sentences of both sides, and their neighbours."""
    sides = " x ".join(f"{results[side]['different']} of {results[side]['rows']}" for side in SIDES)
    told = f"{sides} sentences, {results['k']} neighbours each"
    for direction, recall in results.get("recall", {}).items():
        told += f", {direction} recall {recall['share']:.4f} on {recall['queries']} queries"
    return told


def training_lines(results: "Mapping[str, Any]") -> list[str]:
    """How a checkpoint was trained: steps, speed, and which ways to save work were taken."""
    if "steps" not in results:
        return []
    told = f"training {results['steps']} steps, kept step {results['best_step']}"
    if "examples_per_second" in results:
        told += f", {results['examples_per_second']:g} examples/s"
    if results.get("continued"):
        told += f", went on from step {', '.join(map(str, results['continued']))}"
    lines = [told]
    fast = dict(results.get("fast", {}))
    ways = []
    packing = fast.pop("packing", {})
    if packed := [task for task, how in packing.items() if how["on"]]:
        ways.append(f"packed: {', '.join(packed)}")
    ways += [f"padded: {task} ({how['reason']})" for task, how in packing.items() if not how["on"]]
    for key, how in fast.items():
        name = "fast layers" if key == "layers" else key
        if isinstance(how, str):  # full, where a vocabulary is not compact
            ways.append(f"{name} {how}")
        elif "of" in how:
            ways.append(f"{name} {how['rows']} of {how['of']} rows")
        elif how.get("on"):
            ways.append(name)
        else:
            ways.append(f"no {name} ({how['reason']})" if "reason" in how else f"no {name}")
    return [*lines, *([f"fast     {'; '.join(ways)}"] if ways else [])]


def size_in_words(size: int) -> str:
    """A number of bytes in MB, a small one in kB."""
    return f"{size / 1e6:.1f} MB" if size >= 1e5 else f"{size / 1e3:.1f} kB"


def suite_lines(suite: "Mapping[str, Any]") -> list[str]:
    """The means of a suite's scores, and what is missing from it."""
    rule = " (xlit's own rule)" if suite["own_rule"] else ""
    means = [f"{name} {value:.2f}" for name, value in suite["overall"].items()]
    if (without := suite["without_retrieval"]) is not None:
        means.append(f"average without retrieval {without:.2f}")
    if (partial := suite["partial"]) is not None:
        means.append(f"incomplete: mean of {len(partial['tasks'])} tasks {partial['mean']:.2f}")
    gaps = (
        f"missing: {' '.join([gap['task'], *gap['languages']])}: {gap['reason']}"
        for gap in suite["missing"]
    )
    return [f"{suite['suite']} on {suite['split']}{rule}: {'  '.join(means)}", *gaps]


def _add_ancestors(tree: "Tree", ancestors: "Iterable[Ancestor]") -> None:
    from rich.markup import escape

    for ancestor in ancestors:
        mark = "  [bold]degenerate[/bold]" if ancestor.degenerate else ""
        text = f"{ancestor.name}.{ancestor.id}"
        branch = tree.add(
            f"{ancestor.role}: [bold]{escape(text)}[/bold]  {ancestor.stage}"
            f"  {escape(_brief(ancestor.settings))}{mark}"
        )
        for record in ancestor.data:
            branch.add(escape(f"data     {_origin(record)}"))
        _add_ancestors(branch, ancestor.parents)


def _origin(record: "Mapping[str, Any]") -> str:
    """Where rows came from, in a line: how many of what, the source, its files or its revision."""
    use = f" to {record['use']}" if record.get("use") else ""
    told = f"{record['rows']} rows"
    if "task" in record:  # a text has none
        told = f"{record['task']} {record['split']} {record['language']}{use}: {told}"
    if "source" not in record:  # an ancestor of an older version
        return f"{told}, digest {record['digest'][:12]}"
    files = record.get("files") or []
    names = f" {', '.join(files[:3])}{', ...' if len(files) > 3 else ''}" if files else ""
    revision = f" at {record['revision'][:12]}" if record.get("revision") else ""
    fetched = "".join(f", {note}" for note in record.get("notes", ()) if "fetched as" in note)
    source = f"{record['source']}{names}{revision}{fetched}"
    return f"{told}, {source}, digest {record['digest'][:12]}"


def _vectors(manifest: "Manifest") -> str:
    """How many vectors of what size, and of which rows where it is a worker's part."""
    settings, results = manifest.settings, manifest.results
    layers = ", ".join(map(str, results["stored_layers"]))
    blank = f", {results['blank']} of them blank" if results["blank"] else ""
    part = f", part {settings['shard']} of the text" if settings["shard"] != "1/1" else ""
    return (
        f"{results['rows']} rows{blank}, {results['width']} x {settings['dtype']},"
        f" layer {layers}{part}"
    )


def _model_origin(manifest: "Manifest") -> str:
    settings = manifest.settings
    revision = f" at {settings['revision']}" if settings["revision"] else ""
    licence = manifest.results["licence"] or "not named"
    name = settings["model"] or manifest.changed["model"]
    return f"{settings['source']} {name}{revision}, licence {licence}, digest {settings['digest']}"


def _brief(settings: dict[str, object]) -> str:
    return "  ".join(
        f"{key}={','.join(map(str, value)) if isinstance(value, list) else value}"
        for key, value in settings.items()
    )
