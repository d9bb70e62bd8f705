# %% [markdown]
# # Is there a plateau on this machine?
#
# The gradient of a circuit on a machine is smaller than on the simulator, since errors damp it, and what is left
# is read through shots, which have a variance of their own. This notebook measures it there, and holds it against
# two exact curves: without errors, and with those of the machine's calibration.
#
# The machine is a **fake** one, Qiskit's copy of a chip of 133 qubits with its gates, coupling and calibration,
# run on this computer. Nothing in this notebook has been run on a real one.

# %%
import warnings

import jax
import matplotlib.pyplot as plt
import pennylane as qp

import qdl
from qdl.backends import fake
from qdl.diagnostics import gradient_variance
from qdl.layers import Convolution, Entangler, Pooling, Repeat, Rotation, Template

warnings.filterwarnings("ignore", category=DeprecationWarning)  # of Qiskit's own parts
key = jax.random.key(0)
torino = fake("torino", shots=20)

# %% [markdown]
# ## Two families
#
# Layers of rotations and a chain of CZ, as many as wires, with $Z_0 Z_1$ measured: on the simulator a plateau. And a
# convolutional network, which pools until one wire is left: its gradient falls by a power of the width.


# %%
def layered(n):
    block = [Rotation("xy"), Entangler("cz")]
    return qdl.QNN(n, Repeat(block, n), readout=qdl.Expval(qp.Z(0) @ qp.Z(1)))


def meet(params, x, wires):
    return [qp.CNOT([drop, keep]) for keep, drop in zip(wires[::2], wires[1::2])]


def network(n):
    layers, left = [], n
    while left > 1:
        layers += [Convolution("so4", shared=False), Template(meet), Pooling("")]
        left = (left + 1) // 2
    return qdl.QNN(n, layers)


# %% [markdown]
# ## What should be seen
#
# `method="dense_moment"` averages over all starts exactly. On a fake machine it reads the circuit as it was transpiled,
# with the error of every gate and of the readout from the calibration, so that it says what infinitely many shots
# would show. That takes a few wires; without errors a few more.


# %%
def norms(build, widths, place=None):
    """E |grad C|^2 at each width, exactly."""
    models = [build(n) if place is None else build(n).on(place) for n in widths]
    rows = [gradient_variance(model, method="dense_moment", key=key) for model in models]
    return [row.squared_norm for row in rows]


families = {"layers": (layered, (2, 3, 4, 5, 6)), "network": (network, (2, 3, 4, 5, 6))}
few = (2, 3, 4)
alone = {name: norms(build, widths) for name, (build, widths) in families.items()}
damped = {name: norms(build, few, torino) for name, (build, _) in families.items()}
for name in families:
    kept = [f"{d / a:.2f}" for d, a in zip(damped[name], alone[name])]
    print(f"{name}: the errors leave {', '.join(kept)} of the squared norm on {few} wires")

# %% [markdown]
# ## What is seen
#
# Twenty shots for each value, forty starts, and at each start one derivative that is drawn at random, all of it twice:
# the product of both runs is right in the mean, and their difference says what the shots alone would give.

# %%
measured = {
    name: gradient_variance(lambda n, b=build: b(n).on(torino), widths, samples=40, key=key)
    for name, (build, widths) in families.items()
}
print(measured["layers"])

# %% [markdown]
# The last lines say what these shots do not resolve. A sweep of this kind on the real machine would take the seconds
# of its processor that are printed, by IBM's formula.

# %%
figure, axes = plt.subplots(1, 2, figsize=(9, 3.6), sharey=True, layout="constrained")
for ax, (name, (_, widths)) in zip(axes, families.items()):
    measured[name].plot(ax, label="measured, 20 shots", colour="C0")
    floors = [point.floor for point in measured[name].points(None)]
    ax.plot(widths, floors, ":", color="0.4", label="what the shots alone would show")
    ax.plot(widths, alone[name], "-", color="C2", label="exact, no errors")
    ax.plot(few, damped[name], "s--", color="C3", ms=4, label="exact, errors of the machine")
    ax.set(title=name, xticks=widths)
axes[0].legend(fontsize="small", loc="lower left")
axes[1].set_ylabel("")
plt.show()

# %% [markdown]
# The shaded band is what forty starts with twenty shots cannot tell from nothing; the dotted line is what would have
# been plotted had nobody subtracted the noise of the shots: it *grows* with the width, where the truth falls.

# %%
for name, sweep in measured.items():
    print(f"{name}: {sweep.verdict.kind}: {sweep.verdict.reason}")
