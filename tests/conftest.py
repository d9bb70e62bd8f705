import signal

from qdl.files import keep_compiled

keep_compiled()  # before JAX is imported; workers and processes that tests start share the folder

import jax  # noqa: E402
import numpy as np  # noqa: E402
import pytest  # noqa: E402

jax.config.update("jax_enable_x64", True)


@pytest.fixture(autouse=True, scope="module")
def nothing_compiled_stays():
    """Thousands of compiled programs in one process reach the kernel's limit of memory maps."""
    yield
    jax.clear_caches()


@pytest.fixture
def key():
    return jax.random.key(0)


@pytest.fixture
def compiled():
    """The names of the programs compiled during the test; one that comes from a file counts too."""
    names = []

    def listen(event, seconds, fun_name="", **_):
        if event == "/jax/core/compile/backend_compile_duration":
            names.append(fun_name.removeprefix("jit(").removesuffix(")"))

    jax.monitoring.register_event_duration_secs_listener(listen)
    yield names
    jax.monitoring.unregister_event_duration_listener(listen)


@pytest.fixture
def default_qubit():
    """The readout (or the state) of a model on PennyLane's default.qubit, one sample, NumPy."""
    import pennylane as qp

    def run(model, params, x=None, state=False):
        params = jax.tree.map(np.asarray, params)
        operators = list(
            model.layers.gates(params, None if x is None else np.asarray(x), model.wires)
        )
        measurements = [qp.state()] if state else model.readout.measurements(model.active)
        tape = qp.tape.QuantumScript(operators, measurements)
        device = qp.device("default.qubit", wires=model.n_wires)
        (result,) = qp.execute([tape], device, diff_method=None)
        return np.atleast_1d(result)

    return run


@pytest.fixture
def ctrl_c():
    """Python's own handler, even where the tests run in the background and ignore Ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
