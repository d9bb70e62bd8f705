# %% [markdown]
# # A classifier made of magnets
#
# Take a few hundred spins, little magnets that point up or down and pull on each other. Left alone they
# settle in a state of low energy. Zhang and Kamenev (*Communications Physics* 8, 478, 2025) turn that
# into a classifier: the pixels of an image act as fields on 120 **hidden** spins, these couple to 40
# **output** spins, four for each digit, and the answer is the digit whose outputs point up when the spins
# have settled. An **annealer**, a machine or a program that looks for low-energy states, does the
# thinking; training changes the couplings until the low-energy states are the right ones.
#
# The paper proposes a quantum annealer. **Everything here runs on a laptop with a classical one. No quantum
# processor was used**, neither here nor in the tests of this library.

# %%
import matplotlib.pyplot as plt
import numpy as np

import qdl
from qdl.ising import (
    BlockSampler,
    IsingClassifier,
    amplify,
    annealing_unitary,
    backpropagation,
    landscape,
    scaling_exponent,
    wrong_states,
)

data = qdl.datasets.mnist(classes=None, features=None, scale=(0, 1))
held = qdl.datasets.mnist(classes=None, features=None, scale=(0, 1), test="held")
data.X_train.shape, data.X_test.shape, held.X_test.shape

# %% [markdown]
# The images are the paper's: the first 100 of each digit in MNIST's training part, and 100 test images.
# A hundred test images cannot tell 90 % from 93 %, so we also keep 2,000 others.
#
# ## Train
#
# For each image the annealer draws some low-energy states, ten here. The weights move towards the state in
# which the outputs are held at the right answer, and away from the mean of what the annealer found:
# *quantum propagation*. With a single read it is *equilibrium propagation*, which is older. It is a
# scikit-learn classifier like any other.

# %%
untrained = IsingClassifier(epochs=0).fit(data.X_train, data.y_train)
classifier = IsingClassifier().fit(data.X_train, data.y_train)
for name, model in (("before", untrained), ("after", classifier)):
    test = model.score(data.X_test, data.y_test)
    more = model.score(held.X_test, held.y_test)
    print(f"{name} training: {test:.2f} of the test images, {more:.3f} of 2,000 others")

# %% [markdown]
# The paper reports 92 % on its 100 test images. Over five seeds of this classifier the mean on them is
# about 90 %, single seeds from 88 to 92 %, and about 83 % on the 2,000 others: the paper's number is
# within the spread of seeds, and an optimistic estimate of what to expect.
#
# ## What the training did to the energy landscape
#
# We sample the low-energy states of all test images before and after, and place them in a plane such that
# distances are as close as possible to the number of spins that differ.

# %%
found = {
    "before training": landscape(untrained, data.X_test, data.y_test, num_reads=20),
    "after": landscape(classifier, data.X_test, data.y_test, num_reads=20),
}
figure, axes = plt.subplots(1, 2, figsize=(8, 3.8), dpi=80)
for ax, (name, seen) in zip(axes, found.items(), strict=True):
    points, labels = seen.mds(max_points=500)
    dots = ax.scatter(*points.T, c=labels, cmap="tab10", s=8)
    ax.set(title=name, xticks=[], yticks=[])
    print(
        f"{name}: two states of one image differ in {seen.within_image:.1f} of 160 spins, "
        f"{seen.unclassified:.1%} of the states name no digit"
    )
figure.colorbar(dots, ax=axes, label="digit", ticks=range(10))
plt.show()


# %% [markdown]
# Before, every image has a crowd of unrelated states: a glass. After, an image has a few states close to
# each other, and the digits are clusters. Most of this happens in the first epoch.
#
# ## How many reads help?
#
# In the paper the error falls with the number of reads up to about nine, the number of wrong classes, and
# then stays. That is so here as well, but for reads that know nothing of the wrong classes too
# (*forward*), with a classical annealer. So **it is averaging; it needs no quantum effect.**


# %%
def first_error(num_reads):
    model = IsingClassifier(
        num_reads=num_reads, learning_rate=2e-3, sampler=BlockSampler(sweeps=10), epochs=1
    )
    return model.fit(data.X_train, data.y_train).history_["online_error"][0]


reads = (1, 3, 6, 9, 15, 20)
errors = [first_error(m) for m in reads]
figure, axes = plt.subplots(figsize=(4.5, 3), dpi=80)
axes.plot(reads, errors, "o-")
axes.set(xlabel="forward reads per image", ylabel="error in epoch 1")
plt.show()

