"""Ctrl-C while training runs: never lost, whatever Python was doing when it was pressed."""

from __future__ import annotations

import signal
import threading
from types import FrameType


class CtrlC:
    """Raises KeyboardInterrupt as Python does, and remembers that it did, as a context manager.

    An exception raised inside a callback of the garbage collector or of a weak reference (JAX has
    both) is printed and dropped; ``check`` raises it once more where it counts. A program with
    a handler of its own keeps it, and so do threads, where Python takes no handlers.

    Example:
        >>> with CtrlC() as ctrl_c:
        ...     ctrl_c.check()  # not pressed: nothing happens
    """

    def __init__(self) -> None:
        self.pressed = False
        self.installed = False

    def check(self) -> None:
        """Raise KeyboardInterrupt if Ctrl-C was pressed since training began."""
        if self.pressed:
            raise KeyboardInterrupt

    def _handle(self, number: int, frame: FrameType | None) -> None:
        self.pressed = True
        signal.default_int_handler(number, frame)

    def __enter__(self) -> CtrlC:
        main = threading.current_thread() is threading.main_thread()
        if main and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            self.installed = True
            signal.signal(signal.SIGINT, self._handle)
        return self

    def __exit__(self, *error: object) -> None:
        if self.installed:
            signal.signal(signal.SIGINT, signal.default_int_handler)
