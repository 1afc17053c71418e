"""Stopping a run in good order: a signal asks, and the run answers when its state is whole."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from xlit.errors import SIGNALS, SignalledError

ECHO = 1.0
"""Seconds after the first signal in which others count for the same: a terminal, torchrun and batch
systems each send a process its signal, and again by way of its parent."""


class Stop:
    """Whether a signal has asked to stop: `signal` is its name, empty until one has."""

    def __init__(self) -> None:
        self.signal = ""
        self._asked_at = 0.0
        self._at_once = False
        self._before: dict[int, Callable[[int, FrameType | None], object] | int] = {}

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """In this block a signal raises SignalledError where it arrives, or has arrived before.

        For work that is repeated when the run goes on, and that changes nothing until it is done.
        """
        self._at_once = True
        try:
            if self.signal:
                raise SignalledError(self.signal)
            yield
        finally:
            self._at_once = False

    def listen(self) -> None:
        """Take the signals over, but for one that is ignored or that another library handles."""
        for number in SIGNALS:
            before = signal.getsignal(number)
            if before is not None and before is not signal.SIG_IGN:
                self._before[number] = before
                signal.signal(number, self._hear)

    def leave(self) -> None:
        """Give the signals back to whoever had them."""
        for number, before in self._before.items():
            if signal.getsignal(number) == self._hear:  # who is stopping already ignores them
                signal.signal(number, before)

    def _hear(self, number: int, frame: FrameType | None) -> None:
        if not self.signal:
            self.signal = signal.Signals(number).name
            self._asked_at = time.monotonic()
            if self._at_once:
                raise SignalledError(self.signal)
        elif time.monotonic() - self._asked_at > ECHO:
            before = self._before[number]
            if callable(before):
                before(number, frame)
            raise SignalledError(signal.Signals(number).name)


@contextmanager
def listening(*, listens: bool = True) -> Iterator[Stop]:
    """A Stop that hears signals while the block runs; a second one raises where it arrives.

    It hears none if it does not listen, or in a thread: Python gives signals to the main thread.
    """
    stop = Stop()
    if listens and threading.current_thread() is threading.main_thread():
        stop.listen()
    try:
        yield stop
    finally:
        stop.leave()
    if stop.signal:  # it came after the last time that the run asked
        raise SignalledError(stop.signal)
