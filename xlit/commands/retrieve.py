"""Retrieve translations with an encoder: Tatoeba, BUCC, or one's own sentences.

xlit retrieve e5-small --source de.txt --target en.txt | sort -k1,1nr | head
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from xlit.commands.drawing import show_scores
from xlit.commands.flags import NamedStageOptions, argument, arguments_of, changed, flag
from xlit.commands.running import (
    each_input,
    languages,
    print_line,
    print_paths,
    print_plan,
    say_done,
    short_name,
    split_list,
)
from xlit.errors import InputError, MissingError, UsageError

if TYPE_CHECKING:
    from xlit.artefacts.store import Artefact
    from xlit.models.encoders import EncoderRef
    from xlit.retrieval.encode import EncodeOptions

REVISION = 1
EXAMPLES = (
    "xlit retrieve e5-small --task tatoeba --lang de,sw | xlit report",
    "xlit retrieve runs/checkpoint/mnli.3fa9c1d07b2e --task bucc --lang zh",
    "xlit retrieve e5-small --source de.txt --target en.txt | sort -k1,1nr | head",
)


@dataclass(frozen=True, kw_only=True)
class RetrieveOptions(NamedStageOptions):
    """Retrieve translations: score an encoder on a bitext task, or mine one's own sentences."""

    encoders: list[str] = argument(
        list,
        "Encoders: bundled names, directories, checkpoints, hub ids. Read from stdin if not given.",
        metavar="[ENCODER...]",
    )
    task: str | None = flag(None, "Bitext tasks or cards, separated by commas.")
    lang: str = flag("all", "Languages, separated by commas; all is every one whose data is here.")
    split: str | None = flag(None, "The split; the one that the card names if not given.")
    source: Path | None = flag(None, "Mine: a text file, one sentence a line; - is stdin.")
    target: Path | None = flag(None, "Mine: the text file of the other side.")
    prefix: str = flag("", "Put before every sentence, as in --prefix 'query: '.", panel="Vectors")
    layer: int | None = flag(
        None,
        "Hidden state, 0 the embeddings, -1 the last; by encoder if not given.",
        panel="Vectors",
    )
    pooling: Literal["auto", "mean", "cls"] = flag(
        "auto", "How tokens become a vector; auto is by encoder.", panel="Vectors"
    )
    max_length: int = flag(512, "Tokens a sentence is cut to.", panel="Vectors")
    precision: Literal["auto", "bf16", "float32"] = flag(
        "float32", "float32 is exact; bf16 is faster.", panel="Vectors"
    )
    k: int = flag(4, "Neighbours of the margin.", panel="Mining")
    margin: Literal["ratio", "distance", "absolute"] = flag(
        "ratio", "How a pair is scored against its neighbours.", panel="Mining"
    )
    retrieval: Literal["max", "intersect", "forward", "backward"] = flag(
        "max", "Which pairs are kept; max is one-to-one.", panel="Mining"
    )
    threshold: float | None = flag(None, "Mine: keep pairs that score above this.", panel="Mining")

    def __post_init__(self) -> None:
        super().__post_init__()
        if (self.source is None) != (self.target is None):
            raise UsageError("--source and --target go together")
        if (self.task is None) == (self.source is None):
            raise UsageError(
                "give either --task or --source and --target",
                hint="--task tatoeba, for example",
            )
        if self.source is not None:
            self._check_mining()
        elif self.threshold is not None:
            raise UsageError("--threshold is for mining; a task's threshold is fitted")
        if self.k < 1:
            raise UsageError(f"--k {self.k}: at least 1")
        if self.max_length < 3:
            raise UsageError(f"--max-length {self.max_length}: at least 3")

    def _check_mining(self) -> None:
        if self.threshold is not None and not math.isfinite(self.threshold):
            raise UsageError(f"--threshold {self.threshold}: not a number")
        if str(self.source) == str(self.target) == "-":
            raise UsageError("only one side can be read from stdin")
        if len(self.encoders) != 1 or self.encoders == ["-"]:
            raise UsageError("mining takes exactly one encoder")
        unused = {
            "--lang": self.lang != "all",
            "--split": self.split is not None,
            "--name": self.name is not None,
            "--force": self.force,
            "--dry-run": self.dry_run,
        }
        for name, given in unused.items():
            if given:
                raise UsageError(f"{name} is for a task: mining prints pairs and makes no artefact")


def retrieve(options: RetrieveOptions) -> Iterator[Path]:
    """The scores artefacts of bitext tasks, one an encoder."""
    yield from each_input(options.encoders, "an encoder", lambda name: _one(options, name))


def _encoding(
    options: RetrieveOptions, ref: "EncoderRef", origin: "Artefact | None" = None
) -> "EncodeOptions":
    from xlit import device
    from xlit.models.pooling import pooling_of

    where = device.pick()
    root = origin.manifest.encoder if origin is not None else None
    known = pooling_of(root or ref.name)
    return {
        "layer": known.layer if options.layer is None else options.layer,
        "pooling": known.how if options.pooling == "auto" else options.pooling,
        "prefix": options.prefix,
        "max_length": options.max_length,
        "device": where,
        "precision": device.precision(options.precision, where),
    }


