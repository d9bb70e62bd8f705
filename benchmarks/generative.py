"""``python -m benchmarks.generative NAME``: models of bits, at equal CPU time in one process.

digits         64 pixels: model phases of a restricted machine, scikit-learn's, independent pixels
small          9 bits, where every model's likelihood is exact: machines, quantum ones, pixels
temperatures   a machine of unknown temperature: as it is, rescaled afterwards, corrected
curves         log-likelihood against time, and samples and weights as images
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.neural_network import BernoulliRBM

import qdl
from qdl.commands import plots
from qdl.ising import (
    BlockSampler,
    BoltzmannMachine,
    DimodSampler,
    GibbsSampler,
    plot_images,
    plot_log_likelihood,
)

from .born import born_machine, iqp_machine

SECONDS = 8.0
RATES = (1e-3, 3e-3)  # of spins; 16 times that is the rate of bits
BITS = 9


# --- data ---------------------------------------------------------------------------------------


def digits() -> tuple[np.ndarray, np.ndarray]:
    """1,400 and 397 digits of 64 bits."""
    data = qdl.datasets.digits(None, None, scale=None, test_size=397 / 1797)
    return (data.X_train > 8).astype(float), (data.X_test > 8).astype(float)


def small_digits() -> tuple[np.ndarray, np.ndarray]:
    """The same images as 3 x 3 bits: the mean of each part above the median of that part."""
    data = qdl.datasets.digits(None, BITS, "pool", scale=(0, 1), test_size=397 / 1797)
    middle = np.median(data.X_train, axis=0)
    return (data.X_train > middle).astype(float), (data.X_test > middle).astype(float)


def bars() -> tuple[np.ndarray, np.ndarray]:
    """The 14 patterns of 3 x 3 bars and stripes, equally often; the test part is the same."""
    lines = (np.arange(8)[:, None] >> np.arange(2, -1, -1)) & 1
    patterns = np.concatenate([np.repeat(lines, 3, axis=1), np.tile(lines, (1, 3))])
    found = np.unique(patterns, axis=0).astype(float)
    return np.repeat(found, 100, axis=0), found


# --- training until the time is over ----------------------------------------------------------------


@dataclass
class Clock:
    """CPU seconds of training alone: what is asked of a model meanwhile does not count."""

    budget: float

    def __post_init__(self) -> None:
        self.started = time.process_time()

    @property
    def used(self) -> float:
        return time.process_time() - self.started

    @property
    def over(self) -> bool:
        return self.used >= self.budget

    def pause(self, ask: Callable[[], Any]) -> Any:
        before = time.process_time()
        answer = ask()
        self.started += time.process_time() - before
        return answer


def trained(model: BoltzmannMachine, X: np.ndarray, seconds: float) -> tuple[Any, int]:
    """A machine after so many CPU seconds, and its epochs."""
    clock = Clock(seconds)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*(quenches|draws at the temp).*", RuntimeWarning)
        model.set_params(epochs=10**6).fit(X, callback=lambda machine: clock.over)
    return model, len(model.history_["seconds"])


def scikit_learn(X: np.ndarray, seconds: float, hidden: int, rate: float, seed: int = 0) -> Any:
    """scikit-learn's machine (persistent chains) after so many seconds, as ours; and its epochs."""
    rbm, clock, epochs = (
        BernoulliRBM(hidden, learning_rate=16 * rate, batch_size=20),
        Clock(seconds),
        0,
    )
    rbm.set_params(random_state=np.random.RandomState(seed))
    order = np.random.default_rng(seed)
    while not clock.over:
        rows = X[order.permutation(len(X))]
        for first in range(0, len(rows), 20):
            rbm.partial_fit(rows[first : first + 20])
        epochs += 1
    return BoltzmannMachine.from_bernoulli_rbm(rbm), epochs


# --- digits --------------------------------------------------------------------------------------


