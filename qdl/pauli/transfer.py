r"""Gates as real matrices on Pauli words: $H_{QP} = \mathrm{Tr}(Q\,U^\dagger P U)/2^w$, and their moments.

Letters and local words are numbered as in ``words``.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from .laws import characteristic
from .words import index

LETTERS = np.array([np.eye(2), [[0, 1], [1, 0]], [[1, 0], [0, -1]], [[0, -1j], [1j, 0]]])
SAMPLES = 16  # angles that fix a trigonometric polynomial with frequencies 0, 1/2, ... up to 7/2
FREQUENCIES = np.fft.fftfreq(SAMPLES, 1 / SAMPLES) / 2  # of functions with period 4 pi
ANGLES = 4 * np.pi * np.arange(SAMPLES) / SAMPLES


class Bytes:
    """An array by value, for caches."""

    def __init__(self, values: np.ndarray):
        self.values, self.key = values, (values.shape, values.dtype, values.tobytes())

    def __hash__(self) -> int:
        return hash(self.key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Bytes) and self.key == other.key


@cache
def words(w: int) -> np.ndarray:
    """The matrices of all Pauli words on ``w`` wires, ``(4**w, 2**w, 2**w)``."""
    out = np.ones((1, 1, 1))
    for _ in range(w):
        out = np.einsum("pij,qkl->pqikjl", out, LETTERS)
        out = out.reshape(out.shape[0] * 4, out.shape[2] * 2, -1)
    return out


def transfer(kraus: np.ndarray) -> np.ndarray:
    """H of a unitary ``(1, 2**w, 2**w)`` or of a channel's Kraus matrices ``(K, 2**w, 2**w)``."""
    w = kraus.shape[-1].bit_length() - 1
    back = np.einsum("kji,pjl,klm->pim", kraus.conj(), words(w), kraus, optimize=True)
    out = np.einsum("qij,pji->qp", words(w), back, optimize=True).real / 2**w
    return np.where(abs(out) < 1e-14, 0, out)


def signed_permutation(h: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """``(image, sign)`` of every word for a Clifford gate, None for any other."""
    if not np.allclose(abs(h), abs(h).round(), atol=1e-12) or (abs(h).round().sum(0) != 1).any():
        return None
    image = abs(h).argmax(0)
    return image, np.sign(h[image, np.arange(len(h))]).astype(int)


@cache
def rotation(letters: tuple[int, ...]) -> np.ndarray:
    r"""H of $e^{-i\theta P/2}$ at all ``ANGLES``, ``(SAMPLES, 4**w, 4**w)``."""
    p = words(len(letters))[index(letters)]
    half = ANGLES[:, None, None] / 2
    gates = np.cos(half) * np.eye(len(p)) - 1j * np.sin(half) * p
    return np.stack([transfer(gate[None]) for gate in gates])


def moments(samples: np.ndarray, law: Any, scale: float = 1.0) -> dict[str, np.ndarray]:
    r"""Exact averages over the angle, from a gate at all ``ANGLES``.

    Returns:
        ``mean`` and ``slope_mean``, $E[H]$ and $E[\partial H]$, ``(4**w, 4**w)``; ``square`` and
        ``slope_square``, $E[H \otimes H]$ and $E[\partial H \otimes \partial H]$ with axes
        ``(q, q', p, p')``. The derivative is by the parameter: the angle is ``scale`` times it.
    """
    first = np.fft.fft(samples, axis=0) / SAMPLES
    slope = np.fft.ifft(1j * FREQUENCIES[:, None, None] * scale * first, axis=0).real * SAMPLES

    def pairs(h: Any) -> Any:
        return np.einsum("aqp,ars->aqrps", h, h)

    average = np.fft.fft(np.eye(SAMPLES), axis=0) / SAMPLES  # samples -> coefficients
    weights = (characteristic(law, FREQUENCIES * scale) @ average).real

    def mean(values: np.ndarray) -> np.ndarray:
        out = np.tensordot(weights, values, 1)
        return np.where(abs(out) < 1e-13, 0, out)

    return {
        "mean": mean(samples),
        "slope_mean": mean(slope),
        "square": mean(pairs(samples)),
        "slope_square": mean(pairs(slope)),
    }


def band_limited(samples: np.ndarray) -> bool:
    """True where the samples fix the gate and its square: frequencies up to 3/2."""
    coefficients = np.fft.fft(samples, axis=0) / SAMPLES
    return bool(abs(coefficients[abs(FREQUENCIES) > 1.5]).max() < 1e-10)


def sectors(square: np.ndarray) -> dict[tuple[int, int], np.ndarray]:
    r"""$E[H \otimes H]$ by the product of the two words: blocks ``(r_out, r_in) -> (q_out, q_in)``.

    A pair $(Q, Q')$ is kept as $Q$ and $R = QQ'$; blocks that vanish are left out.
    """
    size = len(square)
    q = np.arange(size)
    out = {}
    for r_out in range(size):
        for r_in in range(size):
            block = square[q[:, None], (q ^ r_out)[:, None], q[None], (q ^ r_in)[None]]
            if block.any():
                out[r_out, r_in] = block
    return out