# %% [markdown]
# ## How fast does the error fall, and compared with what?
#
# The paper fits the training error as $e \sim (\text{epochs})^{-z}$ and finds $z = 0.64$ for equilibrium
# propagation, $0.78$ for back-propagation and $1.01$ for quantum propagation. We fit the error over epochs
# 1 to 13, and put ordinary back-propagation on a network of the same shape beside it, at three learning
# rates.

# %%
ten = BlockSampler(sweeps=10)
rules = {
    "equilibrium propagation": {"rule": "equilibrium_propagation", "num_reads": 1},
    "quantum propagation, mixed": {"num_reads": 20, "reads": "mixed"},
    "quantum propagation, forward": {"num_reads": 20},
}
curves = {}
for name, words in rules.items():
    model = IsingClassifier(**words, sampler=ten).fit(data.X_train, data.y_train)
    curves[f"{name}, rate 0.001"] = (
        model.history_["online_error"],
        model.score(held.X_test, held.y_test),
    )
for rate in (1e-3, 1e-2, 1e-1):
    net = backpropagation(data.X_train, data.y_train, learning_rate=rate)
    right = np.mean(net.predict(held.X_test) == held.y_test)
    curves[f"back-propagation, rate {rate:g}"] = net.online_error, right

figure, axes = plt.subplots(figsize=(6.5, 4), dpi=80)
for name, (error, right) in curves.items():
    fit = scaling_exponent(error)
    print(f"{name:42} z = {fit.z:.2f} (epochs {fit.first}-{fit.last}), held-out {right:.3f}")
    shown = np.flatnonzero(error)
    style = "x--" if name.startswith("back") else "o-"
    axes.loglog(shown + 1, error[shown], style, label=name, markersize=4)
axes.set(xlabel="epoch", ylabel="online training error")
axes.legend(frameon=False, fontsize=8)
plt.show()

# %% [markdown]
# What can be said, and what cannot:
#
# - The **order** of the two annealing rules is reproduced at one learning rate: quantum propagation needs
#   fewer epochs than equilibrium propagation. Over five seeds and epochs 1 to 13 at rate 0.001, $z$ is
#   about 0.57 and, with reads from the wrong classes, 0.92: close to the paper's.
# - $z$ **depends on the learning rate and on the window** of the fit: that of back-propagation alone goes from
#   below to far above all others. The paper gives neither its rate nor its window.
# - **Tuned back-propagation trains in fewer epochs and generalises better.** There is no advantage over it
#   here, and an epoch with 20 reads costs 20 anneals an image.
#
# ## And with a coherent quantum machine?
#
# Late in training wrong states become rare, and one waits $1/|A|^2$ anneals for a wrong one to learn from;
# $|A|$ is its amplitude. If the machine could run its anneal backwards, amplitude amplification would find it
# in about $1/|A|$ uses. On eight spins we can follow the exact quantum state, on this computer.

# %%
small = qdl.datasets.mnist(classes=(0, 1), features=16, reduce="pool", scale=(0, 1))
net = IsingClassifier(hidden=4, redundancy=2, learning_rate=0.015, epochs=5)
net.fit(small.X_train, small.y_train)
results = []
for image, label in zip(small.X_test[:4], small.y_test[:4], strict=True):
    for duration in (10, 20, 40):
        unitary = annealing_unitary(net.network_.ising(image), duration, steps=40)
        results.append(amplify(unitary, wrong_states(4, 2, 2, label)))
results = [r for r in results if r.amplitude < 0.5]
amplitude = np.array([r.amplitude for r in results])
figure, axes = plt.subplots(figsize=(4.5, 3.2), dpi=80)
for name, calls in {
    "plain": [r.plain_calls for r in results],
    "amplified": [r.calls for r in results],
}.items():
    slope = np.polyfit(np.log(amplitude), np.log(calls), 1)[0]
    axes.loglog(amplitude, calls, "o", label=f"{name}, slope {slope:.2f}")
axes.set(xlabel="|A|", ylabel="uses per wrong state")
axes.legend(frameon=False)
plt.show()

# %% [markdown]
# The exponent of the cost is halved, as promised. That the exponent $z$ of training would double, as the
# paper suggests, does not follow from this and was not tested.
#
# ## Deeper?
#
# The paper also proposes networks with several hidden layers, annealed two layers at a time.
# `DeepIsingClassifier` does that. With a second hidden layer, 784-120-60-40, 20 epochs and three seeds, 79 to
# 80 % of the 2,000 other images are right, with one hidden layer and 13 epochs about 83 %; an epoch costs about
# three times as much (`python -m benchmarks.ising deep`). **No benefit of depth is seen here.**
#
# ## On a machine
#
# The same classifier runs on a D-Wave machine with `sampler=qdl.ising.QPUSampler()`; and
# `python -m benchmarks.ising figure5` repeats the comparison above with five seeds.