def phases() -> dict[str, dict[str, Any]]:
    """Model phases by name: the words of the machine."""
    found: dict[str, dict[str, Any]] = {
        "CD-1": {"sampler": "cd"},
        "CD-10": {"sampler": "cd-10"},
        "PCD-1, 100 chains": {},
        "PCD-5, 20 chains": {"sampler": GibbsSampler(5), "num_reads": 20},
        "GibbsSampler(20) from random, 100 reads": {
            "sampler": GibbsSampler(20),
            "persistent": False,
        },
        "BlockSampler(): anneals and quenches": {"sampler": BlockSampler(), "persistent": False},
    }
    try:
        from dwave.samplers import SimulatedAnnealingSampler
    except ImportError:
        return found
    options = {
        "dwave annealing, 100 sweeps, beta .1 to 1": {"num_sweeps": 100, "beta_range": (0.1, 1.0)},
        "dwave annealing, its own betas": {},
    }
    for name, words in options.items():
        sampler = DimodSampler(SimulatedAnnealingSampler(), **words)
        found[name] = {"sampler": sampler, "persistent": False}
    return found


def digits_table(out: Path, seconds: float) -> None:
    """Exact log-likelihoods of 64 + 16 spins, and those of 64 + 64 with the spread of log Z."""
    del out
    train, test = digits()
    pixels = BoltzmannMachine(0, epochs=0).fit(train)
    print(
        f"1,400 and 397 digits of 64 bits, {seconds:g} CPU seconds each, one seed; nats an image\n"
    )
    print("| 64 + 16 | " + " | ".join(f"rate {r:g}: train, test (epochs)" for r in RATES) + " |")
    print("| --- | --- | --- |")
    same = f"{pixels.score(train):.2f} {pixels.score(test):.2f}"
    print(f"| independent pixels | {same} | |", flush=True)
    for name, words in phases().items():
        cells = []
        for rate in RATES:
            model = BoltzmannMachine(16, learning_rate=rate, **words)
            cells.append(_cell(*trained(model, train, seconds), train, test))
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)
    cells = [_cell(*scikit_learn(train, seconds, 16, rate), train, test) for rate in RATES]
    print(
        "| scikit-learn's BernoulliRBM (PCD-1, 20 chains) | " + " | ".join(cells) + " |", flush=True
    )
    print("\n| 64 + 64 | train, test (epochs), spread of log w |\n| --- | --- |")
    for name, rate, words in (("CD-1", 1e-3, {"sampler": "cd"}), ("PCD-1, 100 chains", 3e-3, {})):
        model, epochs = trained(BoltzmannMachine(64, learning_rate=rate, **words), train, seconds)
        cell = _cell(model, epochs, train, test)
        print(f"| {name}, rate {rate:g} | {cell}, {model.log_partition_spread_:.2f} |", flush=True)
    best = [scikit_learn(train, seconds, 64, rate) for rate in (1e-3, 3e-3, 6e-3)]
    model, epochs = max(best, key=lambda found: found[0].score(test))
    cell = _cell(model, epochs, train, test)
    print(f"| scikit-learn, best of 3 rates | {cell}, {model.log_partition_spread_:.2f} |")


def _cell(model: Any, epochs: int, train: np.ndarray, test: np.ndarray) -> str:
    return f"{model.score(train):.2f} {model.score(test):.2f} ({epochs})"


# --- few bits: every model gives the probabilities of all 2^n rows -------------------------------------


def rows(n: int) -> np.ndarray:
    """All rows of n bits: row k holds the binary digits of k, the first bit is worth most."""
    return ((np.arange(2**n)[:, None] >> np.arange(n - 1, -1, -1)) & 1).astype(float)


def machine(X: np.ndarray, seconds: float, seed: int, **words: Any) -> np.ndarray:
    """A Boltzmann machine."""
    model, _ = trained(BoltzmannMachine(seed=seed, **words), X, seconds)
    return np.exp(model.score_samples(rows(X.shape[1])))


def independent(X: np.ndarray, seconds: float, seed: int) -> np.ndarray:
    """Independent bits, in closed form."""
    del seconds, seed
    return np.exp(BoltzmannMachine(0, epochs=0).fit(X).score_samples(rows(X.shape[1])))


def histogram(X: np.ndarray, seconds: float, seed: int) -> np.ndarray:
    """How often each row came, half a count added to all: what any model of few bits has to beat."""
    del seconds, seed
    index = X.astype(int) @ 2 ** np.arange(X.shape[1] - 1, -1, -1)
    counts = np.bincount(index, minlength=2 ** X.shape[1]) + 0.5
    return counts / counts.sum()


