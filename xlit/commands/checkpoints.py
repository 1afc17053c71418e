"""What `train-intermediate` and `train-target` share: their flags, and making one checkpoint."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from xlit import console
from xlit.commands.flags import NamedStageOptions, arguments_of, changed, flag
from xlit.commands.running import print_plan, say_done, short_name
from xlit.errors import UsageError

if TYPE_CHECKING:
    from xlit.artefacts.store import Artefact, Plan
    from xlit.models.encoders import EncoderRef
    from xlit.tasks.card import Card
    from xlit.tasks.recipes import Recipe
    from xlit.tasks.sources import Split

# an encoder of up to this many parameters learns with the recipe `small`, a larger one with `jiant`
SMALL_PARAMETERS = 150_000_000


@dataclass(frozen=True, kw_only=True)
class TrainOptions(NamedStageOptions):
    """The flags of both training stages. A flag given overrides the recipe."""

    from_: str | None = flag(
        None,
        "The encoder: a bundled name (e5-small), a directory, a checkpoint, or a hub id."
        " Read from stdin if not given.",
        "--from",
    )
    recipe: Literal["auto", "small", "jiant", "xtreme"] = flag(
        "auto",
        "Named hyper-parameters; auto takes small up to 150 million parameters and jiant above.",
        panel="Training",
    )
    epochs: float | None = flag(None, "Passes over the training rows.", panel="Training")
    lr: float | None = flag(None, "Peak learning rate.", panel="Training")
    batch_size: int | None = flag(None, "Rows an optimiser step.", panel="Training")
    max_length: int | None = flag(None, "Tokens a sequence is cut to.", panel="Training")
    freeze: Literal["none", "embeddings"] | None = flag(
        None, "What is not trained: nothing, or the word embeddings.", panel="Training"
    )
    limit: int | None = flag(
        None,
        "Train on this many rows, as subsample --size N --seed 0 picks them.",
        panel="Training",
    )
    seed: int = flag(0, "Seed of the new head, the batches and dropout.", panel="Training")
    precision: Literal["auto", "bf16", "float32"] = flag(
        "auto", "auto is bf16 where the processor or GPU has it.", panel="Training"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        for option in ("epochs", "lr", "batch_size", "max_length", "limit"):
            value = getattr(self, option)
            if value is not None and not 0 < value < math.inf:
                raise UsageError(f"--{option.replace('_', '-')} {value}: not a number above 0")
        if not 0 <= self.seed < 2**32:
            raise UsageError(f"--seed {self.seed}: not a whole number from 0 to 2^32 - 1")


@dataclass(frozen=True)
class TrainInput:
    """One task of a run: the card whose head is trained, its rows, and where they come from."""

    card: "Card"
    train: "Split"
    dev: "Split"
    parent: "Artefact | None" = None
    typed: str = ""


def load_input(options: TrainOptions, name: str, card: "Card | None" = None) -> TrainInput:
    """A task's training and dev rows: of a card by name or path, or of a data artefact.

    `card` is the target card when the rows belong to the task it trains on.
    """
    import dataclasses

    from xlit.commands.running import input_artefact, names_an_artefact
    from xlit.tasks.card import find_card
    from xlit.tasks.rows import digest, has_gold
    from xlit.tasks.sources import load_split
    from xlit.tasks.stored import load_stored
    from xlit.tasks.subsets import subset

    parent = None
    if names_an_artefact(name):
        parent = input_artefact(name, "data")
        train = load_stored(parent.path)
    else:
        source = find_card(name)
        train = load_split(source, "train", source.train_language)
    for note in train.record.notes:
        console.notice(f"{train.card.name} {train.split}: {note}")
    if options.limit is not None and options.limit < len(train.rows):
        chosen = subset(train.rows, train.card, options.limit, 0)
        rows = tuple(train.rows[index] for index in chosen)
        record = dataclasses.replace(
            train.record,
            rows=len(rows),
            digest=digest(rows, about=(train.card.kind, *train.card.labels)),
        )
        train = dataclasses.replace(train, rows=rows, record=record)
    if train.split in ("dev", train.card.evaluate, (card or train.card).evaluate):
        raise UsageError(
            f"{train.card.name}: its {train.split} split measures what is trained and cannot be"
            " trained on",
            hint="a card of one's own can carve splits",
        )
    if options.limit is not None and options.limit > len(train.rows):
        console.notice(f"{train.card.name}: --limit {options.limit}, {len(train.rows)} rows here")
    dev = load_split(train.card, "dev", train.card.train_language)
    with_gold = tuple(row for row in dev.rows if has_gold(row))
    if len(with_gold) < len(dev.rows):
        console.notice(f"{train.card.name} dev: {len(dev.rows) - len(with_gold)} rows without gold")
        dev = dataclasses.replace(dev, rows=with_gold)
    head = card or train.card
    if head.kind != train.card.kind or set(head.labels) != set(train.card.labels):
        raise UsageError(
            f"{head.name} cannot be trained on {train.card.name}: "
            f"{head.kind} {list(head.labels)} against {train.card.kind} {list(train.card.labels)}"
        )
    return TrainInput(card=head, train=train, dev=dev, parent=parent, typed=name)


def make_checkpoint(
    options: TrainOptions,
    *,
    stage: Literal["train-intermediate", "train-target"],
    revision: int,
    inputs: Sequence[TrainInput],
    encoder: str,
    positional: Sequence[str],
) -> Path | None:
    """Train one head a task on an encoder and publish the checkpoint; None for a dry run."""
    import dataclasses

    import torch

    from xlit import device
    from xlit.artefacts.store import Plan, claim, open_artefact
    from xlit.models.encoders import count_parameters, resolve_encoder

    ref = resolve_encoder(encoder)
    origin = open_artefact(ref.path) if ref.sort == "artefact" and ref.path else None
    named = options.recipe
    if named == "auto":
        named = "small" if count_parameters(ref) <= SMALL_PARAMETERS else "jiant"
    recipes = _one_recipe([_recipe(options, entry, named) for entry in inputs], inputs)
    where = device.pick()
    precision = device.precision(options.precision, where)
    settings: dict[str, Any] = {
        "tasks": [entry.card.name for entry in inputs],
        "trained_on": [entry.train.card.name for entry in inputs],
        "kinds": [entry.card.kind for entry in inputs],
        "labels": [list(entry.card.labels) for entry in inputs],
        "cards": [[entry.card.meaning(), entry.train.card.meaning()] for entry in inputs],
        "recipes": [recipe.as_json() for recipe in recipes],
        "seed": options.seed,
        "precision": precision,
    }
    if origin is None:
        settings["encoder"] = ref.identity
    parents: list[tuple[str, Artefact]] = [("encoder", origin)] if origin else []
    parents += [(f"data{i}", e.parent) for i, e in enumerate(inputs) if e.parent is not None]
    # resolved, so that the command makes the same on another machine too
    options = dataclasses.replace(options, recipe=named, precision=precision)
    own = changed(options, ["task", "tasks", "data", "recipe", "precision"])
    plan = Plan(
        sort="checkpoint",
        stage=stage,
        revision=revision,
        name=options.name or "+".join(entry.card.name for entry in inputs),
        settings=settings,
        changed={
            "tasks": settings["tasks"],
            "trained_on": settings["trained_on"],
            **({} if origin else {"encoder": short_name(ref.name)}),
            **{key: value for key, value in own.items() if key != "from"},
        },
        command=(
            stage,
            *positional,
            "--from",
            "{parent:encoder}" if origin else encoder,
            *_without_from(arguments_of(options, ["task", "tasks", "data"])),
        ),
        parents=tuple(parents),
        data=tuple(
            {**split.record.as_json(), "use": use, "licence": split.card.licence}
            for entry in inputs
            for use, split in (("train", entry.train), ("dev", entry.dev))
        ),
    )
    if options.dry_run:
        print_plan(plan, options.runs, force=options.force)
        return None
    with claim(plan, options.runs, force=options.force) as work:
        if work.done is not None:
            return say_done(work.done)
        with device.hold(where, share=options.share_device):
            results = _train_into(
                work.directory, plan, ref, inputs, recipes, options.seed, precision
            )
        threads = torch.get_num_threads()
        about = {"device": device.describe(where), "precision": precision, "threads": threads}
        return work.publish(results, **about).path


def _without_from(tokens: list[str]) -> list[str]:
    if "--from" not in tokens:
        return tokens
    at = tokens.index("--from")
    return tokens[:at] + tokens[at + 2 :]


def _recipe(options: TrainOptions, entry: TrainInput, named: str) -> "Recipe":
    """The named recipe of the card whose head is trained, with the flags over it."""
    import dataclasses

    from xlit.tasks.recipes import recipe_for

    recipe = recipe_for(entry.card, named)
    over: dict[str, Any] = {
        "epochs": options.epochs,
        "learning_rate": options.lr,
        "batch_size": options.batch_size,
        "max_length": options.max_length,
        "freeze": options.freeze,
        # who names a number of passes means it
        "min_steps": None if options.epochs is None else 0,
    }
    return dataclasses.replace(recipe, **{k: v for k, v in over.items() if v is not None})


def _one_recipe(recipes: "list[Recipe]", inputs: Sequence[TrainInput]) -> "list[Recipe]":
    """One run has one optimiser: the first task's recipe, each task with its own lengths.

    Raises UsageError where tasks differ in what a flag could settle.
    """
    import dataclasses

    first = recipes[0]
    flags = {"learning_rate": "--lr", "epochs": "--epochs", "batch_size": "--batch-size"}
    for recipe, entry in zip(recipes[1:], inputs[1:], strict=True):
        for key, flag_name in flags.items():
            ours, theirs = getattr(first, key), getattr(recipe, key)
            if ours != theirs:
                raise UsageError(
                    f"{inputs[0].card.name} and {entry.card.name} have different recipes:"
                    f" {key} {ours:g} and {theirs:g}",
                    hint=f"give {flag_name}",
                )
    return [
        dataclasses.replace(
            first,
            max_length=recipe.max_length,
            stride=recipe.stride,
            question_length=recipe.question_length,
        )
        for recipe in recipes
    ]


def _train_into(
    directory: Path,
    plan: "Plan",
    ref: "EncoderRef",
    inputs: Sequence[TrainInput],
    recipes: Sequence["Recipe"],
    seed: int,
    precision: Literal["bf16", "float32"],
) -> dict[str, Any]:
    """Train, and write the checkpoint's files into `directory`; gives the manifest's results."""
    from xlit import device
    from xlit.kinds.kind import FeatureOptions
    from xlit.kinds.registry import find_kind
    from xlit.models.encoders import load_with_head
    from xlit.models.interchange import write_sentence_transformers
    from xlit.models.multitask import save_multi, save_single, share_encoder
    from xlit.models.pooling import pooling_of
    from xlit.tasks.subsets import subset
    from xlit.training.loop import Settings, TrainTask, train
    from xlit.training.readme import model_card

    models: dict[str, Any] = {}
    loading: dict[str, dict[str, Any]] = {}
    tasks = []
    tokenizer: Any = None
    for entry, recipe in zip(inputs, recipes, strict=True):
        kind = find_kind(entry.card.kind)
        loaded = load_with_head(
            ref, kind.auto_class, config=kind.head(entry.card.labels), seed=seed
        )
        console.notice(loaded.report.line())
        loading[entry.card.name] = {
            "loaded": loaded.report.loaded,
            "new": list(loaded.report.new),
            "dropped": list(loaded.report.dropped),
        }
        tokenizer = loaded.tokenizer
        models[entry.card.name] = loaded.model
        dev = entry.dev.rows
        if len(dev) > recipe.eval_rows:
            dev = tuple(dev[i] for i in subset(dev, entry.dev.card, recipe.eval_rows, 0))
        tasks.append(
            TrainTask(
                card=entry.card,
                kind=kind,
                rows=entry.train.rows,
                dev=dev,
                options=FeatureOptions(
                    max_length=recipe.max_length,
                    stride=recipe.stride,
                    question_length=recipe.question_length,
                    labels=entry.card.labels,
                ),
                model=loaded.model,
            )
        )
    if len(models) > 1:
        share_encoder(models)
    where = device.pick()
    settings = Settings(recipe=recipes[0], seed=seed, precision=precision, where=where)
    result = train(tasks, tokenizer, settings, directory / "log.jsonl")
    for model in models.values():
        model.to("cpu")
    if len(models) == 1:
        save_single(next(iter(models.values())), tokenizer, directory)
    else:
        save_multi(models, tokenizer, directory)
    config = next(iter(models.values())).config
    base = next((p.manifest.encoder for _, p in plan.parents if p.manifest.encoder), None)
    write_sentence_transformers(
        directory,
        pooling=pooling_of(base or str(plan.changed.get("encoder", ""))).how,
        hidden_size=config.hidden_size,
        max_length=min(512, tokenizer.model_max_length),
    )
    for entry in inputs:
        cards = directory / "cards"
        cards.mkdir(exist_ok=True)
        (cards / f"{entry.card.name}.toml").write_text(entry.card.toml(), encoding="utf-8")
    (directory / "README.md").write_text(
        model_card(plan, [entry.card for entry in inputs], result.outcomes), encoding="utf-8"
    )
    for outcome in result.outcomes:
        if outcome.degenerate:
            console.always(
                f"degenerate: {outcome.task} dev {outcome.score:.1f} "
                f"against a floor of {outcome.floor:.1f} (+- {outcome.error:.1f})"
            )
    return {
        "dev": {outcome.task: outcome.as_json() for outcome in result.outcomes},
        "degenerate": any(outcome.degenerate for outcome in result.outcomes),
        "steps": result.steps,
        "best_step": result.best_step,
        "loss": result.loss,
        "seen": result.seen,
        "tensors": loading,
        "examples_per_second": round(result.examples_per_second, 2),
    }
