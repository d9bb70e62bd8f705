# %% [markdown]
# # Barren plateaus, exactly
#
# Before a circuit is trained its angles are random. If the gradient at such a start varies only by $2^{-n}$ on
# $n$ wires, no number of shots that one can pay for will see it: a **barren plateau**. This notebook computes
# that variance without sampling, compares it with two well-known tutorials, and goes to 100 wires.

# %%
import jax
import matplotlib.pyplot as plt
import numpy as np
import pennylane as qp

import qdl
from qdl.diagnostics import gradient_variance
from qdl.initializers import uniform
from qdl.layers import Entangler, RandomRotation, Repeat, Rotation, Template

key = jax.random.key(0)

# %% [markdown]
# ## McClean's circuits
#
# $R_Y(\pi/4)$ on every wire, then `depth` times a rotation about a random axis on every wire and a chain of CZ;
# $\langle Z_0 Z_1 \rangle$ is measured. For angles that are uniform and used once, the average of a squared
# derivative over all axes and angles is a product of small matrices: `method="dense_moment"` multiplies them.

# %%
sizes, depths = (2, 4, 6, 8), (5, 10, 20, 50, 100)
table = np.zeros((len(sizes), len(depths)))
for j, depth in enumerate(depths):
    sweep = gradient_variance(
        qdl.models.mcclean, sizes, depth=lambda n: depth, parameter=0, key=key
    )
    table[:, j] = sweep.followed()["value"]
limit = [2**n / (3 * (4**n - 1)) for n in sizes]
print("wires" + "".join(f"{f'depth {d}':>12}" for d in depths) + f"{'limit':>12}")
for n, row, end in zip(sizes, table, limit):
    print(f"{n:>5}" + "".join(f"{v:>12.6f}" for v in [*row, end]))

# %% [markdown]
# Read the columns: at a fixed depth the variance stops falling, since $Z_0 Z_1$ only sees wires within its light
# cone. Depth 50 is not a plateau on eight wires. The limit, $2^n / (3(4^n - 1))$, needs ten to twenty layers a wire.

# %% [markdown]
# ## The tutorial that plots the standard deviation
#
# TensorFlow Quantum's `barren_plateaus` draws 200 of these circuits of depth 50 and returns the **standard
# deviation** under the name of variance. The exact standard deviations are below. They flatten: on this range and
# at this depth there is no exponential decay to be seen, and the verdict says that no simple law fits.

# %%
sweep = gradient_variance(
    qdl.models.mcclean, (2, 4, 5, 6, 8), depth=lambda n: 50, parameter=0, key=key
)
print(np.sqrt(sweep.followed()["value"]).round(4))
print(sweep.verdict)


# %% [markdown]
# ## The tutorial with one layer
#
# PennyLane's `tutorial_barren_plateaus` has one layer and measures $|0\ldots0\rangle\langle 0\ldots 0|$. Its loop over
# widths draws angles from $(0, \pi)$, not from a whole turn, which is another circuit ensemble with another slope
# (exactly $-0.868$ up to six wires, in natural logarithms; a whole turn has $-0.751$).


# %%
def tilt(
    params, x, wires
):  # with a name: two models of one function are equal and share their program
    return [qp.RY(np.pi / 4, w) for w in wires]


def one_layer(n, high=np.pi):
    layers = [Template(tilt), RandomRotation(initializer=uniform(0.0, high)), Entangler("cz")]
    return qdl.QNN(n, layers, readout=qdl.Expval(qp.Projector([0] * n, wires=range(n))))


widths = (2, 3, 4, 5)
exact = gradient_variance(one_layer, widths, parameter=0, key=key)
last = np.array([row.variance[-1] for row in exact])
print(last.round(5), "slope", np.polyfit(widths, np.log(last), 1)[0].round(3))

# %% [markdown]
# How well do 200 random circuits do? Each repetition below is such an experiment. The slopes scatter: one printed
# slope is good to about two of the standard deviations below, and a tutorial prints one.

# %%
draws = [
    gradient_variance(
        one_layer, widths, method="statevector", samples=200, key=jax.random.key(seed)
    )
    for seed in range(12)
]
slopes = [np.polyfit(widths, np.log([row.variance[-1] for row in d]), 1)[0] for d in draws]
print("slopes:", np.round(slopes, 2), "standard deviation", np.std(slopes, ddof=1).round(2))
print(draws[0][5].warnings)


# %% [markdown]
# ## A hundred wires
#
# For Cliffords and Pauli rotations with independent angles, the same averages are those of a random walk of Pauli
# words, which needs no state vector. What it does not resolve it reports as an upper bound, with a guaranteed
# interval, and where it is not valid it refuses.


# %%
def local(n):
    left = 2 * (n // 4)
    observable = qdl.Expval(qp.Z(left) @ qp.Z(left + 1))
    return qdl.QNN(n, Repeat([Rotation("yz"), Entangler("cz", "brick")], 4), readout=observable)


def everywhere(n):
    observable = qdl.Expval(qp.prod(*[qp.Z(w) for w in range(n)]))
    return qdl.QNN(n, Repeat([Rotation("yz"), Entangler("cz", "brick")], 4), readout=observable)


figure, axes = plt.subplots(figsize=(6, 3.6), layout="constrained")
for name, build in (("two wires measured", local), ("all wires measured", everywhere)):
    walked = gradient_variance(build, (4, 8, 16, 32, 64, 100), parameter="median", key=key)
    walked.plot(axes, label=name)
axes.legend()
plt.show()

# %%
try:
    gradient_variance(qdl.models.qcnn(8), method="pauli_walk", key=key)
except ValueError as error:
    print(error)
