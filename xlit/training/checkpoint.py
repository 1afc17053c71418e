"""Train the tasks of a run and write the files of the checkpoint."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xlit import console
from xlit.artefacts.store import Plan
from xlit.kinds.kind import FeatureOptions
from xlit.kinds.registry import find_kind
from xlit.models.activations import recomputed_activations
from xlit.models.encoders import EncoderRef, Loaded, load_with_head
from xlit.models.interchange import USUAL_LENGTH, usual_pooling_of, write_sentence_transformers
from xlit.models.multitask import save, share_encoder
from xlit.models.pooling import TRAINED_TO_RANK
from xlit.tasks.overlap import read_seen, seen_of, write_seen
from xlit.tasks.recipes import Recipe
from xlit.tasks.rows import Row
from xlit.tasks.subsets import subset
from xlit.training.inputs import TrainInput
from xlit.training.interval import Saving
from xlit.training.kernels import fast_layers
from xlit.training.loop import Result, train
from xlit.training.mixing import languages_seen
from xlit.training.packing import without_padding
from xlit.training.readme import model_card
from xlit.training.task import Settings, TrainTask
from xlit.training.tracking import Trackers


@dataclass(frozen=True)
class TaskPlan:
    """A task of a run, settled: its rows, its recipe, and whose head it has (`agreement`)."""

    entry: TrainInput
    recipe: Recipe
    owner: int


def train_checkpoint(
    directory: Path,
    plan: Plan,
    ref: EncoderRef,
    tasks: Sequence[TaskPlan],
    settings: Settings,
    saving: Saving | None = None,
    trackers: Trackers | None = None,
) -> dict[str, Any]:
    """Train, and write the checkpoint's files into `directory`; gives the manifest's results."""
    loaded = _load_models(ref, tasks, settings.seed)
    models = {
        task.entry.card.name: loaded[task.owner].model  # who shares a head shares the model
        for task in tasks
    }
    tokenizer = next(iter(loaded.values())).tokenizer
    if len(models) > 1:
        share_encoder(models)
    to_train = [
        TrainTask(
            card=task.entry.card,
            kind=find_kind(task.entry.card.kind),
            rows=task.entry.train.rows,
            dev=_dev_rows(task),
            recipe=task.recipe,
            options=FeatureOptions(
                max_length=task.recipe.max_length,
                stride=task.recipe.stride,
                question_length=task.recipe.question_length,
                labels=tasks[task.owner].entry.card.labels,
                unanswerable=task.entry.card.unanswerable,
            ),
            model=models[task.entry.card.name],
        )
        for task in tasks
    ]
    in_less = list(models.values()) if settings.gradient_checkpointing else []
    with (
        without_padding(to_train, tokenizer.pad_token_id, settings) as (ready, packing),
        fast_layers(ready, settings) as layers,
        recomputed_activations(in_less),  # last: of what the layers are by then
    ):
        result = train(ready, tokenizer, settings, directory, saving, trackers)
    if not settings.processes.first:
        return {}  # the files are written once
    for model in models.values():
        model.to("cpu")
    save(models, tokenizer, directory)
    _write_about(directory, plan, ref, tasks, result, models, tokenizer)
    before = read_seen(ref.path) if ref.path is not None else []
    entries = [task.entry for task in tasks]
    now = [seen_of(split) for entry in entries for split in (entry.train, entry.dev)]
    write_seen([*before, *now], directory)
    for task, outcome in zip(tasks, result.outcomes, strict=True):
        console.notice(
            f"{outcome.task}: dev {outcome.score:.1f} ± {outcome.error:.1f},"
            f" kept from step {outcome.step} of {result.steps}"
        )
        if outcome.degenerate:
            source = task.entry.dev.card.name
            rows = "" if source == outcome.task else f" (the rows of {source})"
            console.always(
                f"degenerate: {outcome.task} dev{rows} {outcome.score:.1f} "
                f"against a floor of {outcome.floor:.1f} (± {outcome.error:.1f}):"
                " docs/faq.md says why that may be"
            )
    return {
        "dev": {outcome.task: outcome.as_json() for outcome in result.outcomes},
        "degenerate": any(outcome.degenerate for outcome in result.outcomes),
        "steps": result.steps,
        "best_step": result.best_step,
        "loss": result.loss,
        "mixture": {
            task.entry.card.name: result.mixture[task.entry.card.name] | _languages(task, result)
            for task in tasks
        },
        "tensors": {
            task.entry.card.name: {
                "loaded": loaded[task.owner].report.loaded,
                "new": list(loaded[task.owner].report.new),
                "dropped": list(loaded[task.owner].report.dropped),
            }
            for task in tasks
        },
        "examples_per_second": round(result.examples_per_second, 2),
        "fast": {"packing": packing, "layers": layers, **result.fast},
        **({"continued": result.continued} if result.continued else {}),
    }


def _languages(task: TaskPlan, result: Result) -> dict[str, Any]:
    """What was drawn of each language, where the rows of a task are of several."""
    entry = task.entry
    if not entry.shares:
        return {}
    languages = (row.id.partition(":")[0] for row in entry.train.rows)
    times = result.times[entry.card.name].tolist()
    return {"languages": languages_seen(languages, times, entry.shares)}


def _load_models(ref: EncoderRef, tasks: Sequence[TaskPlan], seed: int) -> dict[int, Loaded]:
    """The encoder once for every head, by the number of the task that the head is called after."""
    loaded = {}
    for number, task in enumerate(tasks):
        if task.owner != number:
            continue
        kind = find_kind(task.entry.card.kind)
        loaded[number] = load_with_head(
            ref,
            kind.auto_class,
            config=kind.head(task.entry.card.labels),
            seed=seed,
            own_head=kind.own_head,
        )
        console.notice(loaded[number].report.line())
    return loaded


def _dev_rows(task: TaskPlan) -> tuple[Row, ...]:
    """What the checkpoint is chosen on: at most the recipe's `eval_rows`."""
    dev = task.entry.dev
    if len(dev.rows) <= task.recipe.eval_rows:
        return dev.rows
    return tuple(dev.rows[i] for i in subset(dev.rows, dev.card, task.recipe.eval_rows, 0))


def _write_about(
    directory: Path,
    plan: Plan,
    ref: EncoderRef,
    tasks: Sequence[TaskPlan],
    result: Result,
    models: dict[str, Any],
    tokenizer: Any,
) -> None:
    """The files beside weights and tokenizer: pooling, cards, and the model card."""
    root = next((p.manifest.encoder for _, p in plan.parents if p.manifest.encoder), None)
    ranks = any(task.entry.card.kind == "ranking" for task in tasks)
    write_sentence_transformers(
        directory,
        pooling=(TRAINED_TO_RANK if ranks else usual_pooling_of(ref, root)).how,
        hidden_size=next(iter(models.values())).config.hidden_size,
        max_length=min(USUAL_LENGTH, tokenizer.model_max_length),
    )
    cards = [task.entry.card for task in tasks]
    (directory / "cards").mkdir(exist_ok=True)
    for card in cards:
        (directory / "cards" / f"{card.name}.toml").write_text(card.toml(), encoding="utf-8")
    text = model_card(plan, cards, result.outcomes)
    (directory / "README.md").write_text(text, encoding="utf-8")
