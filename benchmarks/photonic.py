"""``python -m benchmarks.photonic [speed] [tasks]``: photonic networks beside Piquasso, and what they learn.

A step is the value and the gradient of a mean square over a batch; the first call traces and compiles. Times
are of the processor; the two programs take turns of some steps each. Piquasso is installed into an
environment of its own below the temporary folder, once; where that fails a line says so.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import qdl
from qdl.photonic import Quadrature

from . import photonic_tasks

# modes, layers, cut-off, batch
NETWORKS = ((1, 6, 10, 50), (2, 4, 10, 32))
LARGER = ((3, 2, 8, 16), (4, 2, 8, 16))
GOALS = {1: 3.5, 2: 1.3}  # how many times as fast a step, by modes
TURNS, STEPS = 20, 20  # and steps in a turn
PIQUASSO = "piquasso==8.0.2"


def step_of(modes: int, layers: int, cutoff: int, batch: int, total: bool = False) -> Any:
    """The jitted step, parameters and features."""
    place = qdl.backends.fock(cutoff, total=total)
    model = qdl.models.cvqnn(modes, layers, cutoff=cutoff, readout=Quadrature([0])).on(place)
    params = model.init(jax.random.key(0))
    if (
        modes > 1
    ):  # Piquasso's meshes have no last rotation, and displacements an angle instead of im
        for part in (0, 2):
            rotation = params[1][part]["rotation"]
            params[1][part]["rotation"] = rotation.at[:, -1].set(0)
    params[1][3]["im"] = jnp.zeros_like(params[1][3]["im"])
    x = 0.5 * jax.random.normal(jax.random.key(1), (batch, modes))
    step = jax.jit(jax.value_and_grad(lambda p: jnp.mean(model.apply(p, x) ** 2)))
    return step, params, x


def weights_of(params: Any, modes: int) -> np.ndarray:
    """The same parameters in Piquasso's order, ``(layers, n)``."""
    first, squeezed, second, moved, kerr = jax.tree.map(np.asarray, params[1])
    rotations = max(modes - 1, 1)

    def mesh(part: Any) -> list[Any]:
        angles = [part[name] for name in ("theta", "phi") if name in part]
        return [*angles, part["rotation"][:, :rotations]]

    columns = [*mesh(first), squeezed["r"], *mesh(second), moved["re"], 0 * moved["re"], kerr]
    return np.concatenate(columns, 1)


class Piquasso:
    """Its step in another process."""

    def __init__(self, python: Path, modes: int, cutoff: int, weights: Any, x: Any):
        script = Path(__file__).with_name("piquasso_step.py")
        self.process = subprocess.Popen(
            [python, script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        task = {"modes": modes, "cutoff": cutoff, "weights": weights.tolist()}
        task |= {"features": np.asarray(x).tolist(), "x64": bool(jax.config.jax_enable_x64)}
        self.first = json.loads(self._ask(json.dumps(task)))

    def _ask(self, line: str) -> str:
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise RuntimeError("Piquasso's process ended")
        return answer

    def turn(self) -> float:
        """Milliseconds of a step."""
        return float(self._ask(str(STEPS)))

    def close(self) -> None:
        """End the process."""
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait()


def installed() -> Path:
    """The Python of an environment with Piquasso, made if it is not there.

    Raises:
        subprocess.CalledProcessError: it does not install.
    """
    folder = Path(tempfile.gettempdir()) / "qdl-piquasso"
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
    packages = [PIQUASSO, f"jax=={jax.__version__}"]
    found = subprocess.run([python, "-c", "import piquasso, jax"], capture_output=True)
    if found.returncode:
        subprocess.run([python, "-m", "pip", "install", "--quiet", *packages], check=True)
    return python


def milliseconds(step: Any, params: Any, steps: int = STEPS) -> float:
    """Of the processor, for a step."""
    start = time.process_time()
    for _ in range(steps):
        jax.block_until_ready(step(params))
    return 1e3 * (time.process_time() - start) / steps


def beside(python: Path | None, network: tuple[int, int, int, int]) -> None:
    """One line of figures."""
    modes, layers, cutoff, batch = network
    step, params, x = step_of(*network)
    first = milliseconds(step, params, 1) / 1e3
    name = f"{modes} modes, {layers} layers, cut-off {cutoff}, batch {batch}"
    if python is None:
        own = statistics.median(milliseconds(step, params) for _ in range(TURNS))
        print(f"{name}: first call {first:.1f} s, step {own:.3f} ms", flush=True)
        return
    other = Piquasso(python, modes, cutoff, weights_of(params, modes), x)
    pairs = [(milliseconds(step, params), other.turn()) for _ in range(TURNS)]
    other.close()
    own, theirs = (statistics.median(column) for column in zip(*pairs, strict=True))
    ratio = statistics.median(b / a for a, b in pairs)
    value, gradient = step(params)
    slopes = weights_of(gradient, modes)
    told = slopes.any(0)  # angles of displacements are no parameters here
    off = np.abs(slopes - np.array(other.first["gradient"]))[:, told].max()
    compiled = other.first["first_cpu"] / first
    print(
        f"{name}: first call {first:.1f} s, Piquasso {other.first['first_cpu']:.1f} s, {compiled:.1f} x "
        f"(wanted >= 8); step {own:.3f} ms, Piquasso {theirs:.3f} ms, {ratio:.2f} x (wanted >= "
        f"{GOALS[modes]}); losses {float(value):.6f}, {other.first['value']:.6f}, "
        f"gradients differ by {off:.1e} at most",
        flush=True,
    )


def speed() -> None:
    """Steps beside Piquasso's, and both bases from three modes on."""
    jax.config.update("jax_enable_compilation_cache", False)
    try:
        python = installed()
    except (subprocess.CalledProcessError, OSError) as error:
        python = None
        print(f"{PIQUASSO} does not install here ({error}): qdl alone")
    for network in NETWORKS:
        beside(python, network)
    for network in LARGER:
        for total in (False, True):
            step, params, _ = step_of(*network, total)
            first = milliseconds(step, params, 1) / 1e3
            own = statistics.median(milliseconds(step, params, 2) for _ in range(7))
            basis = "cut by the total" if total else "cut mode by mode"
            modes, layers, cutoff, batch = network
            print(
                f"{modes} modes, {layers} layers, cut-off {cutoff}, batch {batch}, {basis}: "
                f"first call {first:.1f} s, step {own:.2f} ms",
                flush=True,
            )


def main() -> None:
    """Both, or what is named."""
    chosen = [name for name in sys.argv[1:] if not name.startswith("-")] or ["speed", "tasks"]
    if "speed" in chosen:
        speed()
    if "tasks" in chosen:
        photonic_tasks.main()


if __name__ == "__main__":
    if "--x64" in sys.argv:
        jax.config.update("jax_enable_x64", True)
    main()
