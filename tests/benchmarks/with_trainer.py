"""The Trainer of transformers as a contestant, with its defaults or at its best.

Its inputs are made by xlit's kinds, so that every contestant reads the same pieces; the model's own
forward computes the loss. Making them is not timed; putting a batch together is, as everywhere.
"""

import tempfile
from collections.abc import Sequence
from math import ceil

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset
from transformers import Trainer, TrainingArguments

from tests.benchmarks.clock import Clock
from tests.benchmarks.records import BEST, Measured, Run
from tests.benchmarks.workloads import dev_score, features_of, load, tokens_of
from xlit.kinds.kind import AnyKind, Feature
from xlit.models.encoders import load_with_head


class Features(Dataset[Feature]):
    """Features as a data set of torch."""

    def __init__(self, features: Sequence[Feature]) -> None:
        self.features = features

    def __len__(self) -> int:
        return len(self.features)

    def __getitem__(self, position: int) -> Feature:
        return self.features[position]


class Collator:
    """Pads a batch to its longest sequence, and keeps count: of batch i, examples and pieces."""

    def __init__(self, kind: AnyKind, pad_id: int) -> None:
        self.kind = kind
        self.pad_id = pad_id
        self.examples: list[int] = []
        self.tokens: list[int] = []
        self.padded: list[int] = []

    def __call__(self, features: list[Feature]) -> dict[str, Tensor]:
        inputs = self.kind.collate(features, self.pad_id)
        self.examples.append(len(features))
        self.tokens.append(tokens_of(features))
        self.padded.append(inputs["input_ids"].numel())
        return inputs | labels_of(self.kind, features)


def labels_of(kind: AnyKind, features: Sequence[Feature]) -> dict[str, Tensor]:
    """The names under which the models of transformers take their targets."""
    targets = torch.tensor([feature.target for feature in features])
    if kind.name == "span_qa":
        return {"start_positions": targets[:, 0], "end_positions": targets[:, 1]}
    return {"labels": targets[:, 0]}


def sorted_in_blocks(features: Sequence[Feature], batch: int, seed: int) -> list[Feature]:
    """Sorted by length and cut into batches, the batches in random order.

    The least padding there can be, without teaching the short ones first. It is what
    `group_by_length` comes to on a large data set; on a small one that groups nothing.
    """
    order = sorted(features, key=lambda feature: feature.tokens)
    blocks = [order[i : i + batch] for i in range(0, len(order), batch)]
    shuffled = np.random.default_rng(seed).permutation(len(blocks))
    return [feature for number in shuffled for feature in blocks[number]]


def measure(run: Run, started: float) -> Measured:
    """Train as a user of the Trainer would, on the same features, and score the model."""
    loaded = load(run)
    recipe = loaded.recipe
    start = load_with_head(
        loaded.ref,
        loaded.kind.auto_class,
        config=loaded.kind.head(loaded.card.labels),
        seed=run.seed,
    )
    features = features_of(loaded, start.tokenizer)
    best = run.sort == BEST
    if best:
        features = sorted_in_blocks(features, run.batch_size, run.seed)
    collator = Collator(loaded.kind, start.tokenizer.pad_token_id)
    steps = ceil(run.epochs * ceil(len(features) / run.batch_size))
    with (
        tempfile.TemporaryDirectory() as directory,
        Clock(run.warm, started=started, profile=run.profile) as clock,
    ):
        arguments = TrainingArguments(
            output_dir=directory,
            per_device_train_batch_size=run.batch_size,
            num_train_epochs=run.epochs,
            learning_rate=recipe.learning_rate,
            weight_decay=recipe.weight_decay,
            max_grad_norm=recipe.clip,
            adam_epsilon=recipe.adam_epsilon,
            warmup_steps=ceil(recipe.warmup * steps),
            seed=run.seed,
            bf16=best,
            use_cpu=not torch.cuda.is_available(),  # bf16 on a CPU has to be asked for
            train_sampling_strategy="sequential" if best else "random",
            remove_unused_columns=False,  # a data set of features has no columns
            # nothing that a quiet run does not need
            report_to="none",
            save_strategy="no",
            logging_strategy="no",
            disable_tqdm=True,
        )
        trainer = Trainer(
            model=start.model,
            args=arguments,
            train_dataset=Features(features),
            data_collator=collator,
        )
        outcome = trainer.train()
    peak = clock.peak()
    timed = slice(run.warm, run.warm + clock.steps)
    padded = sum(collator.padded[timed])
    measured = Measured(
        examples=sum(collator.examples[timed]),
        steps=clock.steps,
        seconds=clock.seconds(),
        cpu_seconds=clock.cpu_seconds(),
        tokens=sum(collator.tokens[timed]),
        tokens_each=tokens_of(features) / len(features),
        padding=1 - sum(collator.tokens[timed]) / padded if padded else None,
        first_step=clock.first_step,
        step_median=clock.step_median(),
        peak_training=clock.peak_training,
        peak=peak,
        loss=float(outcome.training_loss),
        tokens_profiled=sum(collator.tokens[run.warm : run.warm + run.profile]),
        groups=clock.groups,
        others=clock.others,
    )
    if run.dev:
        measured.score, measured.metric = dev_score(loaded, start.model, start.tokenizer, run.dev)
    return measured
