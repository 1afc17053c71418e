"""Several processes that torchrun started: what is said between them, and the sum of gradients.

What is said goes through gloo, gradients on GPUs through NCCL. Every exchange begins with a word of
every process: it goes on, it has failed, or it leaves. A process that fails says so in place of its
next exchange, whichever that is, so that nobody waits for what never comes: all of them then fail
with the same error.
"""

import json
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import wraps
from types import FrameType
from typing import ParamSpec, TypeVar

import torch
import torch.distributed as dist
from torch import nn

from xlit import device, torchrun
from xlit.errors import (
    SIGNALS,
    DamagedError,
    InputError,
    MissingError,
    ReportedError,
    StoppedError,
    UsageError,
    XlitError,
)
from xlit.training.processes import Processes

# a process may wait for another stage's artefact, or for the next line of a pipe; who dies is
# noticed at once, because its connections close
PATIENCE = timedelta(days=30)
BUCKET = 1 << 24  # values that are summed at once: 64 MB of float32
WORDS = (GOES_ON, FAILED, LEAVES) = (0, 1, 2)
MESSAGE = 480  # characters
MESSAGE_BYTES = 8192  # with room for the message in any script, of up to 12 bytes a character
ERRORS = (UsageError, MissingError, InputError, DamagedError, StoppedError)

P = ParamSpec("P")
R = TypeVar("R")


def undisturbed(method: Callable[P, R]) -> Callable[P, R]:
    """The method, during which no signal raises anything: it is heard at the end.

    An exchange has several parts, and who left in the middle of it would not be understood.
    """

    @wraps(method)
    def called(*args: P.args, **kwargs: P.kwargs) -> R:
        heard: list[tuple[int, FrameType | None]] = []
        handlers = {}
        for sort in SIGNALS if threading.current_thread() is threading.main_thread() else ():
            handler = signal.getsignal(sort)
            if callable(handler):
                handlers[sort] = handler
                signal.signal(sort, lambda *about: heard.append(about))
        try:
            return method(*args, **kwargs)
        finally:
            for sort, handler in handlers.items():
                signal.signal(sort, handler)
            for number, frame in heard:
                handlers[signal.Signals(number)](number, frame)

    return called


