"""Encode sentences to vectors, in shards that are mapped into memory.

xlit encode e5-small --text de.txt.gz
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from xlit.commands.encoding import encoding_of, layers_asked, one_layer, several, usual_pooling
from xlit.commands.flags import NamedStageOptions, argument, arguments_of, changed, flag
from xlit.commands.running import (
    each_of,
    named_or_piped,
    print_paths,
    print_plan,
    say_done,
    short_name,
)
from xlit.commands.sources import Source, sources_of
from xlit.errors import UsageError
from xlit.retrieval.parts import Part, part_from

if TYPE_CHECKING:
    from xlit.artefacts.store import Artefact, Plan
    from xlit.models.encoders import EncoderRef, Loaded
    from xlit.models.pooling import Pooling
    from xlit.retrieval.encode import LayersOptions

REVISION = 1
EXAMPLES = (
    "xlit encode e5-small --text de.txt.gz",
    "zcat corpus-*.gz | xlit encode e5-small --dtype float16 --name corpus",
    "xlit encode e5-small --text corpus.txt --shard 3/8",
    "xlit encode e5-small --task tatoeba --lang de,sw --layer 6,9,12",
    "ls -d runs/checkpoint/* | xlit encode --text de.txt",
)


@dataclass(frozen=True, kw_only=True)
class EncodeOptions(NamedStageOptions):
    """Encode the lines of a text, or the sides of a task, with an encoder: one artefact a side."""

    encoders: list[str] = argument(
        list,
        "Encoders: bundled names, directories, checkpoints, hub ids. Read from stdin if not given.",
        metavar="[ENCODER...]",
    )
    text: Path | None = flag(
        None,
        "A text, one sentence a line, plain or .gz; - is stdin, which is read if nothing is given.",
    )
    task: str | None = flag(None, "A task, a card (./my.toml) or a data artefact.")
    lang: str = flag(
        "all", "Of a task: languages, separated by commas; all is every one whose data is here."
    )
    split: str | None = flag(
        None, "Of a task: the split; the one that the card names if not given."
    )
    side: str = flag("all", "Of a task: source, target, query, candidate, text or pair; or all.")
    prefix: str = flag("", "Put before every sentence, as in --prefix 'query: '.", panel="Vectors")
    layer: str | None = flag(
        None,
        "Hidden state, 0 the embeddings, -1 the last; all or 6,9,12 stores several;"
        " by encoder if not given.",
        panel="Vectors",
    )
    pooling: Literal["auto", "mean", "cls", "mean-no-special"] = flag(
        "auto",
        "How tokens become a vector; mean has the special tokens in it; auto is by encoder.",
        panel="Vectors",
    )
    center: bool = flag(
        False, "Take the mean of all vectors off each: the cheap control.", panel="Vectors"
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
    dtype: Literal["float32", "float16"] = flag(
        "float32", "What vectors are stored as; float16 takes half the room.", panel="Storage"
    )
    shard_rows: int = flag(
        50_000, "Rows of a shard: what a killed run loses at most.", panel="Storage"
    )
    shard: str = flag(
        "1/1", "Encode part i of n, as in 3/8: one artefact a worker.", panel="Storage"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.text is not None and self.task is not None:
            raise UsageError("give either --text or --task")
        named = bool(self.encoders) and "-" not in self.encoders
        if self.text is None and self.task is None and not named:
            raise UsageError(
                "what is to be encoded? --text FILE, or --task",
                hint="stdin is read for the text where an encoder is named",
            )
        if str(self.text) == "-" and not named:
            raise UsageError("stdin is the text here: name the encoder")
        if self.task is None:
            for name in ("lang", "split", "side"):
                if getattr(self, name) not in ("all", None):
                    raise UsageError(f"--{name} is for a task, and a text has none")
        if self.max_length < 3:
            raise UsageError(f"--max-length {self.max_length}: at least 3")
        if self.shard_rows < 1:
            raise UsageError(f"--shard-rows {self.shard_rows}: at least 1")
        layers_asked(self.layer)
        if self.part().of > 1 and self.center:
            raise UsageError(
                "--center needs the mean of the whole side, which no part has",
                hint="leave --shard out",
            )

    def part(self) -> Part:
        return part_from(self.shard)


def encode(options: EncodeOptions) -> Iterator[Path]:
    """The vectors artefacts: of every encoder one a text, or one a language and side of a task."""
    encoders = iter(named_or_piped(options.encoders, "an encoder"))
    first = next(encoders)
    # read once: of a pipe that fails on the way, the next encoder would get what is left
    sources = sources_of(options)
    yield from each_of(lambda encoder: _encoded(encoder, sources), chain([first], encoders))


def _encoded(encoder: str, sources: list[Source]) -> Iterator[Path]:
    """The artefacts of one encoder, which is loaded when the first of them is to be made."""
    from functools import cache

    from xlit.artefacts.store import open_artefact
    from xlit.models.encoders import load_encoder, resolve_encoder

    ref = resolve_encoder(encoder)
    origin: Artefact | None = None
    if ref.sort == "artefact" and ref.path is not None:
        origin = open_artefact(ref.path, exact=True)
    usual = usual_pooling(ref, origin)
    load = cache(lambda: load_encoder(ref))
    for source in sources:
        encoding = encoding_of(source.options, usual)
        plan = _plan(source, encoder, ref, origin, usual, encoding, alone=len(sources) == 1)
        if source.options.dry_run:
            print_plan(plan, source.options.runs, force=source.options.force)
        else:
            yield _made(source, plan, usual, encoding, load)


def _made(
    source: Source,
    plan: "Plan",
    usual: "Pooling",
    encoding: "LayersOptions",
    load: "Callable[[], Loaded]",
) -> Path:
    import numpy as np
    import torch

    from xlit import device
    from xlit.artefacts.store import claim
    from xlit.models.inference import way_for
    from xlit.retrieval.encode import layer_count
    from xlit.retrieval.layers import layers_of
    from xlit.retrieval.storing import Storage, encode_shards

    options = source.options
    with claim(plan, options.runs, force=options.force, saves=True) as work:
        if work.done is not None:
            return say_done(work.done)
        assert work.saves is not None
        storage = Storage(
            directory=work.directory,
            saves=work.saves,
            rows=_rows(source),
            shard_rows=options.shard_rows,
            dtype=np.dtype(options.dtype),
            center=options.center,
        )
        where = encoding["device"] or device.pick()
        with device.hold(where, share=options.share_device):
            loaded = load()
            asked = layers_asked(options.layer) or [one_layer(None, usual)]
            layers = layers_of(loaded, asked)
            # here, because it is told also where all shards are there
            way = way_for(loaded, where, encoding["precision"], encoding["packing"])
            blank = encode_shards(loaded, source.texts, layers, storage, **encoding)
        results = {
            "rows": len(storage.rows),
            "blank": blank,
            "first_row": storage.rows.start,
            "width": int(loaded.model.config.hidden_size),
            "stored_layers": layers,
            "encoder_layers": layer_count(loaded),
            "encoding": {way.how: way.reason},
        }
        about = {
            "device": device.describe(where),
            "precision": encoding["precision"],
            "threads": torch.get_num_threads(),
        }
        return work.publish(results, **about).path


def _rows(source: Source) -> range:
    """The rows of the text that are encoded. Raises UsageError where a part has none."""
    total = source.texts.survey.rows
    rows = source.options.part().rows(total)
    if not rows:
        raise UsageError(f"--shard {source.options.shard}: there are only {total} rows")
    return rows


def _plan(
    source: Source,
    encoder: str,
    ref: "EncoderRef",
    origin: "Artefact | None",
    usual: "Pooling",
    encoding: "LayersOptions",
    *,
    alone: bool,
) -> "Plan":
    from xlit.artefacts.store import Plan

    _rows(source)
    options = source.options
    layers = layers_asked(options.layer)
    settings: dict[str, Any] = {
        "layer": layers if several(layers) else one_layer(layers, usual),
        **{key: value for key, value in encoding.items() if key != "device"},
        "center": options.center,
        "dtype": options.dtype,
        "shard": str(options.part()),
        "shard_rows": options.shard_rows,
        **source.settings,
    }
    if origin is None:
        settings["encoder"] = ref.identity
    parents = (("encoder", origin), ("data", source.parent))
    resolved = replace(options, precision=encoding["precision"])
    if source.parent is not None:
        resolved = replace(resolved, task="{parent:data}")
    return Plan(
        sort="vectors",
        stage="encode",
        revision=REVISION,
        name=_name(source, origin.manifest.name if origin else short_name(ref.name), alone=alone),
        settings=settings,
        changed={
            **({} if origin else {"encoder": short_name(ref.name)}),
            **changed(options, ["encoders"]),
        },
        command=("encode", "{parent:encoder}" if origin else encoder, *arguments_of(resolved)),
        parents=tuple((role, parent) for role, parent in parents if parent is not None),
        data=(source.data,),
    )


def _name(source: Source, encoder: str, *, alone: bool) -> str:
    """The encoder and the text; a name that was given, with the side where there are several."""
    options, part = source.options, source.options.part()
    if options.name is not None and alone:
        return options.name
    place = f"-{part.number}of{part.of}" if part.of > 1 else ""
    return f"{options.name or encoder}-{source.name}{place}"


def run(options: EncodeOptions) -> None:
    print_paths(encode(options))
