# %% [markdown]
# # Is my QCNN classically easy?
#
# A network without a barren plateau can be trained. Whoever has one is asked next whether a classical computer can
# run it as well, at any size. This notebook does not argue about that; it runs the models: handwritten digits on 64
# wires, a pixel a wire, in three patterns of convolution. Then it shows where a truncated simulation goes wrong without
# being noticed, takes a circuit of 100 wires to a copy of a machine, and ends with a model that has no qubits at all.

# %%
import time
import warnings

import jax
import matplotlib.pyplot as plt
import numpy as np
import optax
import pennylane as qp
from scipy.ndimage import zoom
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

import qdl
from qdl.backends import classical, cone, fake, pauli_propagation, statevector, tensor_network
from qdl.layers import AngleEncoding, Entangler, Repeat, Rotation

warnings.filterwarnings("ignore", category=DeprecationWarning)  # of Qiskit's own parts

digits = load_digits()
images = digits.images[digits.target < 2]  # zeros and ones, 8 x 8
order = np.random.default_rng(0).permutation(len(images))
images, y = images[order] / 16, digits.target[digits.target < 2][order]
train, test = slice(0, 252), slice(252, None)
X = np.pi * images.reshape(len(images), -1)
print(f"{len(X[train])} images to train on, {len(X[test])} to test")


def fitted(model, X, seed=0, scale=0.1, steps=150, rate=0.02):
    """Trained from angles near zero: uniform ones would start where all outputs of a wide circuit are zero."""
    keys = iter(jax.random.split(jax.random.key(seed), 99))
    start = jax.tree.map(
        lambda s: scale * jax.random.normal(next(keys), s),
        model.shape,
        is_leaf=lambda s: isinstance(s, tuple),
    )
    options = {"loss": "cross_entropy", "optimizer": optax.adam(rate), "steps": steps}
    return qdl.fit(model, X[train], y[train], params=start, key=jax.random.key(seed), **options)


def accuracy(model, params, X):
    return float(np.mean((np.asarray(model.apply(params, X[test]))[:, 0] > 0) == y[test]))


# %% [markdown]
# ## What a value costs
#
# `Convolution(pattern="pairs")` joins disjoint pairs, which makes the network a tree. `"chain"` joins all neighbours,
# `"ring"` also the last wire with the first. Carried as expectation values of Pauli words, each is a network of small
# real matrices, and `explain` counts the operations of its exact contraction before anything runs.

# %%
widths, counted = (8, 16, 32), {}
for pattern in ("pairs", "chain", "ring"):
    place = tensor_network(seconds=2)
    models = [qdl.models.qcnn(n, pattern=pattern, shared=False, head=False) for n in widths]
    counted[pattern] = [place.explain(model).flops for model in models]

figure, ax = plt.subplots(figsize=(5, 3.4), layout="constrained")
for pattern, flops in counted.items():
    ax.loglog(widths, flops, "o-", base=2, label=pattern)
ax.loglog(
    widths, [14.0 * 20 * n * 2.0**n for n in widths], ":", color="0.5", label="state vector, about"
)
ax.set(xlabel="wires", ylabel="operations of one value", yscale="log")
ax.set_yscale("log", base=10)
ax.legend()
plt.show()

# %% [markdown]
# All three grow by a power of the width, since pooling halves the wires: linear, steep, and steeper. The paths of this
# picture were searched for two seconds each, so they are upper bounds.
#
# ## The tree: exact on 64 wires, and on a thousand
#
# `classical()` picks the engine by such counts, and says why.

# %%
tree = qdl.models.qcnn(64, pattern="pairs", shared=False, head=False).on(classical())
print(tree.place.explain(tree))
scores, start = {}, time.process_time()
fits = [fitted(tree, X, seed, steps=200) for seed in range(3)]
scores["tree, exact"] = np.mean([accuracy(tree, fit.params, X) for fit in fits])
print(f"{tree.n_params} parameters, three seeds: test {scores['tree, exact']:.3f}, ", end="")
print(f"{time.process_time() - start:.0f} s of the processor, compilation included")
print(qdl.certify(tree, fits[0].params, X[test]))

# %% [markdown]
# ## Chain and ring: Pauli words of at most two wires
#
# On 64 wires these are beyond an exact contraction in a few seconds. `pauli_propagation(weight=2)` carries the readout
# back and drops every Pauli word on more than two wires; a penalty on what is dropped holds the training where that is
# little. `fit` keeps the dropped norm, and warns where it passes the tolerance.

# %%
for pattern in ("chain", "ring"):
    model = qdl.models.qcnn(64, pattern=pattern, shared=False, head=False)
    model = model.on(pauli_propagation(weight=2, penalty=0.3))
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        fit = fitted(model, X)
    scores[f"{pattern}, weight 2"] = accuracy(model, fit.params, X)
    print(
        f"{pattern}: test {scores[f'{pattern}, weight 2']:.3f}, dropped {fit.history['dropped'][-1]:.2f}"
    )
    print(*[str(w.message) for w in said if w.category is RuntimeWarning])

