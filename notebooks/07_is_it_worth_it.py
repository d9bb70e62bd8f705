# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Is it worth it?
#
# A quantum classifier that reaches 95 % says nothing yet. **Compared with what?** A logistic regression on
# the same rows may reach 97 % in a millisecond; so may a small perceptron; and so may the same circuit with
# its entanglers taken out, which is then a few independent qubits that anybody can simulate. A large study
# of published models (Bowles, Ahmed and Schuld, [arXiv:2403.07059](https://arxiv.org/abs/2403.07059)) found
# that classical models, as they come out of the box, beat the quantum ones overall, and that taking out the
# entanglers often did no harm.
#
# `qdl.baselines.compare` puts these rivals beside any model, in one call.

# %%
from dataclasses import replace

import jax
import matplotlib.pyplot as plt
import numpy as np
import pennylane as qp

import qdl
from qdl.baselines import compare

key = jax.random.key(0)

# %% [markdown]
# The model in question is data re-uploading on four wires, five rounds. It reads the mean of all four
# $\langle Z \rangle$. That matters for a fair comparison: a readout of one wire would, without entanglers,
# see one feature out of four, and lose for a reason that has nothing to do with entanglement.

# %%
mean_z = qp.sum(*(qp.s_prod(1 / 4, qp.Z(wire)) for wire in range(4)))
model = replace(qdl.models.data_reuploading(4, 5), readout=qdl.Expval(mean_z))
print(model)

# %% [markdown]
# ## A task where the classical models win
#
# Two curves wind through four dimensions, a tenth apart; tell which one a point is on. Every row of the
# table
#
# - sees the same data: for each of five seeds, new curves, 240 points to train and 60 to test;
# - may try the same number of settings, on folds of the training part, never on the test part;
# - trains the best of them on the whole training part, and is scored once.


# %%
def curves(seed):
    return qdl.datasets.two_curves(features=4, seed=seed)


lost = compare(model, curves, key=key, seeds=5, trials=3, folds=2)
print(lost.table())

# %% [markdown]
# The perceptron has as many parameters as the circuit and makes far fewer mistakes. The **Fourier
# surrogate** is a linear model: it draws frequencies from the spectrum that the circuit's encoding can
# reach, and fits their weights. Whatever the circuit can represent is a sum of such terms. Where the
# surrogate is ahead, those terms were good enough, and what the circuit made of them was not.
#
# **No entanglers** is the same circuit without its CZ gates. The distance between it and the first row is
# what entanglement was worth here; the distance to the rows below is what it would have had to be worth.

# %% [markdown]
# ## A task where it is close
#
# Two species of iris that overlap, versicolor and virginica: 50 flowers to train and 50 to test, a new
# split for each seed.


# %%
def flowers(seed):
    return qdl.datasets.iris(classes=(1, 2), test_size=0.5, seed=seed)


close = compare(model, flowers, key=key, seeds=5, trials=3, folds=2)
print(close.table())

# %%
figure, both = plt.subplots(1, 2, figsize=(10, 3.4), layout="constrained")
for axes, result, title in zip(both, (lost, close), ("two curves", "iris, two species")):
    result.plot(axes)
    axes.set(title=title, xlabel="test accuracy (blue: quantum)")

# %% [markdown]
# The circuit has the highest mean here, and its entanglers earn their keep. But look at the second best:
# the Fourier surrogate, a linear model of the circuit's own frequencies, is level with it. The verdict
# under each table says which case it is: it subtracts two rows seed by seed, and asks in a paired test
# whether the mean is off zero by more than its standard error. For that counts that the splits share their
# hundred flowers, and how few of them were tested.
#
# ## One seed would have told any story
#
# The table of the curves again, one seed at a time: the model's accuracy minus that of each rival, in
# percent. Whoever runs one seed may find the circuit well ahead of the SVC, or well behind it.

# %%
first, *rivals = lost.rows
print(f"{'model minus':<20} " + " ".join(f"{f'seed {i}':>8}" for i in range(5)))
for rival in rivals:
    percent = 100 * np.subtract(first.scores, rival.scores)
    print(f"{rival.name:<20} " + " ".join(f"{value:>+8.0f}" for value in percent))

# %% [markdown]
# ## So, is it worth it?
#
# For these two tables of numbers, no. On the curves a perceptron of the same size is far ahead; on the iris
# a linear model is level; both train in a fraction of the time and need no quantum computer. That is the
# usual answer today, and a reason to ask before a paper or a bill for hardware, not after. Four rows are
# cheap to leave out and should not be: a linear model, a perceptron of equal size, the surrogate, and the
# model itself without entanglers; with equal tuning, several seeds, and their spread.
#
# From the shell, with a folder of results: `qdl compare --dataset iris --seeds 5 --trials 3`. Published results
# beside ours, with classical models beside both: `python -m benchmarks.accuracy`.
