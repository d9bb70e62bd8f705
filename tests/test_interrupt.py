"""Ctrl-C during training, pressed at the worst moments."""

import gc
import os
import signal
import threading
import weakref

import jax
import numpy as np
import pytest

import qdl
from qdl.files import Checkpoints
from qdl.training.interrupt import Signals

pytestmark = pytest.mark.usefixtures("ctrl_c")
X = np.random.default_rng(0).normal(size=(40, 2))


def line(callback, steps=100):
    model = qdl.Hybrid([qdl.Dense(2, 1)])
    key = jax.random.key(0)
    return qdl.fit(model, X, X[:, 0], loss="mse", steps=steps, key=key, callback=callback)


def press():
    os.kill(os.getpid(), signal.SIGINT)  # Python calls the handler before the next line


def terminate():
    os.kill(os.getpid(), signal.SIGTERM)


def in_a_garbage_callback(send=press):
    def callback(phase, info):
        gc.callbacks.remove(callback)
        send()

    gc.callbacks.append(callback)
    gc.collect()


def in_a_weakref_callback():
    class Thing:
        pass

    thing = Thing()
    _reference = weakref.ref(thing, lambda _: press())
    del thing


def in_a_destructor():
    class Thing:
        def __del__(self):
            press()

    Thing()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(
    "worst", [in_a_garbage_callback, in_a_weakref_callback, in_a_destructor, press]
)
def test_ctrl_c_is_never_lost(worst):
    result = line(lambda report: worst() if report.step == 20 else None)
    assert result.stopped == "interrupted" and result.step == 20 == len(result.history["loss"])
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def terminate_in_a_garbage_callback():
    in_a_garbage_callback(terminate)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("worst", [terminate, terminate_in_a_garbage_callback])
def test_sigterm_ends_the_process_with_a_whole_checkpoint(worst, tmp_path):
    model = qdl.Hybrid([qdl.Dense(2, 1)])
    with pytest.raises(SystemExit) as ended:
        qdl.fit(
            model, X, X[:, 0], loss="mse", steps=100, key=jax.random.key(0), checkpoint=tmp_path,
            checkpoint_every=50, callback=lambda report: worst() if report.step == 20 else None,
        )  # fmt: skip
    assert ended.value.code == 143
    assert Checkpoints(tmp_path / "checkpoints").newest().step == 20
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_the_old_handler_is_back_after_errors():
    def fails(report):
        assert signal.getsignal(signal.SIGINT) is not signal.default_int_handler
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        line(fails)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_handler_of_the_program_is_left_alone():
    seen = []
    before = signal.signal(signal.SIGINT, lambda *_: seen.append(1))
    try:
        result = line(lambda report: press() if report.step == 20 else None)
        assert result.stopped == "finished" and seen == [1]
    finally:
        signal.signal(signal.SIGINT, before)


def test_training_in_a_thread_installs_nothing():
    results = []
    thread = threading.Thread(target=lambda: results.append(line(None)))
    thread.start()
    thread.join()
    assert results[0].stopped == "finished"


def test_nothing_is_raised_unless_it_was_pressed():
    with Signals() as signals:
        signals.check()
        with pytest.raises(KeyboardInterrupt):
            press()
        with pytest.raises(KeyboardInterrupt):
            signals.check()
