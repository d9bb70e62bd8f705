# %% [markdown]
# # From the simulator to a noisy machine
#
# We train a small quantum convolutional network on the simulator, look at what becomes of it on a chip of
# 133 qubits, run it there with and without error mitigation, and train it for a few more steps on the
# machine itself.
#
# The machine is a **fake** one: Qiskit's copy of the gates, the coupling and the calibration of a real IBM
# machine, run on this computer. With an account, `qdl.backends.ibm("torino")` takes its place. Nothing in
# this notebook has been run on a real one.

# %% [markdown]
# ## Train on the simulator
#
# `Pooling` measures every second wire and rotates its neighbour if the outcome is 1. On the simulator
# `kind="measured"` is a controlled rotation, which has the same expectation values.

# %%
import warnings

import jax
import matplotlib.pyplot as plt
import numpy as np
import optax

import qdl
from qdl.backends import aer, estimate, fake, mitigated, transpile_report
from qdl.layers import AngleEncoding, Entangler, Pooling, Rotation

warnings.filterwarnings("ignore", category=DeprecationWarning)  # of Qiskit's own parts


def network(kind="measured", pattern="chain"):
    first = [AngleEncoding(), Rotation("y"), Entangler("cz", pattern), Rotation("y")]
    pool = [Pooling(kind=kind), Rotation("y"), Pooling(kind=kind), Rotation("y")]
    return qdl.QNN(4, first + pool, readout=qdl.ExpZ([0]))


model = network()
data = qdl.datasets.digits(classes=(0, 1), features=4)
result = qdl.fit(
    model,
    data.X_train,
    data.y_train,
    loss="cross_entropy",
    optimizer=optax.adam(0.05),
    steps=100,
    key=jax.random.key(0),
)
z = model.apply(result.params, data.X_test)[:, 0]
print(f"accuracy on the simulator: {np.mean((z > 0) == data.y_test):.3f}")

# %% [markdown]
# ## What becomes of it on the chip
#
# The circuit is rewritten in the machine's own gates and placed on its qubits. Every two-qubit gate costs
# fidelity. Measuring in the middle saves those of the pooling, and a chain of gates fits the chip's
# coupling, where a ring needs swaps.

# %%
torino = fake("torino", shots=300)
report = transpile_report(model, torino)
print("measured pooling  ", report)
print("controlled pooling", transpile_report(network("controlled"), torino))
print("a ring            ", transpile_report(network(pattern="ring"), torino))

# %%
figure, axes = plt.subplots(figsize=(4, 3), dpi=70)
report.plot(axes)
plt.show()

# %% [markdown]
# ## Is the road right?
#
# `qdl.check` compares a place with the exact simulator. Without noise they agree; with noise they do not,
# and the check says whether a swapped convention (wires, signs, angles) could be the reason.

# %%
X, y = data.X_test[:3], data.y_test[:3]
print(qdl.check(model, aer(shots=2000), result.params, X))
print(qdl.check(model, torino, result.params, X[:1]))

# %% [markdown]
# ## With and without mitigation
#
# *Readout correction* measures how often each qubit is misread, with two more circuits, and undoes it.
# *Extrapolation* makes the circuit three times as long, looks how the values change, and extends the line
# back to no noise; the circuit must be one that can be undone, so pooling is controlled here. Both are
# corrections, not cures, and they make shot noise larger: hence the raw value is always there.

# %%
exact = model.apply(result.params, X)
key = jax.random.key(1)
corrected = mitigated(torino).both(model, result.params, X, key)
extrapolated = mitigated(torino, scales=(1, 3)).both(model, result.params, X, key)
rows = {
    "measured pooling, raw": corrected.raw,
    "   readout corrected": corrected.mitigated,
    "controlled pooling, raw": extrapolated.raw,
    "   corrected and extrapolated": extrapolated.mitigated,
}
print(f"{'':30}  mean error")
for name, values in rows.items():
    print(f"{name:30}  {np.abs(values - exact).mean():10.3f}")

# %%
figure, axes = plt.subplots(figsize=(5, 3), dpi=70)
axes.plot([-1, 1], [-1, 1], color="#bbbbbb", lw=1)
for name, marker in zip(rows, "o^sv", strict=True):
    axes.plot(exact[:, 0], rows[name][:, 0], marker, label=name.strip(), alpha=0.8)
axes.set(xlabel=r"exact $\langle Z \rangle$", ylabel="from the machine")
axes.legend(frameon=False, fontsize=7)
plt.show()

# %% [markdown]
# ## A few steps of training on the machine
#
# First the price. A gradient by parameter shifts needs two or more circuits for each parameter and sample;
# SPSA moves all parameters at once and needs two, whatever their number.

# %%
print(estimate(model, torino, batch_size=2, steps=2))

# %%
X_few, y_few = data.X_train[:4], data.y_train[:4]
machine = model.on(fake("torino", shots=300, gradient="spsa"))
tuned = qdl.fit(
    machine,
    X_few,
    y_few,
    loss="cross_entropy",
    optimizer=optax.sgd(0.02),
    steps=2,
    batch_size=2,
    params=result.params,
    key=jax.random.key(2),
)
moved = max(
    float(np.abs(a - b).max())
    for a, b in zip(jax.tree.leaves(tuned.params), jax.tree.leaves(result.params), strict=True)
)
print("loss of each step on the machine:", np.round(tuned.history["loss"], 3))
print(f"largest change of a parameter: {moved:.3f} radians")

# %%
for name, params, z in (
    ("before", result.params, corrected.raw[:, 0]),  # measured above
    ("after", tuned.params, machine.apply(tuned.params, X, key)[:, 0]),
):
    share = np.mean((model.apply(params, data.X_test)[:, 0] > 0) == data.y_test)
    right = np.mean((z > 0) == y)
    print(
        f"{name:6}  on the machine, 3 images: {right:.2f}   on the simulator, 90 images: {share:.2f}"
    )

# %% [markdown]
# Two steps with two images each are a demonstration of the road, not a result: the network was
# trained before, and the noise of SPSA is larger than what is left to gain. What carries over to a real
# machine is the order of things: train on the simulator, look at the transpiled circuit, check the place,
# read the price, and only then send.
