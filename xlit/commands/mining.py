"""Mine one's own sentences: the part of `retrieve` that takes two sides, text or vectors."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xlit import console
from xlit.commands.cutting import SOURCES, CuttingOptions, cut_lines, gold_of, tell
from xlit.commands.encoding import encoding_of, layers_asked, one_layer, several, usual_pooling
from xlit.commands.flags import arguments_of, changed
from xlit.commands.running import print_plan, say_done, short_name
from xlit.commands.sources import named_text, stem_of
from xlit.errors import InputError, UsageError

if TYPE_CHECKING:
    from xlit.artefacts.store import Artefact
    from xlit.commands.retrieve import RetrieveOptions
    from xlit.retrieval.pairs import Mined

OF_TASKS = ("lang", "split", "metric", "dev_lang")
OF_ENCODING = ("prefix", "pooling", "center", "max_length", "precision", "packing")
OF_A_CUT = ("margin", "retrieval", "threshold", "gold", "gold_complete", "format")


def check_mining(options: "RetrieveOptions") -> None:
    """Raises UsageError for flags that do not go together."""
    options.check_cut()
    given = changed(options)
    _refuse(given, OF_TASKS, "is for a task")
    if [str(path) for path in (*options.source, *options.target)].count("-") > 1:
        raise UsageError("only one side can be read from stdin")
    if several(layers_asked(options.layer)):
        raise UsageError(f"--layer {options.layer}: mining has nothing to pick a layer on")
    if options.keep:
        _refuse(given, OF_A_CUT, "is for pairs that are printed: give it to xlit cut", "--keep")
        return
    unused = [name for name in ("name", "force", "dry_run") if getattr(options, name)]
    if unused:
        raise UsageError(
            f"{_flag(unused[0])} is for an artefact: mining prints pairs and makes none without"
            " --keep"
        )


def _refuse(given: dict[str, Any], names: tuple[str, ...], why: str, with_: str = "") -> None:
    for name in names:
        if name in given:
            prefix = f"{with_}: " if with_ else ""
            raise UsageError(f"{prefix}{_flag(name)} {why}")


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


@dataclass(frozen=True)
class Search:
    """A search that is to be made: what it depends on, and what makes it."""

    name: str
    settings: dict[str, Any]
    changed: dict[str, Any]
    command: tuple[str, ...]
    run: "Callable[[], tuple[Mined, dict[str, Any]]]"  # and what else a manifest tells of it
    parents: "tuple[tuple[str, Artefact], ...]" = ()
    data: tuple[dict[str, Any], ...] = ()


def mine(options: "RetrieveOptions") -> Iterator[str]:
    """Lines of mined pairs, best first, several at a time."""
    search, gold = _search(options), gold_of(options)  # what is wrong with either is said at once
    mined, _ = search.run()
    yield from cut_lines(mined, options, gold)


def keep(options: "RetrieveOptions", revision: int) -> Path | None:
    """The pairs artefact of a search."""
    from xlit.artefacts.store import Plan, claim

    search = _search(options)
    plan = Plan(
        sort="pairs",
        stage="retrieve",
        revision=revision,
        name=options.name or search.name,
        settings=search.settings,
        changed=search.changed,
        command=search.command,
        parents=search.parents,
        data=search.data,
    )
    if options.dry_run:
        print_plan(plan, options.runs, force=options.force)
        return None
    with claim(plan, options.runs, force=options.force) as work:
        if work.done is not None:
            return say_done(work.done)
        import torch

        from xlit import device
        from xlit.retrieval.pairs import write_mined

        mined, told = search.run()
        texts = "vectors" not in search.settings
        results = write_mined(mined, work.directory, texts=texts) | told
        about = {"device": device.describe(), "threads": torch.get_num_threads()}
        artefact = work.publish(results, **about)
    pairs = mined.found.cut()
    tell(mined, pairs, pairs, CuttingOptions().margin, None)
    return artefact.path


def _search(options: "RetrieveOptions") -> Search:
    from xlit.artefacts.store import is_artefact

    sides = [*options.source, *options.target]
    stored = [path for path in sides if str(path) != "-" and is_artefact(path)]
    if not stored:
        return _search_texts(options)
    if len(stored) < len(sides):
        text = next(path for path in sides if path not in stored)
        raise UsageError(
            f"{stored[0]} is an artefact and {text} is not: both sides are texts, or vectors",
            hint=f"xlit encode {text} first",
        )
    return _search_vectors(options)


def _search_texts(options: "RetrieveOptions") -> Search:
    if len(options.encoders) != 1 or options.encoders == ["-"]:
        raise UsageError("mining of texts takes exactly one encoder", hint="e5-small, for example")
    for name, given in (("--source", options.source), ("--target", options.target)):
        if len(given) > 1:
            raise UsageError(f"{name} is given twice", hint="one text a side, or vectors artefacts")
    paths = {"source": options.source[0], "target": options.target[0]}
    read = {side: _read(options, side, path) for side, path in paths.items()}
    texts = {side: sentences for side, (_, sentences) in read.items()}

    from xlit.artefacts.store import open_artefact
    from xlit.models.encoders import count_layers, resolve_encoder
    from xlit.retrieval.search import is_exact

    ref = resolve_encoder(options.encoders[0])
    origin = None
    if ref.sort == "artefact" and ref.path is not None:
        origin = open_artefact(ref.path, exact=True)
    usual = usual_pooling(ref, origin)
    encoding = encoding_of(options, usual)
    layer = one_layer(layers_asked(options.layer), usual)
    if (counted := layer + count_layers(ref) + 1) >= 0 and layer < 0:
        layer = counted  # as stored vectors count, which other pairs may be of
    records = {side: record for side, (record, _) in read.items()}

    def run() -> "tuple[Mined, dict[str, Any]]":
        from xlit import device
        from xlit.models.encoders import load_encoder
        from xlit.models.inference import ways_taken
        from xlit.retrieval.evaluate import search_texts
        from xlit.retrieval.pairs import Listed, Mined, Side

        both = texts["source"], texts["target"]
        with device.hold(encoding["device"] or device.pick(), share=options.share_device):
            loaded = load_encoder(ref)
            found = search_texts(
                loaded,
                *both,
                k=options.k,
                index=options.index,
                center=options.center,
                layer=layer,
                **encoding,
            )
        sides = [
            Side(
                text=records[name]["digest"],
                first_row=0,
                rows=len(lines),
                different=len(rows),
                blank=sum(not line for line in lines),
            )
            for (name, lines), rows in zip(
                texts.items(), (found.source_rows, found.target_rows), strict=True
            )
        ]
        sentences = Listed(both[0]), Listed(both[1])
        mined = Mined(found, options.k, (sides[0], sides[1]), sentences)
        return mined, {"encoding": ways_taken(loaded)}

    settings: dict[str, Any] = {
        **{key: value for key, value in encoding.items() if key != "device"},
        "layer": layer,
        "center": options.center,
        "k": options.k,
    }
    if not is_exact(options.index):
        settings["index"] = options.index
    if origin is None:
        settings["encoder"] = ref.identity
    resolved = replace(options, precision=encoding["precision"])
    return Search(
        name="-".join(stem_of(path) for path in paths.values()),
        settings=settings,
        changed={
            **({} if origin else {"encoder": short_name(ref.name)}),
            **_told(options, ["encoders", "source", "target"]),
        },
        command=(
            "retrieve",
            "{parent:encoder}" if origin else options.encoders[0],
            *arguments_of(resolved),
        ),
        run=run,
        parents=(("encoder", origin),) if origin else (),
        data=tuple(records.values()),
    )


def _search_vectors(options: "RetrieveOptions") -> Search:
    from xlit.retrieval.search import is_exact
    from xlit.retrieval.vectors import check_comparable, open_vectors

    if options.encoders:
        raise UsageError(
            f"{options.encoders[0]}: vectors are searched as they are, without an encoder",
            hint="each vectors artefact needs a --source or --target of its own",
        )
    _refuse(changed(options), OF_ENCODING, "says how vectors are made: give it to xlit encode")
    asked = layers_asked(options.layer)
    layer = int(asked[0]) if isinstance(asked, list) else None
    source = open_vectors(options.source, layer=layer)
    target = open_vectors(options.target, layer=layer)
    check_comparable(source, target)

    def run() -> "tuple[Mined, dict[str, Any]]":
        from xlit import device
        from xlit.retrieval.mine import search_sentences, unify
        from xlit.retrieval.pairs import Mined, each_sentence, vectors_side

        unified = (
            unify(each_sentence(source), blank=False),
            unify(each_sentence(target), blank=False),
        )
        for name, side in zip(("source", "target"), unified, strict=True):
            if not len(side.first):
                raise InputError(f"the {name} side has no sentence")
        total = sum(len(side.first) for side in unified)
        with (
            device.hold(device.pick(), share=options.share_device),
            console.progress("search", total=total, unit="sentences") as advance,
        ):
            found = search_sentences(
                *unified, source, target, k=options.k, index=options.index, advance=advance
            )
        sides = [
            vectors_side(vectors, len(side.first), side.blank)
            for vectors, side in zip((source, target), unified, strict=True)
        ]
        return Mined(found, options.k, (sides[0], sides[1]), (source, target)), {}

    parents = [
        (side if number == 1 else f"{side}-{number}", artefact)
        for side, vectors in (("source", source), ("target", target))
        for number, artefact in enumerate(vectors.artefacts, 1)
    ]
    roles = [Path(f"{{parent:{role}}}") for role, _ in parents]
    count = len(source.artefacts)
    named = replace(options, source=roles[:count], target=roles[count:])
    settings: dict[str, Any] = {"vectors": dict(source.about), "layer": source.layer}
    settings |= {"source": dict(source.of_side), "target": dict(target.of_side)}
    settings[SOURCES] = count  # parents are told apart by their number alone
    settings["k"] = options.k
    if not is_exact(options.index):
        settings["index"] = options.index
    first = source.artefacts[0].manifest.name, target.artefacts[0].manifest.name
    return Search(
        name="-".join(first),
        settings=settings,
        changed=_told(options, ["source", "target"]),
        command=("retrieve", *arguments_of(named)),
        run=run,
        parents=tuple(parents),
    )


def _told(options: "RetrieveOptions", leave_out: list[str]) -> dict[str, Any]:
    return changed(options, [*leave_out, "keep"])


def _read(options: "RetrieveOptions", side: str, path: Path) -> tuple[dict[str, Any], list[str]]:
    """A text's data record and its sentences, that of a blank line an empty one."""
    import tempfile

    from xlit.retrieval.texts import text_record

    # without --keep nothing is to be left below the run root
    room = options.runs if options.keep else Path(tempfile.gettempdir())
    text = named_text(path, f"--{side}", room)
    sentences = [sentence for _, sentence in text]
    text.check_unchanged()
    return text_record(text), sentences
