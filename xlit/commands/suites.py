"""`eval-xtreme --suite`: the tasks of a suite, each with its checkpoint, a scores artefact a group.

xlit eval-xtreme runs/checkpoint/* --suite xtreme-r --submission submission/
"""

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xlit import console
from xlit.commands.drawing import draw_for_people
from xlit.commands.flags import arguments_of, changed
from xlit.commands.running import (
    each,
    input_artefact,
    languages,
    print_plan,
    say_done,
    short_name,
    split_list,
    stdin_runs,
)
from xlit.errors import MissingError, UsageError

if TYPE_CHECKING:
    from xlit.artefacts.store import Artefact, Plan
    from xlit.commands.eval_xtreme import EvalXtremeOptions
    from xlit.evaluation.evaluate import Cell
    from xlit.evaluation.groups import Group
    from xlit.evaluation.pieces import Assignment, Piece
    from xlit.models.encoders import EncoderRef
    from xlit.retrieval.mine import MiningOptions
    from xlit.tasks.suite import Suite

# mined as XTREME does it; `retrieve` has flags for other ways
MINING: "MiningOptions" = {"k": 4, "margin": "ratio", "retrieval": "max"}
MAX_LENGTH = 512


def eval_suite(options: "EvalXtremeOptions", revision: int) -> Iterator[Path]:
    """The scores artefacts, one a group of checkpoints. Nothing runs where two checkpoints of a
    group would do for one task."""
    named = [path for path in options.checkpoints if path != "-"]
    piped: Iterator[list[str]] = iter(())
    if not named or "-" in options.checkpoints:
        piped = stdin_runs("a checkpoint")
    paths = list(dict.fromkeys([*named, *itertools.chain.from_iterable(piped)]))

    from xlit.evaluation.groups import group_checkpoints
    from xlit.evaluation.pieces import assign
    from xlit.tasks.suite import find_suite

    suite = find_suite(options.suite or "")
    tasks = _asked(options, suite)
    checkpoints = [input_artefact(path, "checkpoint") for path in paths]
    groups = group_checkpoints(checkpoints, _by_way_of)
    assignments = [assign(suite, tasks, group) for group in groups]
    _say_unused(checkpoints, groups, assignments)
    _say_trained_on_targets(groups)
    if options.submission is None or len(groups) == 1:
        folders = [options.submission] * len(groups)
    else:
        folders = [options.submission / group.name for group in groups]
    runs = zip(groups, assignments, folders, strict=True)
    yield from each(lambda run: _one(options, revision, suite, *run), runs)


def _asked(options: "EvalXtremeOptions", suite: "Suite") -> dict[str, tuple[str, ...]]:
    """The tasks of the suite that are asked for, each with its languages.

    Raises UsageError for a task or a language that the suite does not have.
    """
    tasks = list(suite.tasks)
    if options.task is not None:
        named = [suite.task(name) for name in split_list(options.task, "--task")]
        tasks = [task for task in tasks if task in named]
    codes = languages(options.lang)
    if codes is None:
        return {task.name: task.languages for task in tasks}
    known = list(dict.fromkeys(code for task in tasks for code in task.languages))
    for code in codes:
        if code not in known:
            of = "" if options.task is None else f" in {options.task}"
            raise UsageError(
                f"suite {suite.name} has no language {code!r}{of}", hint=f"it has {','.join(known)}"
            )
    kept = {task.name: tuple(code for code in task.languages if code in codes) for task in tasks}
    return {name: some for name, some in kept.items() if some}


def _by_way_of(checkpoint: "Artefact") -> set[str]:
    """The tasks that the protocol of what the checkpoint was trained for trains on before it."""
    from xlit.evaluation.heads import cards_of

    if checkpoint.manifest.stage != "train-target":
        return set()
    return {name for card in cards_of(checkpoint) for name in card.by_way_of}


def _say_unused(
    checkpoints: "Sequence[Artefact]",
    groups: "Sequence[Group]",
    assignments: "Sequence[Sequence[Assignment]]",
) -> None:
    used = {
        one.checkpoint.manifest.reference
        for of_group in assignments
        for one in of_group
        if one.checkpoint is not None
    }
    names = {group.ancestor.manifest.reference for group in groups if group.ancestor is not None}
    for checkpoint in checkpoints:
        if checkpoint.manifest.reference not in used | names:
            console.always(f"not used: {checkpoint.path} fits no task that was asked for")


def _say_trained_on_targets(groups: "Sequence[Group]") -> None:
    from xlit.evaluation.groups import targets_before

    for group in groups:
        for target in group.targets:
            if before := targets_before(target) - _by_way_of(target):
                console.always(
                    f"{target.path} was trained from a checkpoint for {', '.join(sorted(before))}:"
                    f" it counts for {group.name}, as only train-intermediate makes a group"
                )


