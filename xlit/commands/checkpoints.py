"""What `train-intermediate` and `train-target` share: their flags, and making one checkpoint."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from xlit.commands.flags import NamedStageOptions, arguments_of, changed, flag
from xlit.commands.running import print_plan, say_done, short_name
from xlit.commands.together import claimed, held, publish
from xlit.errors import UsageError
from xlit.tasks.freeze import canonical_freeze, parse_freeze
from xlit.training.inputs import TrainInput
from xlit.training.interval import Saving, parse_interval
from xlit.training.tracking import FOLDER, TrackedRun, Trackers, tracker_names

if TYPE_CHECKING:
    from xlit.artefacts.store import Artefact, Plan
    from xlit.kinds.feature_cache import FeatureCache
    from xlit.tasks.recipes import Recipe
    from xlit.training.mixing import Mix
    from xlit.training.processes import Processes

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
    patience: int | None = flag(
        None,
        "Stop after this many evaluations on dev without a better mean of the tasks' scores.",
        panel="Training",
    )
    eval_every: int | None = flag(
        None, "Steps between evaluations on dev, which choose the checkpoint.", panel="Training"
    )
    freeze: str | None = flag(
        None,
        "What is not trained: none, embeddings (the word table), layers counted from 0 (0-5,8), or"
        " both (embeddings,0-5).",
        panel="Training",
    )
    vocabulary: Literal["auto", "compact", "full"] = flag(
        "auto",
        "Word embeddings held while training: those that the data can reach, which changes no"
        " number, or all. auto is compact wherever that is exact.",
        panel="Training",
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
    packing: Literal["auto", "off"] = flag(
        "auto",
        "auto computes nothing on padding, on a CPU and where a model's outputs stay the same.",
        panel="Training",
    )
    cache: str | None = flag(
        None,
        "Folder of features that are kept between runs, RUNS/.cache if not given; none keeps none.",
        panel="Running",
    )
    save_every: str = flag(
        "10m",
        "Save what the same command goes on from: every so many steps (500), or 90s, 10m, 2h.",
        panel="Running",
    )
    track: str | None = flag(
        None,
        "Also send the log to tensorboard (files below RUNS/.track), wandb, or both with a comma.",
        panel="Running",
    )
    gradient_checkpointing: bool = flag(
        False,
        "Compute activations again instead of keeping them: a third slower, in much less memory.",
        panel="Running",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        parse_interval(self.save_every, "--save-every")
        positive = (
            *("epochs", "lr", "batch_size", "max_length", "limit"),
            *("patience", "eval_every"),
        )
        for option in positive:
            value = getattr(self, option)
            if value is not None and not 0 < value < math.inf:
                raise UsageError(f"--{option.replace('_', '-')} {value}: not a number above 0")
        if self.freeze is not None:
            try:
                parse_freeze(self.freeze)
            except ValueError as error:
                raise UsageError(f"--freeze {self.freeze}: {error}") from error
        if not 0 <= self.seed < 2**32:
            raise UsageError(f"--seed {self.seed}: not a whole number from 0 to 2^32 - 1")
        if self.track is not None:
            tracker_names(self.track)


def make_checkpoint(
    options: TrainOptions,
    *,
    stage: Literal["train-intermediate", "train-target"],
    revision: int,
    inputs: Sequence[TrainInput],
    encoder: str,
    positional: Sequence[str],
    processes: "Processes",
    mix: "Mix | None" = None,
    share_heads: bool = False,
) -> Path | None:
    """Train one head a task on an encoder and publish the checkpoint; None for a dry run.

    `mix` is given where there are several tasks.
    """
    import dataclasses

    import torch

    from xlit import device
    from xlit.artefacts.store import Plan, open_artefact
    from xlit.kinds.registry import find_kind
    from xlit.models.encoders import count_layers, count_parameters, resolve_encoder
    from xlit.training.agreement import agree, head_owners, shared_heads
    from xlit.training.checkpoint import TaskPlan, train_checkpoint
    from xlit.training.mixing import Mix
    from xlit.training.task import Settings

    if options.vocabulary == "compact" and any(entry.card.kind == "mlm" for entry in inputs):
        raise UsageError(
            "--vocabulary compact: the head of masked LM has an output for every piece",
            hint="leave it out",
        )
    ref = resolve_encoder(encoder)
    origin = open_artefact(ref.path, exact=True) if ref.sort == "artefact" and ref.path else None
    named = options.recipe
    if named == "auto":
        named = "small" if count_parameters(ref) <= SMALL_PARAMETERS else "jiant"
    cards = [entry.card for entry in inputs]
    recipes = agree([_recipe(options, entry, named) for entry in inputs], cards)
    frozen = parse_freeze(recipes[0].freeze)
    if frozen.layers:
        frozen.check(count_layers(ref))
    owners = head_owners(cards, share=share_heads)
    where = device.pick()
    precision = device.precision(options.precision, where)
    settings: dict[str, Any] = {
        "tasks": [entry.card.name for entry in inputs],
        "trained_on": [entry.train.card.name for entry in inputs],
        "kinds": [entry.card.kind for entry in inputs],
        # in the order of the head's outputs
        "labels": [list(cards[owner].labels) for owner in owners],
        "cards": [[entry.card.meaning(), entry.train.card.meaning()] for entry in inputs],
        "recipes": [recipe.as_json() for recipe in recipes],
        "seed": options.seed,
        "precision": precision,
        # dropout's numbers differ with it; on a GPU batches are padded
        "packing": options.packing if where.type == "cpu" else "off",
        "vocabulary": options.vocabulary,
    }
    if mix is not None:
        settings["mixing"] = mix.as_json()
    if processes.size > 1:
        settings["processes"] = processes.size
        for card in cards:
            if find_kind(card.kind).whole_batch:
                raise UsageError(
                    f"{card.name}: a batch of {card.kind} cannot be spread over processes",
                    hint="run it without torchrun",
                )
    if share_heads:
        settings["shared_heads"] = shared_heads(owners, cards)
    if origin is None:
        settings["encoder"] = ref.identity
    parents: list[tuple[str, Artefact]] = [("encoder", origin)] if origin else []
    parents += [(f"data{i}", e.parent) for i, e in enumerate(inputs) if e.parent is not None]
    # resolved, so that the command makes the same on another machine too
    options = dataclasses.replace(options, recipe=named, precision=precision)
    own = changed(options, ["task", "tasks", "data", "recipe", "precision", "with_mlm"])
    texts = [record.language for entry in inputs for record in entry.texts]
    if texts:  # where they lie is told by `command`
        own["with_mlm"] = texts
    plan = Plan(
        sort="checkpoint",
        stage=stage,
        revision=revision,
        name=options.name or "+".join(entry.card.name for entry in inputs),
        settings=settings,
        changed={
            "tasks": settings["tasks"],
            "trained_on": settings["trained_on"],
            "recipe": named,
            **({} if origin else {"encoder": short_name(ref.name)}),
            **{key: value for key, value in own.items() if key != "from"},
        },
        command=(
            stage,
            *positional,
            "--from",
            "{parent:encoder}" if origin else encoder,
            *_without_from(arguments_of(options, ["task", "tasks", "data", "cache"])),
        ),
        parents=tuple(parents),
        data=tuple(
            {**split.record.as_json(), "use": use, "licence": split.card.licence}
            for entry in inputs
            for use, split in (("train", entry.train), ("dev", entry.dev))
        )
        + tuple(
            {**record.as_json(), "use": "text", "licence": entry.card.licence}
            for entry in inputs
            for record in entry.texts
        ),
    )
    if options.dry_run:
        print_plan(plan, options.runs, force=options.force)
        return None
    with claimed(processes, plan, options.runs, force=options.force, saves=True) as work:
        if work.done:
            return say_done(work)
        with held(processes, where, share=options.share_device):
            results = train_checkpoint(
                work.directory,
                plan,
                ref,
                [TaskPlan(*of) for of in zip(inputs, recipes, owners, strict=True)],
                Settings(
                    options.seed,
                    precision,
                    where,
                    mix or Mix(),
                    packing=options.packing,
                    vocabulary=options.vocabulary,
                    cache=_cache(options),
                    processes=processes,
                    gradient_checkpointing=options.gradient_checkpointing,
                ),
                Saving(work.saves, parse_interval(options.save_every, "--save-every"))
                if work.saves is not None
                else None,
                _trackers(options, plan, work.path.name) if processes.first else Trackers(),
            )
        threads = torch.get_num_threads()
        about = {"device": device.describe(where), "precision": precision, "threads": threads}
        return publish(processes, work, results, **about)


def _cache(options: TrainOptions) -> "FeatureCache":
    from xlit.kinds.feature_cache import FeatureCache

    if options.cache == "none":
        return FeatureCache()
    return FeatureCache(Path(options.cache or options.runs / ".cache") / "features")


def _trackers(options: TrainOptions, plan: "Plan", name: str) -> Trackers:
    """The trackers of the run that makes the artefact `name`: they know it by id and version."""
    if options.track is None:
        return Trackers()
    run = TrackedRun(
        name=name,
        id=name.removeprefix(f"{plan.name}."),
        directory=options.runs / FOLDER / name,
        about={"stage": plan.stage, **plan.changed, "settings": dict(plan.settings)},
    )
    return Trackers(tracker_names(options.track), run)


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
        "freeze": None if options.freeze is None else canonical_freeze(options.freeze),
        "patience": options.patience,
        "eval_every": options.eval_every,
        # who names a patience means the best and not the last
        "keep": None if options.patience is None else "best",
        # who names a number of passes means it
        "min_steps": None if options.epochs is None else 0,
    }
    return dataclasses.replace(recipe, **{k: v for k, v in over.items() if v is not None})
