"""Evaluate checkpoints on their task in every language, zero-shot.

xlit eval-xtreme runs/checkpoint/xnli.3fa9c1d07b2e --lang de,sw
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from xlit.commands.drawing import show_scores
from xlit.commands.flags import NamedStageOptions, argument, arguments_of, changed, flag
from xlit.commands.running import (
    each_input,
    input_artefact,
    languages,
    print_paths,
    print_plan,
    say_done,
    split_list,
)
from xlit.errors import MissingError, UsageError

if TYPE_CHECKING:
    from xlit.artefacts.store import Artefact
    from xlit.tasks.card import Card

REVISION = 2
EXAMPLES = (
    "xlit eval-xtreme runs/checkpoint/xnli.3fa9c1d07b2e --lang de,sw",
    "xlit train-target xcopa --from e5-small | xlit eval-xtreme | xlit report",
    "xlit eval-xtreme runs/checkpoint/* --suite xtreme --submission submission/",
)


@dataclass(frozen=True, kw_only=True)
class EvalXtremeOptions(NamedStageOptions):
    """Evaluate checkpoints on their task, or on a suite's, in every language: scores artefacts."""

    checkpoints: list[str] = argument(
        list, "Checkpoints. Read from stdin if not given.", metavar="[CKPT...]"
    )
    task: str | None = flag(
        None,
        "Tasks or cards, separated by commas; what the checkpoint was trained for if not given.",
    )
    suite: str | None = flag(
        None,
        "A suite: xtreme, xtreme-r, reasoning or a file. All its tasks, each with the checkpoint"
        " trained for it, and the suite's scores. Checkpoints from one intermediate training make"
        " one scores artefact.",
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
        None,
        "Also write predictions/ and labels/ in XTREME's layout here: for one checkpoint, or with"
        " a suite, then in a folder a group where there are several.",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.submission is not None and self.suite is None and len(self.checkpoints) > 1:
            raise _second_submission()


def _second_submission() -> UsageError:
    return UsageError(
        "--submission takes one checkpoint: a second would overwrite the first",
        hint="--suite writes one submission of several",
    )


def eval_xtreme(options: EvalXtremeOptions) -> Iterator[Path]:
    """The scores artefacts, one a checkpoint."""
    written = False

    def one(path: str) -> Path | None:
        nonlocal written
        if written:  # stdin does not say beforehand how many there are
            raise _second_submission()
        made = _one(options, path)
        written = options.submission is not None
        return made

    yield from each_input(options.checkpoints, "a checkpoint", one)


def _one(options: EvalXtremeOptions, path: str) -> Path | None:
    import dataclasses

    import torch

    from xlit import device
    from xlit.artefacts.store import Plan, claim
    from xlit.evaluation.heads import evaluate_heads, head_for
    from xlit.evaluation.languages import load_splits, spoken
    from xlit.evaluation.results import write_results, write_submission

    checkpoint = _checkpoint(path)
    cards = _cards(options, checkpoint)
    for card in cards:
        if card.kind == "bitext":
            raise UsageError(
                f"{card.name} is retrieved, not predicted by a head",
                hint=f"xlit retrieve {path} --task {card.name}",
            )
        head_for(checkpoint, card)
    splits = [
        split
        for card in cards
        for split in load_splits(
            card, languages(options.lang), options.split, as_released=options.as_released
        )
    ]
    where = device.pick()
    precision = device.precision(options.precision, where)
    # resolved, so that the command makes the same where other data is at hand
    resolved = dataclasses.replace(options, precision=precision, lang=spoken(splits, options.lang))
    plan = Plan(
        sort="scores",
        stage="eval-xtreme",
        revision=REVISION,
        name=options.name or checkpoint.manifest.name,
        settings={
            "cells": [[split.card.name, split.split, split.language] for split in splits],
            "cards": [card.meaning() for card in cards],
            "precision": precision,
        },
        changed=changed(options, ["checkpoints", "submission"]),
        command=(
            "eval-xtreme",
            "{parent:checkpoint}",
            *arguments_of(resolved, ["submission"]),
        ),
        parents=(("checkpoint", checkpoint),),
        data=tuple({**split.record.as_json(), "licence": split.card.licence} for split in splits),
    )
    if options.dry_run:
        print_plan(plan, options.runs, force=options.force)
        return None
    with claim(plan, options.runs, force=options.force) as work:
        if work.done is None:
            with device.hold(where, share=options.share_device):
                cells = evaluate_heads(checkpoint, splits, where, precision)
            results = write_results(cells, work.directory)
            threads = torch.get_num_threads()
            about = {"device": device.describe(where), "precision": precision, "threads": threads}
            artefact = work.publish(results, **about)
        else:
            artefact = work.done
            say_done(artefact)
    if options.submission is not None:
        write_submission(artefact.path, splits, options.submission, asked=options.split)
    return show_scores(artefact.path)


def _checkpoint(path: str) -> "Artefact":
    """The checkpoint at `path`. Raises MissingError, which tells the name of an encoder from it."""
    try:
        return input_artefact(path, "checkpoint")
    except MissingError as error:
        if path.startswith(("runs/", ".", "/")) or re.search(r"\.[0-9a-f]{12}", path):
            raise
        raise MissingError(
            f"{path} is no checkpoint",
            hint=f"xlit train-target TASK --from {path} makes one of an encoder;"
            f" xlit retrieve {path} scores the encoder as it is",
        ) from error


def _cards(options: EvalXtremeOptions, checkpoint: "Artefact") -> "list[Card]":
    """The cards of `--task`, else of the checkpoint's heads."""
    from xlit.evaluation.heads import cards_of
    from xlit.tasks.card import find_card

    if options.task is not None:
        return [find_card(task) for task in split_list(options.task, "--task")]
    return cards_of(checkpoint)


def run(options: EvalXtremeOptions) -> None:
    if options.suite is not None:
        from xlit.commands.suites import eval_suite

        print_paths(eval_suite(options, REVISION))
        return
    print_paths(eval_xtreme(options))