def sklearn_machine(
    X: np.ndarray, seconds: float, seed: int, hidden: int, rate: float
) -> np.ndarray:
    """scikit-learn's restricted machine."""
    model, _ = scikit_learn(X, seconds, hidden, rate, seed)
    return np.exp(model.score_samples(rows(X.shape[1])))


FULL = np.triu(np.ones((BITS, BITS)), 1)
# Name -> function of (rows, CPU seconds, seed) that gives the probabilities of ``rows(n)``.
# A row more is a line here: models that are circuits have theirs, read out as ``Probs()``.
SMALL: dict[str, Callable[[np.ndarray, float, int], np.ndarray]] = {
    "independent bits": independent,
    "counts of the training rows": histogram,
    "scikit-learn's RBM, 9 + 16": partial(sklearn_machine, hidden=16, rate=3e-3),
    "RBM 9 + 16, CD-1": partial(machine, hidden=16, sampler="cd", learning_rate=1e-2),
    "RBM 9 + 16, PCD": partial(machine, hidden=16, learning_rate=3e-3),
    "BM of 9 visible spins": partial(machine, hidden=0, graph=FULL, learning_rate=1e-2),
    "QBM of 9 visible spins, Gamma 1": partial(
        machine, hidden=0, graph=FULL, transverse=1.0, batch_size=1400, learning_rate=0.3
    ),
    "Born machine, CZ ring, depth 10, KL": born_machine,
    "IQP circuit of words of up to 3, MMD": iqp_machine,
}


def small_table(out: Path, seconds: float, seeds: int = 3) -> None:
    """Divergence on bars and stripes, and the test likelihood of small digits: means over seeds."""
    del out
    sets = {"KL, bars and stripes": bars(), "digits, test": small_digits()}
    print(f"{BITS} bits, {seconds:g} CPU seconds each, mean and sd of {seeds} seeds; nats\n")
    print("| model | " + " | ".join(sets) + " |\n| --- | --- | --- |")
    for name, model in SMALL.items():
        cells = []
        for train, test in sets.values():
            scores = [scored(model(train, seconds, seed), test) for seed in range(seeds)]
            cells.append(f"{np.mean(scores):.3f} +- {np.std(scores):.3f}")
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


def scored(p: np.ndarray, test: np.ndarray) -> float:
    """The mean log-likelihood of test rows; where they are few patterns, the divergence from them."""
    index = test.astype(int) @ 2 ** np.arange(test.shape[1] - 1, -1, -1)
    mean = float(np.mean(np.log(np.maximum(p[index], 1e-12))))
    return -np.log(len(test)) - mean if len(test) < 20 else mean


# --- a machine of unknown temperature -----------------------------------------------------------------


@dataclass(frozen=True)
class Unknown(qdl.Sampler):
    """Draws at the temperature 1 / beta, whatever one wishes: 20 sweeps from random states."""

    beta: float = 1.0

    def draw(self, h: Any, J: Any, num_reads: int, rng: Any, initial: Any) -> np.ndarray:
        return GibbsSampler(20, 1 / self.beta).draw(h, J, num_reads, rng, initial)