def _one(
    options: "EvalXtremeOptions",
    revision: int,
    suite: "Suite",
    group: "Group",
    assignments: "Sequence[Assignment]",
    submission: Path | None,
) -> Path | None:
    import torch

    from xlit import device
    from xlit.artefacts.store import claim
    from xlit.evaluation.pieces import load_pieces
    from xlit.evaluation.results import write_results, write_submission
    from xlit.evaluation.suites import counted, suite_results

    pieces, gaps = load_pieces(assignments, options.split, as_released=options.as_released)
    splits = [split for piece in pieces for split in piece.splits]
    if not splits:
        raise MissingError(
            f"{group.name}: nothing of suite {suite.name} can be evaluated",
            hint="; ".join(gap.line() for gap in gaps[:3]),
        )
    where = device.pick()
    precision = device.precision(options.precision, where)
    plan = _plan(options, revision, suite, group, assignments, pieces, precision)
    if options.dry_run:
        print_plan(plan, options.runs, force=options.force)
        return None
    with claim(plan, options.runs, force=options.force) as work:
        if work.done is None:
            with device.hold(where, share=options.share_device):
                cells = [
                    cell for piece in pieces for cell in _evaluate(piece, group, where, precision)
                ]
            cards = {piece.card.name: piece.card for piece in pieces}
            whole, more = counted(cells, cards, options.split)
            results = write_results(cells, work.directory)
            results["suite"] = suite_results(suite, whole, [*gaps, *more], options.split)
            about = {
                "device": device.describe(where),
                "precision": precision,
                "threads": torch.get_num_threads(),
            }
            artefact = work.publish(results, **about)
        else:
            artefact = work.done
            say_done(artefact)
    if submission is not None:
        write_submission(artefact.path, splits, submission, suite=suite, asked=options.split)
    _show(suite, artefact)
    return artefact.path


def _reference(piece: "Piece", group: "Group") -> "EncoderRef":
    """The encoder whose vectors are compared."""
    from xlit.evaluation.heads import exact_reference

    if piece.checkpoint is not None:
        return exact_reference(piece.checkpoint)
    assert group.encoder is not None  # else the piece would be a gap
    return group.encoder


def _encoding(piece: "Piece", group: "Group") -> dict[str, Any]:
    """As `retrieve` encodes in float32 where no flag says otherwise."""
    from xlit.commands.encoding import usable, usual_pooling

    usual = usable(usual_pooling(_reference(piece, group), piece.checkpoint))
    return {
        "layer": usual.layer,
        "pooling": usual.how,
        "prefix": "",
        "max_length": min(MAX_LENGTH, usual.max_length or MAX_LENGTH),
        "precision": "float32",
    }


def _evaluate(piece: "Piece", group: "Group", where: Any, precision: Any) -> "list[Cell]":
    from xlit.evaluation.bitext import evaluate_bitext_cells
    from xlit.evaluation.heads import evaluate_heads
    from xlit.models.encoders import load_encoder

    if piece.card.kind != "bitext":
        assert piece.checkpoint is not None  # only a bitext task does without
        return evaluate_heads(piece.checkpoint, piece.splits, where, precision)
    loaded = load_encoder(_reference(piece, group))
    encoding = {**_encoding(piece, group), "device": where}
    return evaluate_bitext_cells(loaded, piece.splits, mining=MINING, **encoding)


def _plan(
    options: "EvalXtremeOptions",
    revision: int,
    suite: "Suite",
    group: "Group",
    assignments: "Sequence[Assignment]",
    pieces: "Sequence[Piece]",
    precision: str,
) -> "Plan":
    import dataclasses

    from xlit.artefacts.store import Plan
    from xlit.evaluation.bitext import tuning_split
    from xlit.evaluation.pieces import UNTRAINED

    parents: dict[str, tuple[str, Artefact]] = {}
    for piece in pieces:
        used = piece.checkpoint
        if used is not None:
            role = "encoder" if piece.card.kind in UNTRAINED else f"checkpoint{len(parents)}"
            parents.setdefault(used.manifest.reference, (role, used))
    splits = [split for piece in pieces for split in piece.splits]
    tuning = [found for found in map(tuning_split, splits) if found is not None]
    settings: dict[str, Any] = {
        "suite": suite.meaning(),
        "split": options.split,
        # what is missing is of this
        "asked": {one.task.name: list(one.languages) for one in assignments},
        "cells": [[split.card.name, split.split, split.language] for split in splits],
        "cards": [piece.card.meaning() for piece in pieces],
        "with": {
            piece.card.name: parents[piece.checkpoint.manifest.reference][0]
            for piece in pieces
            if piece.checkpoint is not None
        },
        "vectors": {
            piece.card.name: _encoding(piece, group)
            for piece in pieces
            if piece.card.kind == "bitext"
        },
        "precision": precision,
    }
    if any(piece.card.metric == "bucc" for piece in pieces):
        settings["mining"] = MINING
    encoder = group.encoder if any(piece.checkpoint is None for piece in pieces) else None
    if encoder is not None:
        settings["encoder"] = encoder.identity
    began = group.ancestor.manifest.name if group.ancestor else short_name(group.name)
    resolved = dataclasses.replace(options, precision=precision)  # type: ignore[arg-type]  # a Literal
    return Plan(
        sort="scores",
        stage="eval-xtreme",
        revision=revision,
        name=options.name or f"{suite.name}-{began}",
        settings=settings,
        changed={
            **({"encoder": short_name(encoder.name)} if encoder is not None else {}),
            **changed(options, ["checkpoints", "submission"]),
            "suite": suite.name,
        },
        command=(
            "eval-xtreme",
            *(f"{{parent:{role}}}" for role, _ in parents.values()),
            *arguments_of(resolved, ["submission"]),
        ),
        parents=tuple(parents.values()),
        data=tuple(
            {**split.record.as_json(), "licence": split.card.licence} for split in splits + tuning
        ),
    )


def _show(suite: "Suite", artefact: "Artefact") -> None:
    """What is missing, for whoever reads a log too; the suite's numbers for who is watching."""
    from xlit.evaluation.suites import aggregates_of, gaps_of
    from xlit.evaluation.tables import suite_table

    results = artefact.manifest.results["suite"]
    lines = [gap.line() for gap in gaps_of(results)]
    for line in lines:
        console.always(f"missing: {line}")
    table = suite_table(suite, aggregates_of(results), [], split=results["split"])
    draw_for_people(table)
