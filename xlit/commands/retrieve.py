"""Retrieve with an encoder: translations (Tatoeba, BUCC, one's own sentences), answers, entities.

xlit retrieve e5-small --source de.txt --target en.txt | sort -k1,1nr | head
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from xlit.commands.cutting import CuttingOptions
from xlit.commands.drawing import show_scores
from xlit.commands.encoding import encoding_of, layers_asked, one_layer, several, usual_pooling
from xlit.commands.flags import NamedStageOptions, argument, arguments_of, changed, flag
from xlit.commands.mining import check_mining, keep, mine
from xlit.commands.parts import Part, evaluate_part, part_of
from xlit.commands.running import (
    each_input,
    print_line,
    print_paths,
    print_plan,
    say_done,
    short_name,
    split_list,
)
from xlit.errors import UsageError

if TYPE_CHECKING:
    from xlit.artefacts.store import Artefact, Plan
    from xlit.evaluation.evaluate import Cell
    from xlit.evaluation.layers import LayerSweep
    from xlit.models.encoders import EncoderRef
    from xlit.models.pooling import Pooling
    from xlit.retrieval.encode import LayersOptions
    from xlit.retrieval.mine import MiningOptions

REVISION = 2
EXAMPLES = (
    "xlit retrieve e5-small --task tatoeba --lang de,sw | xlit report",
    "xlit retrieve runs/checkpoint/mnli.3fa9c1d07b2e --task bucc --lang zh",
    "xlit retrieve e5-small --task tatoeba --layer all --center",
    "xlit retrieve e5-small --task lareqa --metric map",
    "xlit retrieve e5-small --source de.txt --target en.txt | sort -k1,1nr | head",
)


@dataclass(frozen=True, kw_only=True)
class RetrieveOptions(CuttingOptions, NamedStageOptions):
    """Retrieve: score an encoder on a bitext or ranking task, or mine one's own translations."""

    encoders: list[str] = argument(
        list,
        "Encoders: bundled names, directories, checkpoints, hub ids. Read from stdin if not given.",
        metavar="[ENCODER...]",
    )
    task: str | None = flag(None, "Bitext and ranking tasks or cards, separated by commas.")
    lang: str = flag("all", "Languages, separated by commas; all is every one whose data is here.")
    split: str | None = flag(None, "The split; the one that the card names if not given.")
    source: list[Path] = flag(
        list,
        "Mine: a text file, one sentence a line; - is stdin. Or vectors artefacts, each with"
        " --source before it.",
    )
    target: list[Path] = flag(list, "Mine: the other side, likewise.")
    keep: bool = flag(
        False,
        "Mine: publish what the search found as a pairs artefact, for xlit cut, and print its path"
        " instead of pairs.",
    )
    prefix: str = flag("", "Put before every sentence, as in --prefix 'query: '.", panel="Vectors")
    layer: str | None = flag(
        None,
        "Hidden state, 0 the embeddings, -1 the last; all or 6,9,12 tries several and picks;"
        " by encoder if not given.",
        panel="Vectors",
    )
    dev_lang: str | None = flag(
        None,
        "With several layers: the languages that pick one. If not given, the card's dev split"
        " does, or else every fifth language of the card, which is then not reported.",
        panel="Vectors",
    )
    pooling: Literal["auto", "mean", "cls", "mean-no-special"] = flag(
        "auto",
        "How tokens become a vector; mean has the special tokens in it; auto is by encoder.",
        panel="Vectors",
    )
    center: bool = flag(
        False, "Take each side's mean off its vectors: the cheap control.", panel="Vectors"
    )
    max_length: int = flag(
        512, "Tokens a text is cut to; a ranking task's card can have less.", panel="Vectors"
    )
    precision: Literal["auto", "bf16", "float32"] = flag(
        "auto",
        "auto is bf16 where the processor or GPU has it; float32 is exact.",
        panel="Vectors",
    )
    packing: Literal["auto", "off"] = flag(
        "auto",
        "auto encodes without padding where that is exact; off pads.",
        panel="Vectors",
    )
    metric: Literal["card", "map"] = flag(
        "card",
        "Of ranking tasks: the card's metric, or map, average precision over the whole pool.",
        panel="Ranking",
    )
    k: int = flag(4, "Neighbours of the margin.", panel="Mining")
    index: str = flag(
        "auto",
        "How neighbours are searched: auto, exact and Flat find the true ones; any other FAISS"
        " factory, as in IVF4096,Flat:nprobe=64, may miss some and says how many.",
        panel="Search",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if bool(self.source) != bool(self.target):
            raise UsageError("--source and --target go together")
        if (self.task is None) == (not self.source):
            raise UsageError(
                "give either --task or --source and --target",
                hint="--task tatoeba, for example",
            )
        if self.source:
            check_mining(self)
        else:
            self._check_task()
        layers = layers_asked(self.layer)
        if self.dev_lang is not None and not several(layers):
            raise UsageError("--dev-lang picks one of several layers", hint="--layer all")
        if self.k < 1:
            raise UsageError(f"--k {self.k}: at least 1")
        if self.max_length < 3:
            raise UsageError(f"--max-length {self.max_length}: at least 3")

    def _check_task(self) -> None:
        if self.threshold is not None:
            raise UsageError("--threshold is for mining; a task's threshold is fitted")
        for name in ("keep", "gold", "gold_complete", "format"):
            if name in changed(self):
                raise UsageError(f"--{name.replace('_', '-')} is for mining with --source")

    def mining(self) -> "MiningOptions":
        return {"k": self.k, "margin": self.margin, "retrieval": self.retrieval}


def retrieve(options: RetrieveOptions) -> Iterator[Path]:
    """The scores artefacts of bitext and ranking tasks, one an encoder."""
    yield from each_input(options.encoders, "an encoder", lambda name: _one(options, name))


def _one(options: RetrieveOptions, encoder: str) -> Path | None:
    import torch

    from xlit import device
    from xlit.artefacts.store import claim, open_artefact
    from xlit.evaluation.layers import write_sweeps
    from xlit.evaluation.results import write_results
    from xlit.models.encoders import load_encoder, resolve_encoder
    from xlit.models.inference import ways_taken

    ref = resolve_encoder(encoder)
    origin: Artefact | None = None
    if ref.sort == "artefact" and ref.path is not None:
        origin = open_artefact(ref.path, exact=True)
    parts = [part_of(options, task) for task in split_list(options.task or "", "--task")]
    usual = usual_pooling(ref, origin)
    encoding = encoding_of(options, usual)
    where = encoding["device"]
    plan = _plan(options, encoder, ref, origin, parts, usual, encoding)
    if options.dry_run:
        print_plan(plan, options.runs, force=options.force)
        return None
    with claim(plan, options.runs, force=options.force) as work:
        if work.done is not None:
            return say_done(work.done)
        cells: list[Cell] = []
        sweeps: list[LayerSweep] = []
        with device.hold(where or device.pick(), share=options.share_device):
            loaded = load_encoder(ref)
            for part in parts:
                found, sweep = evaluate_part(options, loaded, part, usual, encoding)
                cells += found
                sweeps += [sweep] if sweep else []
        results = write_results(cells, work.directory)
        results["encoding"] = ways_taken(loaded)
        if sweeps:
            results["layers"] = write_sweeps(sweeps, work.directory)
        about = {
            "device": device.describe(),
            "precision": encoding["precision"],
            "threads": torch.get_num_threads(),
        }
        return show_scores(work.publish(results, **about).path)


def _plan(
    options: RetrieveOptions,
    encoder: str,
    ref: "EncoderRef",
    origin: "Artefact | None",
    parts: "Sequence[Part]",
    usual: "Pooling",
    encoding: "LayersOptions",
) -> "Plan":
    import dataclasses

    from xlit.artefacts.store import Plan
    from xlit.evaluation.bitext import tuning_split
    from xlit.evaluation.languages import spoken
    from xlit.retrieval.search import is_exact

    splits = [split for part in parts for split in part.splits]
    dev = [split for part in parts if part.development for split in part.development.splits]
    layers = layers_asked(options.layer)
    settings: dict[str, Any] = {
        "cells": [[split.card.name, split.split, split.language] for split in splits],
        "layer": layers if several(layers) else one_layer(layers, usual),
        **{key: value for key, value in encoding.items() if key != "device"},
        "center": options.center,
        "cards": [part.card.meaning() for part in parts],
    }
    if several(layers):
        settings["dev"] = [[split.card.name, split.split, split.language] for split in dev]
        settings["usual_layer"] = usual.layer  # what is reported where there is no dev language
    if options.metric != "card":
        settings["metric"] = options.metric
    if not is_exact(options.index):  # the exact ones give the same neighbours
        settings["index"] = options.index
    if any(part.card.kind == "bitext" for part in parts):
        settings |= {"k": options.k, "margin": options.margin}
    if any(part.card.metric == "bucc" for part in parts):  # accuracy keeps no pairs
        settings["retrieval"] = options.retrieval
    if origin is None:
        settings["encoder"] = ref.identity
    tuning = [found for found in map(tuning_split, splits) if found is not None]
    records = {
        (split.card.name, split.split, split.language): split for split in splits + tuning + dev
    }
    resolved = dataclasses.replace(
        options, precision=encoding["precision"], lang=spoken(splits, options.lang)
    )
    return Plan(
        sort="scores",
        stage="retrieve",
        revision=REVISION,
        name=options.name or (origin.manifest.name if origin else short_name(ref.name)),
        settings=settings,
        changed={
            **({} if origin else {"encoder": short_name(ref.name)}),
            **changed(options, ["encoders"]),
        },
        command=(
            "retrieve",
            "{parent:encoder}" if origin else encoder,
            *arguments_of(resolved),
        ),
        parents=(("encoder", origin),) if origin else (),
        data=tuple(
            {**split.record.as_json(), "licence": split.card.licence} for split in records.values()
        ),
    )


def run(options: RetrieveOptions) -> None:
    if not options.source:
        print_paths(retrieve(options))
    elif options.keep:
        print_paths(path for path in [keep(options, REVISION)] if path is not None)
    else:
        for lines in mine(options):
            print_line(lines)
