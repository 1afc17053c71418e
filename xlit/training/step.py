"""The gradient of one step, however it is cut: over processes, and into micro-batches by memory."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from xlit import console, device
from xlit.errors import StoppedError
from xlit.kinds.batches import micro_batches
from xlit.kinds.kind import Feature
from xlit.training.task import Settings, TrainTask

# padded tokens whose activations are held at once: this bounds a run's memory, not its result
CPU_TOKENS = 2048
# what a layer keeps of a token for its gradient, in bytes a hidden value: 34 in 16 bits with
# dropout and an attention that keeps no scores (Korthikanti et al. 2022, arXiv 2205.05198, 4.1),
# twice that for the copies that mixed precision makes, and a share of the memory left alone
KEPT_BYTES = 68
USED_SHARE = 0.8
STATE_BYTES = 12  # of a trained parameter: its gradient and two moments


class Gradients:
    """Computes the gradient of one step after the other.

    `tokens` is the largest micro-batch, in padded tokens; None until the first step. It falls where
    a GPU's memory turns out to be smaller than was thought, and then stays there.
    """

    def __init__(
        self, tokenizer: Any, settings: Settings, parameters: Sequence[nn.Parameter]
    ) -> None:
        self._tokenizer = tokenizer
        self._settings = settings
        self._parameters = parameters
        self.tokens: int | None = None

    def add(self, task: TrainTask, features: Sequence[Feature], step: int) -> tuple[float, int]:
        """Leave the gradient of step number `step`, from 0, with the parameters, which have none
        before; gives the batch's mean loss, and how many pieces went through the encoder, padding
        included.

        Whatever is random in a step follows from the seed and the step's number, so that a run can
        be taken up at any step. Losses are summed over micro-batches and processes and divided by
        the weight of the whole batch.
        """
        processes = self._settings.processes
        random = np.random.default_rng([self._settings.seed, 2, step])
        features = task.kind.redraw(features, task.options, random)
        weight = sum(feature.weight for feature in features)
        own = share_of(features, processes.rank, processes.size)
        loss, computed = processes.sum_gradients(
            self._parameters, *self._add_own(task, own, weight, step)
        )
        return loss, int(computed)

    def _add_own(
        self, task: TrainTask, features: Sequence[Feature], weight: float, step: int
    ) -> tuple[float, int]:
        """Add the gradient of this process's features; gives their share of the loss and of the
        pieces computed."""
        task.model.train()
        if self.tokens is None:
            self.tokens = self._tokens_that_fit(task.model)
        while True:
            torch.manual_seed(
                seed_of_step(self._settings.seed, step, self._settings.processes.rank)
            )
            whole = task.kind.whole_batch
            total, computed = 0.0, 0
            for micro in [features] if whole else micro_batches(features, self.tokens):
                try:
                    loss, pieces = self._add_micro(task, micro, weight)
                    total, computed = total + loss, computed + pieces
                except torch.OutOfMemoryError:
                    break
            else:
                return total, computed
            # not in the handler, where the failed attempt's tensors are still held
            self._begin_again_with_less(task, micro)

    def _add_micro(
        self, task: TrainTask, micro: Sequence[Feature], weight: float
    ) -> tuple[float, int]:
        where = self._settings.where
        inputs = task.kind.collate(micro, self._tokenizer.pad_token_id)
        computed = computed_pieces(inputs, packed=task.packed)
        inputs = {key: value.to(where) for key, value in inputs.items()}
        targets = task.kind.targets(micro).to(where)
        with device.autocast(where, self._settings.precision):
            outputs = task.kind.forward(task.model, inputs, micro)
        loss = task.kind.loss(outputs, targets).sum() / weight
        torch.autograd.backward(loss)
        return float(loss.detach()), computed

    def _begin_again_with_less(self, task: TrainTask, micro: Sequence[Feature]) -> None:
        """Forget what the step has so far, and halve the micro-batch that did not fit.

        Raises StoppedError where it cannot be cut.
        """
        for parameter in self._parameters:
            parameter.grad = None
        if self._settings.where.type == "cuda":
            torch.cuda.empty_cache()
        longest = max(feature.length for feature in micro)
        if len(micro) == 1 or task.kind.whole_batch:
            smaller = "--batch-size" if task.kind.whole_batch else "--max-length"
            raise StoppedError(
                f"{task.card.name}: not enough GPU memory for a batch of {len(micro)} that cannot"
                f" be cut, of sequences of up to {longest} tokens",
                hint=f"--gradient-checkpointing needs less, and so does a smaller {smaller}",
            )
        before = longest * sum(len(feature.sequences) for feature in micro)
        self.tokens = before // 2
        console.always(
            f"{task.card.name}: {before} tokens at once do not fit into the GPU's memory: at most"
            f" {self.tokens} from now on, and the same batches",
            everywhere=True,
        )

    def _tokens_that_fit(self, model: Any) -> int:
        """The tokens whose activations this device should have room for."""
        where = self._settings.where
        if where.type == "cpu":
            return CPU_TOKENS
        free, _ = torch.cuda.mem_get_info(where)
        free -= STATE_BYTES * sum(parameter.numel() for parameter in self._parameters)
        layers = 1 if self._settings.gradient_checkpointing else model.config.num_hidden_layers
        kept = layers * model.config.hidden_size * KEPT_BYTES
        if self._settings.precision == "float32":
            kept *= 2
        return max(1, int(USED_SHARE * free / kept))


def share_of(features: Sequence[Feature], rank: int, size: int) -> list[Feature]:
    """The features of a step that fall to one of `size` processes, in their order.

    The longest are given out first, each to who has the fewest tokens by then.
    """
    tokens = [0] * size
    own = []
    for i in sorted(range(len(features)), key=lambda i: -features[i].tokens):
        taker = tokens.index(min(tokens))
        tokens[taker] += features[i].tokens
        if taker == rank:
            own.append(i)
    return [features[i] for i in sorted(own)]


def seed_of_step(seed: int, step: int, rank: int = 0) -> int:
    """The seed of dropout in one step of one process: 64 bits."""
    return int(np.random.SeedSequence([seed, 3, step, rank]).generate_state(1, np.uint64)[0])


def computed_pieces(inputs: Mapping[str, Tensor], *, packed: bool) -> int:
    """The pieces of a micro-batch that are computed: its padding too, unless it is packed."""
    masks = [mask for name, mask in inputs.items() if name.endswith("attention_mask")]
    return sum(int(mask.sum()) if packed else mask.numel() for mask in masks)
