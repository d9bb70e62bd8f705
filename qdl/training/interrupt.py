"""Ctrl-C and SIGTERM while training runs: never lost, whatever Python was doing when they came."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any


class Signals:
    """Raises KeyboardInterrupt at Ctrl-C and SystemExit at SIGTERM, and remembers that it did.

    A context manager. An exception raised inside a callback of the garbage collector or of a weak
    reference (JAX has both) is printed and dropped; ``check`` raises it once more where it counts. The exit
    status of SIGTERM is 143, as a shell shows it of a process that the signal has ended. A program with
    handlers of its own keeps them, and so do threads, where Python takes no handlers.

    Example:
        >>> with Signals() as signals:
        ...     signals.check()  # none came: nothing happens
    """

    def __init__(self) -> None:
        self.came: int | None = None
        self.before: dict[int, Any] = {}

    def check(self) -> None:
        """Raise once more for the signal that came since training began, if one did."""
        if self.came is not None:
            raise _error(self.came)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        self.came = number
        raise _error(number)

    def __enter__(self) -> Signals:
        usual = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL}
        if threading.current_thread() is threading.main_thread():
            for number, handler in usual.items():
                if signal.getsignal(number) is handler:
                    self.before[number] = handler
                    signal.signal(number, self._handle)
        return self

    def __exit__(self, *error: object) -> None:
        for number, handler in self.before.items():
            signal.signal(number, handler)


def _error(number: int) -> BaseException:
    return KeyboardInterrupt() if number == signal.SIGINT else SystemExit(128 + number)
