"""Evaluate checkpoints on their task in every language, zero-shot.

xlit eval-xtreme runs/checkpoint/xnli.3fa9c1d07b2e --lang de,sw
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from xlit import console
from xlit.commands.flags import StageOptions, argument, arguments_of, changed, flag
from xlit.commands.running import (
    each,
    input_artefact,
    print_paths,
    print_plan,
    say_done,
    split_list,
    stdin_runs,
)
from xlit.errors import MissingError, UsageError

if TYPE_CHECKING:
    from xlit.artefacts.store import Artefact
    from xlit.evaluation.evaluate import Cell
    from xlit.tasks.card import Card
    from xlit.tasks.sources import Split

REVISION = 1
EXAMPLES = (
    "xlit eval-xtreme runs/checkpoint/xnli.3fa9c1d07b2e --lang de,sw",
    "xlit train-target xcopa --from e5-small | xlit eval-xtreme | xlit report",
    "xlit eval-xtreme CKPT --task xquad --submission submission/",
)


@dataclass(frozen=True, kw_only=True)
class EvalXtremeOptions(StageOptions):
    """Evaluate checkpoints on their task in every language: a scores artefact each."""

    checkpoints: list[str] = argument(
        list, "Checkpoints. Read from stdin if not given.", metavar="[CKPT...]"
    )
    task: str | None = flag(
        None,
        "Tasks or cards, separated by commas; what the checkpoint was trained for if not given.",
    )
    lang: str = flag("all", "Languages, separated by commas; all is every one whose data is here.")
    split: str | None = flag(None, "The split; the one that the card names if not given.")
    as_released: bool = flag(
        False, "Keep the data set's known errors, as published scores have them."
    )
    precision: Literal["auto", "bf16", "float32"] = flag(
        "auto", "auto is bf16 where the processor or GPU has it."
    )
    submission: Path | None = flag(
        None, "Also write predictions/ and labels/ in XTREME's layout into this directory."
    )
    name: str | None = flag(None, "Name of the artefact; the checkpoint's if not given.")


def eval_xtreme(options: EvalXtremeOptions) -> Iterator[Path]:
    """The scores artefacts, one a checkpoint."""
    named = [path for path in options.checkpoints if path != "-"]
    runs: Iterator[str] | list[str] = named
    if not named or "-" in options.checkpoints:
        runs = (path for line in stdin_runs("a checkpoint") for path in [*named, *line])
    if len(named) == 1 and runs is named:
        path = _one(options, named[0])
        if path is not None:
            yield path
        return
    yield from each(lambda path: _one(options, path), runs)


def _one(options: EvalXtremeOptions, path: str) -> Path | None:
    import torch

    from xlit import device
    from xlit.artefacts.store import Plan, claim
    from xlit.evaluation.heads import head_for
    from xlit.evaluation.results import write_results, write_submission

    checkpoint = input_artefact(path, "checkpoint")
    cards = _cards(options, checkpoint)
    for card in cards:
        if card.kind != "bitext":
            head_for(checkpoint, card)
    splits = [
        split
        for card in cards
        for split in load_splits(card, options.lang, options.split, as_released=options.as_released)
    ]
    where = device.pick()
    precision = device.precision(options.precision, where)
    plan = Plan(
        sort="scores",
        stage="eval-xtreme",
        revision=REVISION,
        name=options.name or checkpoint.manifest.name,
        settings={
            "cells": [[split.card.name, split.split, split.language] for split in splits],
            "as_released": options.as_released,
            "precision": precision,
        },
        changed=changed(options, ["checkpoints", "submission"]),
        command=(
            "eval-xtreme",
            "{parent:checkpoint}",
            *arguments_of(options, ["submission"]),
        ),
        parents=(("checkpoint", checkpoint),),
        data=tuple({**split.record.as_json(), "licence": split.card.licence} for split in splits),
    )
    if options.dry_run:
        print_plan(plan, options.runs)
        return None
    with claim(plan, options.runs, force=options.force) as work:
        if work.done is None:
            with device.hold(where, share=options.share_device):
                cells = _evaluate(checkpoint, splits, where, precision)
            results = write_results(cells, work.directory)
            threads = torch.get_num_threads()
            about = {"device": device.describe(where), "precision": precision, "threads": threads}
            artefact = work.publish(results, **about)
        else:
            artefact = work.done
            say_done(artefact)
    if options.submission is not None:
        write_submission(artefact.path, splits, options.submission)
    return artefact.path


def _cards(options: EvalXtremeOptions, checkpoint: "Artefact") -> "list[Card]":
    from xlit.tasks.card import find_card, parse_card

    if options.task is not None:
        return [find_card(task) for task in split_list(options.task, "--task")]
    paths = sorted((checkpoint.path / "cards").glob("*.toml"))
    return [parse_card(path.read_text(encoding="utf-8"), path) for path in paths]


def load_splits(card: "Card", lang: str, split: str | None, *, as_released: bool) -> "list[Split]":
    """The rows of every language asked for, of the split that the card evaluates if none is named.

    A language named must be there. With `all`, those whose data is not at hand are left out and
    named: raises MissingError only when there is none at all.
    """
    from xlit.evaluation.evaluate import load_evaluated

    if lang != "all":
        codes = split_list(lang, "--lang")
        for code in codes:  # nothing runs when one of them is wrong
            if code not in card.languages:
                raise UsageError(
                    f"{card.name} has no language {code!r}",
                    hint=f"it has {','.join(card.languages)}",
                )
        return [load_evaluated(card, split, code, as_released=as_released) for code in codes]
    found, missing = [], []
    problem: MissingError | None = None
    for code in card.languages:
        try:
            found.append(load_evaluated(card, split, code, as_released=as_released))
        except MissingError as failure:
            missing.append(code)
            problem = problem or failure
    if problem is not None and not found:
        raise problem
    if missing:
        console.always(
            f"{card.name} {found[0].split}: {len(found)} of {len(card.languages)} languages are"
            f" here; no data for {','.join(missing)}"
        )
    return found


def _evaluate(
    checkpoint: "Artefact",
    splits: "Sequence[Split]",
    where: Any,
    precision: Literal["bf16", "float32"],
) -> "list[Cell]":
    from xlit.evaluation.bitext import evaluate_bitext_cell
    from xlit.evaluation.evaluate import evaluate
    from xlit.evaluation.heads import feature_options, load_for
    from xlit.models.encoders import load_encoder, resolve_encoder

    cells = []
    loaded = None
    current = None
    with console.progress(
        f"evaluate {checkpoint.manifest.name}", sum(len(s.rows) for s in splits), "items"
    ) as advance:
        for split in splits:
            if loaded is None or current != split.card.name:
                current = split.card.name
                if split.card.kind == "bitext":
                    loaded = load_encoder(resolve_encoder(str(checkpoint.path)))
                else:
                    loaded = load_for(checkpoint, split.card)
                loaded.model.to(where)
            if split.card.kind == "bitext":
                cells.append(evaluate_bitext_cell(loaded, split, device=where))
            else:
                options = feature_options(checkpoint, split.card)
                cells.append(
                    evaluate(
                        loaded.model,
                        loaded.tokenizer,
                        split,
                        options,
                        where=where,
                        precision=precision,
                        advance=advance,
                    )
                )
    return cells


def run(options: EvalXtremeOptions) -> None:
    print_paths(eval_xtreme(options))