class Several(Processes):
    """The processes that torchrun started, in a process group of torch."""

    def __init__(self, place: torchrun.Place) -> None:
        self.rank, self.size = place.rank, place.size
        self._told = False  # all know of the failure of this run
        self._connected = True

    @undisturbed
    def gather(self, data: bytes) -> list[bytes]:
        longest = self._exchange_words(number=len(data))
        padded = torch.zeros(8 + longest, dtype=torch.uint8)
        framed = len(data).to_bytes(8, "little") + data
        padded[: len(framed)] = torch.frombuffer(bytearray(framed), dtype=torch.uint8)
        parts = [torch.empty_like(padded) for _ in range(self.size)]
        with self._exchange():
            dist.all_gather(parts, padded)
        texts = [part.numpy().tobytes() for part in parts]
        return [text[8 : 8 + int.from_bytes(text[:8], "little")] for text in texts]

    @undisturbed
    def largest(self, number: int) -> int:
        return self._exchange_words(number=number)

    @undisturbed
    def sum_gradients(self, parameters: Sequence[nn.Parameter], *numbers: float) -> list[float]:
        self._exchange_words()
        have = [parameter.grad is not None for parameter in parameters]
        sums = torch.tensor([*numbers, *have], dtype=torch.float64)
        with self._exchange():
            dist.all_reduce(sums)
            counts = sums[len(numbers) :].tolist()
            for bucket in _buckets([p for p, n in zip(parameters, counts, strict=True) if n]):
                for parameter in bucket:
                    if parameter.grad is None:  # no feature of the step fell to this process
                        parameter.grad = torch.zeros_like(parameter)
                gradients = [parameter.grad for parameter in bucket if parameter.grad is not None]
                flat = torch.cat([gradient.flatten() for gradient in gradients])
                dist.all_reduce(flat)
                parts = torch.split(flat, [gradient.numel() for gradient in gradients])
                for gradient, part in zip(gradients, parts, strict=True):
                    gradient.copy_(part.view_as(gradient))
        return sums[: len(numbers)].tolist()

    @contextmanager
    def together(self) -> Iterator[None]:
        self._told = False
        try:
            yield
        except BaseException as problem:
            if not self._told:
                self._tell(problem)
            raise

    @undisturbed
    def leave(self) -> None:
        """Wait until all have come to their end, and disconnect: torchrun ends all as soon as one
        of them left with an exit code, and the first may still be tidying up."""
        if not self._connected:
            return
        with suppress(XlitError):
            self._exchange_words(LEAVES)
        dist.destroy_process_group()

    def _exchange_words(self, word: int = GOES_ON, number: int = 0) -> int:
        """Tell the others how this process does. Gives the largest `number` of all.

        Raises the error of a process that has failed.
        """
        words = torch.tensor([word, number], dtype=torch.int64)
        with self._exchange():
            dist.all_reduce(words, op=dist.ReduceOp.MAX)
        worst, largest = (int(value) for value in words)
        if worst == FAILED and word == GOES_ON:
            self._told = True
            raise error_of(self._messages(b""))
        if worst == LEAVES and word != LEAVES:
            self._told = True
            raise StoppedError("another process of this run has ended")
        return largest

    @undisturbed
    def _tell(self, problem: BaseException) -> None:
        """Say why this process fails, when the others come to their next exchange."""
        if not self._connected:
            return
        self._told = True
        message = message_of(problem)
        with suppress(XlitError):
            self._exchange_words(FAILED)
            self._messages(message)

    def _messages(self, message: bytes) -> list[bytes]:
        """Of each process why it fails, empty where it does not. All are of one size."""
        own = torch.frombuffer(bytearray(message.ljust(MESSAGE_BYTES)), dtype=torch.uint8)
        parts = [torch.empty_like(own) for _ in range(self.size)]
        with self._exchange():
            dist.all_gather(parts, own)
        return [part.numpy().tobytes().strip() for part in parts]

    @contextmanager
    def _exchange(self) -> Iterator[None]:
        """What torch raises when a process is gone, as an error of ours.

        After a failure in here the others may wait for what never comes, and nothing can be told
        them: this process must end, and torchrun then ends all.
        """
        self._connected = False  # until it is done
        try:
            yield
        except torch.OutOfMemoryError:
            raise
        except RuntimeError as problem:
            raise StoppedError(
                "another process of this run is gone", hint="the same command starts it again"
            ) from problem
        self._connected = True


def message_of(problem: BaseException) -> bytes:
    """What the others are told of a failure: `MESSAGE_BYTES` at most, whatever is in its text."""
    known = isinstance(problem, ERRORS)
    stopped = isinstance(problem, KeyboardInterrupt)
    code = problem.exit_code if isinstance(problem, XlitError) else 75 if stopped else 1
    text = str(problem) if known else f"stopped by {problem}" if stopped else ""
    return json.dumps({"code": code, "text": text[:MESSAGE]}).encode()


def error_of(messages: Sequence[bytes]) -> XlitError:
    """The error of the first process that failed, for one that did not."""
    rank, message = next((i, json.loads(text)) for i, text in enumerate(messages) if text)
    text = message["text"] if rank == 0 else f"rank {rank}: {message['text']}"
    for sort in ERRORS:
        if sort.exit_code == message["code"]:
            return sort(text)
    return ReportedError(XlitError(text))  # a bug: it is told where it happened


def _buckets(parameters: Sequence[nn.Parameter]) -> Iterator[list[nn.Parameter]]:
    """The parameters in their order, in lists of one type and of about `BUCKET` values."""
    bucket: list[nn.Parameter] = []
    for parameter in parameters:
        full = sum(p.numel() for p in bucket) + parameter.numel() > BUCKET
        if bucket and (full or bucket[-1].dtype != parameter.dtype):
            yield bucket
            bucket = []
        bucket.append(parameter)
    if bucket:
        yield bucket


@contextmanager
def connected(place: torchrun.Place) -> Iterator[Processes]:
    """The processes that torchrun started, until the last of them comes to the end of the block."""
    where = device.pick()
    if where.type == "cuda":
        torch.cuda.set_device(where)
    backend = "cpu:gloo,cuda:nccl" if where.type == "cuda" else "gloo"
    dist.init_process_group(backend, timeout=PATIENCE)
    processes = Several(place)
    try:
        yield processes
    finally:
        processes.leave()
