"""``python -m benchmarks.ising NAME``: one of the paper's figures, or the speed of the samplers.

speed      reads and residual energies of samplers on the same networks, in this process
figure2    states of single images     figure3  states of all test images
figure4    first-epoch error against reads, 5 seeds
figure5    training errors and exponents, 5 seeds
coherent   calls against amplitude, plain and amplified (Eqs. 9-14)
deep       two hidden layers beside one, 3 seeds
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from qdl.commands import ising as command
from qdl.commands import ising_plots, plots
from qdl.ising import (
    Amplification,
    BlockSampler,
    DeepIsingClassifier,
    DimodSampler,
    Ising,
    IsingClassifier,
    Reads,
    amplify,
    annealing_unitary,
    calls_when_unknown,
    field_scale,
    wrong_states,
)
from qdl.ising.base import ordered

IMAGES, NUM_READS, TURNS = 40, 20, 9
TIMES = (2.0, 5.0, 10.0, 20.0, 40.0)  # of the coherent anneals


def coherent_cases() -> list[Amplification]:
    """Anneals of 8-spin networks for digits 0 and 1 of 4x4 pixels, after 0, 1 and 4 epochs."""
    from qdl.datasets import mnist

    data = mnist(classes=(0, 1), features=16, reduce="pool", scale=(0, 1))
    cases = []
    for seed in range(3):
        classifier = IsingClassifier(
            hidden=4, redundancy=2, learning_rate=0.015, epochs=0, seed=seed
        ).fit(data.X_train, data.y_train)
        for more in (0, 1, 3):
            for _ in range(more):
                classifier.partial_fit(data.X_train, data.y_train)
            for image, label in zip(data.X_test[:3], data.y_test[:3], strict=True):
                problem = classifier.network_.ising(image)
                wrong = wrong_states(4, 2, 2, label)
                cases += [amplify(annealing_unitary(problem, t, 40), wrong) for t in TIMES]
    return cases


def coherent(out: Path) -> None:
    """The slopes of calls against |A|, and the picture."""
    cases = [case for case in coherent_cases() if case.amplitude < 0.5]
    amplitude = np.array([case.amplitude for case in cases])
    curves = {
        "plain anneals": np.array([case.plain_calls for case in cases]),
        "amplified": np.array([case.calls for case in cases]),
        "amplified, |A| unknown": np.array([calls_when_unknown(a) for a in amplitude]),
    }
    print(f"{len(cases)} anneals with |A| from {amplitude.min():.4f} to {amplitude.max():.3f}")
    figure, axes = plots.panels(1, 1, (5.6, 4))
    for colour, (name, calls) in zip(plots.COLOURS, curves.items(), strict=False):
        slope = np.polyfit(np.log(amplitude), np.log(calls), 1)[0]
        print(f"{name}: calls ~ |A|^{slope:.3f}")
        axes[0, 0].plot(amplitude, calls, "o", color=colour, markersize=4, label=name)
    axes[0, 0].set(xscale="log", yscale="log", xlabel="|A|", ylabel="calls per wrong sample")
    axes[0, 0].legend(**plots.KEY)
    plots.save(figure, out / "coherent.png")


def figure2(out: Path) -> None:
    """States of single images."""
    plots.save(ising_plots.states_of_images(_landscapes()), out / "figure2.png")


def figure3(out: Path) -> None:
    """States of all test images, with their statistics."""
    found = _landscapes()
    for name, seen in found.items():
        print(name, {k: round(v, 3) for k, v in command.statistics(seen).items()})
    plots.save(ising_plots.states_of_classes(found), out / "figure3.png")


def _landscapes() -> dict[str, Any]:
    data, _ = command.load()
    return command.landscapes(data, IsingClassifier().fit(data.X_train, data.y_train))


def figure4(out: Path) -> None:
    """First-epoch errors, 5 seeds."""
    data, _ = command.load()
    errors = [command.first_epoch_errors(data, seed) for seed in range(5)]
    for kind in errors[0]:
        rows = np.array([each[kind] for each in errors])
        for m, mean, sd in zip(command.READS, rows.mean(0), rows.std(0, ddof=1), strict=True):
            print(f"{kind} reads, m = {m}: {mean:.3f} +- {sd:.3f}")
    figure = ising_plots.first_epoch(command.READS, errors, command.READS_RATE)
    plots.save(figure, out / "figure4.png")


def figure5(out: Path) -> None:
    """Training errors and exponents, 5 seeds."""
    parts = command.load()
    every = [command.methods(*parts, epochs=13, seed=seed) for seed in range(5)]
    for row in map(command.row, zip(*every, strict=True)):
        print(row)
    plots.save(ising_plots.training_errors(every), out / "figure5.png")


def deep(out: Path) -> None:
    """Accuracies of both classifiers with their defaults, and what an epoch costs."""
    del out  # prints only
    data, held = command.load()
    parts = (data.X_train, data.y_train), (data.X_test, data.y_test), (held.X_test, held.y_test)
    print("| network | seed | train | test | held-out | CPU seconds per epoch |")
    print("| --- | --- | --- | --- | --- | --- |")
    models = {"784-120-40": IsingClassifier, "784-120-60-40": DeepIsingClassifier}
    for name, model in models.items():
        for seed in range(3):
            start = time.process_time()
            classifier = model(seed=seed).fit(data.X_train, data.y_train)
            seconds = (time.process_time() - start) / classifier.epochs
            scores = " | ".join(f"{classifier.score(*part):.3f}" for part in parts)
            print(f"| {name} | {seed} | {scores} | {seconds:.2f} |", flush=True)


def speed(out: Path) -> None:
    """The table of samplers, on an untrained and a trained network."""
    del out  # prints only
    for name, epochs in (("untrained", 0), ("13 epochs", 13)):
        print(f"\n{name}: {IMAGES} images x {NUM_READS} reads\n", flush=True)
        print("| sampler | reads per second | x slower | mean residual | best-of-20 residual |")
        print("| --- | --- | --- | --- | --- |")
        rows = list(_measured(*_problems(epochs)))
        for label, seconds, mean, best in rows:
            ratio, rate = seconds / rows[0][1], NUM_READS / seconds
            print(f"| {label} | {rate:,.0f} | {ratio:.1f} | {mean:.4f} | {best:.4f} |")

    _predictions()


def _predictions() -> None:
    """Codewords in closed form against 20 reads, on 2,000 images."""
    data, held = command.load()
    classifier = IsingClassifier(epochs=1).fit(data.X_train, data.y_train)
    X, seconds = held.X_test.astype(np.float32), {}
    for method in ("codeword", "sample"):
        start = time.process_time()
        classifier.predict(X, method=method)
        seconds[method] = (time.process_time() - start) / len(X)
    ratio = seconds["sample"] / seconds["codeword"]
    print("\nOne prediction: " + ", ".join(f"{k} {1e3 * s:.4f} ms" for k, s in seconds.items()))
    print(f"so {ratio:.0f} times faster in closed form than by 20 reads")


def _problems(epochs: int) -> tuple[np.ndarray, Any]:
    data, _ = command.load()
    classifier = IsingClassifier(epochs=epochs).fit(data.X_train, data.y_train)
    problem = classifier.network_.ising(data.X_test[:IMAGES])
    return problem.h, problem.J


def samplers() -> dict[str, Callable[[np.ndarray, Any], Any]]:
    """What is compared, ours first; every one is given all images in one call."""
    from dwave.samplers import (
        PathIntegralAnnealingSampler,
        SimulatedAnnealingSampler,
        SteepestDescentSampler,
    )

    found: dict[str, Any] = {f"BlockSampler({n})": BlockSampler(sweeps=n) for n in (35, 20, 100)}
    for n in (10, 100, 1000):
        found[f"SimulatedAnnealingSampler, {n} sweeps"] = DimodSampler(
            SimulatedAnnealingSampler(), num_sweeps=n
        )
    found["PathIntegralAnnealingSampler, 100 sweeps"] = DimodSampler(
        PathIntegralAnnealingSampler(), num_sweeps=100
    )
    found["SteepestDescentSampler"] = DimodSampler(SteepestDescentSampler())
    return {**found, "single flips in plain Python, 25 sweeps": naive}


def _measured(h: np.ndarray, J: Any) -> Iterator[tuple[str, float, float, float]]:
    """Name, median seconds per image (models are built outside the clock), residual energies."""
    lowest = BlockSampler(sweeps=1000).sample(h, J, 100, key=1).energies[:, 0]
    found: dict[str, list[tuple[float, np.ndarray]]] = {}
    every = samplers()
    for name, sample in every.items():
        sample(h[:1], J, NUM_READS, 0)  # whatever is prepared once
        found[name] = [_timed(sample, h, J, key=0)]
        others = TURNS - 1 if found[name][0][0] < 2 else 0
        found[name] += [_timed(sample, h, J, key) for key in range(1, 1 + others)]
        for _, energies in found[name]:
            lowest = np.minimum(lowest, energies[:, 0])
    building = min(_building(h, J) for _ in range(3))
    for name, turns in found.items():
        seconds = float(np.median([turn[0] for turn in turns]))
        seconds -= building if isinstance(every[name], DimodSampler) else 0
        energies = np.stack([turn[1] for turn in turns])
        above = (energies - lowest[:, None]) / np.abs(lowest[:, None])
        yield name, seconds / len(h), float(above.mean()), float(above[..., 0].mean())


def _timed(sample: Any, h: np.ndarray, J: Any, key: int) -> tuple[float, np.ndarray]:
    start = time.process_time()  # of this process: another one's load does not count
    energies = sample(h, J, NUM_READS, key).energies
    return time.process_time() - start, energies


def naive(h: np.ndarray, J: Any, num_reads: int, key: int, sweeps: int = 25) -> Reads:
    """What one writes first: single flips, one spin, one read, one image after the other."""
    rng, block = random.Random(key), J.block.astype(float)
    couplings = np.block(
        [[np.zeros((len(block),) * 2), block], [block.T, np.zeros((block.shape[1],) * 2)]]
    )
    scale = field_scale(h, J)
    spins = np.empty((len(h), num_reads, h.shape[1]))
    for fields, unit, reads in zip(h, scale, spins, strict=True):
        for read in reads:
            read[:] = [rng.choice((-1.0, 1.0)) for _ in read]
            for sweep in range(sweeps):
                temperature = unit * max(1.0 - sweep / 20, 0.0)
                for i in range(len(read)):
                    change = -2 * read[i] * (fields[i] + couplings[i] @ read)
                    accept = temperature and change < 30 * temperature
                    if change <= 0 or (accept and rng.random() < np.exp(-change / temperature)):
                        read[i] = -read[i]
    spins = spins.astype(np.int8)
    return ordered(spins, Ising(h, J).energies(spins))


def _building(h: np.ndarray, J: Any) -> float:
    """What the dimod models of all images cost to build, which is not the samplers' work."""
    start = time.process_time()
    for fields in h:
        Ising(fields, J).to_bqm()
    return time.process_time() - start


def main() -> None:
    """Run one of them."""
    names = {f.__name__: f for f in (speed, figure2, figure3, figure4, figure5, coherent, deep)}
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("name", choices=names)
    parser.add_argument("--out", type=Path, default=Path("runs"), help="folder of the pictures")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    names[args.name](args.out)


if __name__ == "__main__":
    main()