def temperatures(out: Path, seconds: float) -> None:
    """64 + 16 spins, 10 epochs: the table, and the picture of it."""
    del seconds
    train, test = digits()
    betas, found = (1.0, 3.0, 0.3), {}
    print(
        "| beta of the machine | as it is | rescaled afterwards | corrected while training (scale) |"
    )
    print("| --- | --- | --- | --- |")
    for beta in betas:
        words = {"sampler": Unknown(beta), "persistent": False, "learning_rate": 3e-3}
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", ".*draws at the temperature.*", RuntimeWarning)
            plain = BoltzmannMachine(16, **words).fit(train)
        after = BoltzmannMachine(16, epochs=0).fit(train)
        after.fields_, after.couplings_ = beta * plain.fields_, beta * plain.couplings_
        right = BoltzmannMachine(16, correct_temperature=True, **words).fit(train)
        found[beta] = [model.score(test) for model in (plain, after, right)]
        one, two, three = found[beta]
        print(
            f"| {beta:g} | {one:.2f} | {two:.2f} | {three:.2f} ({right.scale_:.2f}) |", flush=True
        )
    base = BoltzmannMachine(0, epochs=0).fit(train).score(test)
    print(f"\nindependent pixels: {base:.2f}")
    figure, axes = plots.panels(1, 1, (5.6, 3.6))
    names = ("as it is", "rescaled afterwards", "corrected while training")
    for k, (colour, name) in enumerate(zip(plots.COLOURS, names, strict=False)):
        where = np.arange(len(betas)) + 0.22 * (k - 1)
        axes[0, 0].plot(where, [found[b][k] for b in betas], "o", color=colour, label=name)
    axes[0, 0].axhline(base, color="#7a7a7a", lw=1, ls=":")
    axes[0, 0].annotate("independent pixels", (2.45, base + 0.15), ha="right", fontsize=8)
    axes[0, 0].set_xticks(range(3), [f"{b:g}" for b in betas])
    axes[0, 0].set(xlabel="beta of the machine, unknown to the training")
    axes[0, 0].set(ylabel="test log-likelihood, nats an image", xlim=(-0.5, 2.5))
    axes[0, 0].legend(**plots.KEY, loc="lower left")
    plots.save(figure, out / "temperatures.png")


# --- pictures --------------------------------------------------------------------------------------


def curves(out: Path, seconds: float, seeds: int = 3) -> None:
    """Test log-likelihood of 64 + 16 spins against CPU time, three seeds; samples and weights."""
    train, test = digits()
    times = np.linspace(seconds / 12, seconds, 12)
    shown, last = {}, {}
    ways = {
        "CD-1": {"sampler": "cd"},
        "PCD-1, 100 chains": {},
        "GibbsSampler(20) from random": {"sampler": GibbsSampler(20), "persistent": False},
        "BlockSampler(), quenching": {"sampler": BlockSampler(), "persistent": False},
    }
    for name, words in ways.items():
        values = []
        for seed in range(seeds):
            model = BoltzmannMachine(16, learning_rate=3e-3, seed=seed, **words)
            values.append(list(_followed(model, train, test, times)))
            last[name] = model
        shown[name] = times, values
        print(f"{name}: {np.mean([v[-1] for v in values]):.2f}", flush=True)
    figure, axes = plots.panels(1, 1, (6.2, 4))
    plot_log_likelihood(shown, axes[0, 0])
    plots.save(figure, out / "likelihood.png")
    figure, axes = plots.panels(1, 3, (11, 4))
    model = last["PCD-1, 100 chains"]
    parts = {
        "data": train[:64], "samples": model.sample(64, key=0), "weights": -model.couplings_.T
    }  # fmt: skip
    for ax, (name, images) in zip(axes.flat, parts.items(), strict=True):
        plot_images(images, (8, 8), ax)
        ax.set_title(name, loc="left")
    plots.save(figure, out / "images.png")


def _followed(
    model: BoltzmannMachine, train: np.ndarray, test: np.ndarray, times: np.ndarray
) -> Iterator[float]:
    """The test log-likelihood at each of these CPU times."""
    clock, found = Clock(times[-1]), []

    def look(machine: BoltzmannMachine) -> bool:
        while len(found) < len(times) and clock.used >= times[len(found)]:
            found.append(clock.pause(lambda: machine.score(test)))
        return len(found) == len(times)

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*(quenches|draws at the temp).*", RuntimeWarning)
        model.set_params(epochs=10**6).fit(train, callback=look)
    return iter(found)


NAMES = {
    "digits": digits_table,
    "small": small_table,
    "temperatures": temperatures,
    "curves": curves,
}


def main() -> None:
    """Run one of them, or all."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", choices=[*NAMES, []], help="default: all")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="of CPU time for each model")
    parser.add_argument("--out", type=Path, default=Path("runs"), help="folder of the pictures")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    for name in args.names or NAMES:
        print(f"\n## {name}\n", flush=True)
        NAMES[name](args.out, args.seconds)


if __name__ == "__main__":
    main()