# %% [markdown]
# So both classify, and neither is certified: labels are right long before values are. How much that matters shows
# where the truth can be had.
#
# ## The trap
#
# The same ring on 16 wires, which a state vector still holds. Trained with and without the penalty at weight 2, and then
# asked three ways: what the place says, what the next weight says, what is true.

# %%
small = np.pi * images.reshape(-1, 4, 2, 4, 2).mean((2, 4)).reshape(-1, 16)
ring = qdl.models.qcnn(16, shared=False, head=False)
figure, axes = plt.subplots(1, 2, figsize=(8, 3.8), sharex=True, sharey=True, layout="constrained")
for ax, penalty in zip(axes, (0.0, 0.3)):
    model = ring.on(pauli_propagation(weight=2, penalty=penalty))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what fit says is what is looked at here
        fit = fitted(model, small)
    found = qdl.certify(model, fit.params, small[test])
    exact = np.asarray(ring.on(statevector()).apply(fit.params, small[test]))
    error, step = (float(np.sqrt(np.mean(a**2))) for a in (exact - found.values, found.difference))
    print(f"penalty {penalty}: {found}")
    print(f"    rms error {error:.3f}; twice the difference to weight 3: {2 * step:.3f}")
    print(f"    test {accuracy(model, fit.params, small):.3f} truncated, ", end="")
    print(f"{accuracy(ring, fit.params, small):.3f} exact; {found.outside} values outside [-1, 1]")
    ax.plot([-1, 1], [-1, 1], ":", color="0.6")
    ax.scatter(exact, found.values, c=y[test], cmap="coolwarm", s=12)
    ax.set(title=f"penalty {penalty}", xlabel="exact value")
axes[0].set_ylabel("value at weight 2")
plt.show()

# %% [markdown]
# Without the penalty training finds angles at which the truncated model is another model, with values that no state has:
# weight 2 and weight 3 differ by less than either differs from the truth. The certificate says *not certified*, because
# exact values of three samples are part of it. With the penalty the values lie near the truth.
#
# ## A hundred wires, exactly
#
# A few layers of a hardware-efficient circuit and a readout of two neighbours: only a light cone of ten wires matters,
# whatever the width. The images are stretched to 10 x 10 pixels.

# %%
wide = np.clip([zoom(image, 10 / 8, order=1) for image in images], 0, 1).reshape(-1, 100) * np.pi
layers = [AngleEncoding(), Repeat([Rotation("yz"), Entangler("cz", "chain")], 4)]
circuit = qdl.QNN(100, layers, qdl.Expval(qp.Z(49) @ qp.Z(50))).on(cone())
print(circuit.place.explain(circuit))
fit = fitted(circuit, wide, scale=0.3, steps=200)
scores["100 wires, light cone, exact"] = accuracy(circuit, fit.params, wide)
print(f"test {scores['100 wires, light cone, exact']:.3f}")

# %% [markdown]
# ## The same parameters on a machine
#
# Parameters are the same numbers everywhere. Here is a **fake** machine, Qiskit's copy of a chip of 133 qubits with its
# gates, coupling and calibration. This computer has to play it, which takes a state vector of what runs there: so it is
# given the ten wires of the light cone with their trained parameters. Nothing in this notebook has been run on a real one.

# %%
narrow = qdl.QNN(10, layers, qdl.Expval(qp.Z(4) @ qp.Z(5)))
cut = jax.tree.map(lambda angles: angles[:, 45:55], fit.params)
some = wide[test][:20]
here = np.asarray(circuit.apply(fit.params, some))[:, 0]
print(
    f"ten wires are a hundred to {np.abs(narrow.apply(cut, some[:, 45:55])[:, 0] - here).max():.0e}"
)
machine = narrow.on(fake("torino", shots=1000))
there = np.asarray(machine.apply(cut, some[:, 45:55], jax.random.key(0)))[:, 0]
figure, ax = plt.subplots(figsize=(4, 3.6), layout="constrained")
ax.plot([-1, 1], [-1, 1], ":", color="0.6")
ax.scatter(here, there, c=y[test][:20], cmap="coolwarm", s=16)
ax.set(xlabel="exact, by light cone", ylabel="fake machine, 1000 shots")
plt.show()
agreed = np.mean((there > 0) == (here > 0))
print(
    f"values shrink to {np.dot(here, there) / np.dot(here, here):.2f} of theirs; {agreed:.0%} of labels agree"
)

# %% [markdown]
# ## And a model without qubits

# %%
scores["logistic regression, 64 pixels"] = (
    LogisticRegression(max_iter=1000).fit(X[train], y[train]).score(X[test], y[test])
)
for name, score in scores.items():
    print(f"{name:<32}{score:.3f}")