def _one(options: RetrieveOptions, encoder: str) -> Path | None:
    import dataclasses

    import torch

    from xlit import device
    from xlit.artefacts.store import Plan, claim, open_artefact
    from xlit.evaluation.bitext import evaluate_bitext_cell, tuning_split
    from xlit.evaluation.languages import load_splits, spoken
    from xlit.evaluation.results import write_results
    from xlit.models.encoders import load_encoder, resolve_encoder
    from xlit.tasks.card import find_card

    ref = resolve_encoder(encoder)
    origin: Artefact | None = None
    if ref.sort == "artefact" and ref.path is not None:
        origin = open_artefact(ref.path)
    cards = [find_card(task) for task in split_list(options.task or "", "--task")]
    for card in cards:
        if card.kind != "bitext":
            raise UsageError(
                f"{card.name} is a {card.kind} task", hint="xlit eval-xtreme evaluates it"
            )
    splits = [
        split
        for card in cards
        for split in load_splits(card, languages(options.lang), options.split)
    ]
    tuning = [found for found in map(tuning_split, splits) if found is not None]
    encoding = _encoding(options, ref, origin)
    where = encoding["device"]
    settings: dict[str, Any] = {
        "cells": [[split.card.name, split.split, split.language] for split in splits],
        **{key: value for key, value in encoding.items() if key != "device"},
        "cards": [card.meaning() for card in cards],
    }
    if any(card.metric == "bucc" for card in cards):  # accuracy asks for the nearest alone
        settings |= {"k": options.k, "margin": options.margin, "retrieval": options.retrieval}
    if origin is None:
        settings["encoder"] = ref.identity
    resolved = dataclasses.replace(
        options, precision=encoding["precision"], lang=spoken(splits, options.lang)
    )
    plan = Plan(
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
            {**split.record.as_json(), "licence": split.card.licence} for split in splits + tuning
        ),
    )
    if options.dry_run:
        print_plan(plan, options.runs, force=options.force)
        return None
    with claim(plan, options.runs, force=options.force) as work:
        if work.done is not None:
            return say_done(work.done)
        with device.hold(where or device.pick(), share=options.share_device):
            loaded = load_encoder(ref)
            cells = [
                evaluate_bitext_cell(
                    loaded,
                    split,
                    k=options.k,
                    margin=options.margin,
                    retrieval=options.retrieval,
                    **encoding,
                )
                for split in splits
            ]
        results = write_results(cells, work.directory)
        threads = torch.get_num_threads()
        about = {
            "device": device.describe(),
            "precision": encoding["precision"],
            "threads": threads,
        }
        return show_scores(work.publish(results, **about).path)


def mine(options: RetrieveOptions) -> Iterator[str]:
    """TSV lines of mined pairs, best first: score, source, target."""
    assert options.source is not None and options.target is not None
    sources = read_sentences(options.source, "--source")
    targets = read_sentences(options.target, "--target")

    from xlit import console, device
    from xlit.artefacts.store import open_artefact
    from xlit.models.encoders import load_encoder, resolve_encoder
    from xlit.retrieval.evaluate import mine_texts

    ref = resolve_encoder(options.encoders[0])
    origin = open_artefact(ref.path) if ref.sort == "artefact" and ref.path is not None else None
    encoding = _encoding(options, ref, origin)
    with device.hold(encoding["device"] or device.pick(), share=options.share_device):
        pairs = mine_texts(
            load_encoder(ref),
            sources,
            targets,
            k=options.k,
            margin=options.margin,
            retrieval=options.retrieval,
            threshold=options.threshold,
            **encoding,
        )
    if pairs:
        console.notice(
            f"{len(pairs)} pairs of {len(sources)} x {len(targets)} sentences,"
            f" scores {pairs[-1].score:.4f} to {pairs[0].score:.4f}"
        )
    for pair in pairs:
        yield f"{pair.score:.6f}\t{clean(sources[pair.source])}\t{clean(targets[pair.target])}"


def clean(text: str) -> str:
    """A sentence as one TSV field: a tab in it would begin another."""
    return " ".join(text.split("\t")).strip()


def read_sentences(path: Path, flag_name: str) -> list[str]:
    """The lines of a text file, plain or .gz. Raises MissingError, or InputError with the line."""
    import gzip
    import sys
    import zlib

    try:
        data = sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes()
        if path.suffix == ".gz":
            data = gzip.decompress(data)
    except FileNotFoundError:
        raise MissingError(f"{flag_name} {path}: no such file") from None
    except (EOFError, zlib.error, gzip.BadGzipFile) as problem:
        raise InputError(f"damaged gzip: {problem}", path=path) from None
    except OSError as problem:
        raise InputError(f"cannot be read: {problem.strerror}", path=path) from None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        line = data.count(b"\n", 0, problem.start) + 1
        raise InputError(f"not UTF-8: {problem.reason}", path=path, line=line) from None
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()
    lines = [line.rstrip("\r") for line in lines]
    if not any(line.strip() for line in lines):
        raise InputError("no sentence in it", path=path)
    return lines


def run(options: RetrieveOptions) -> None:
    if options.source is not None:
        for line in mine(options):
            print_line(line)
    else:
        print_paths(retrieve(options))
