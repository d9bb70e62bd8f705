# %% [markdown]
# # A first quantum neural network
#
# A quantum neural network is a circuit whose gates have angles. Some angles are the **features** of an
# image, others are **parameters** that we train. At the end we measure a wire: the average of its
# outcomes, $\langle Z \rangle$ between $-1$ and $1$, is the network's output.
#
# We define such a network, train it to tell handwritten zeros from ones, look at the training, and ask
# whether the same circuit could be trained on more wires.

# %% [markdown]
# ## Define
#
# A model is a list of layers and a readout. `Repeat` with an encoding inside is *data re-uploading*: the
# features enter again and again, so that the output can be a richer function of them.

# %%
import jax
import matplotlib.pyplot as plt
import numpy as np
import optax

import qdl
from qdl.layers import AngleEncoding, Entangler, Repeat, Rotation

block = [AngleEncoding(), Rotation("zyz"), Entangler("cz", pattern="ring")]
model = qdl.QNN(4, Repeat(block, 3), readout=qdl.ExpZ([0]))
print(model)

# %% [markdown]
# ## Data
#
# Images of 8x8 pixels, projected on their first four principal components and scaled to angles between 0
# and $\pi$. What is fitted is fitted on the training part only.

# %%
data = qdl.datasets.digits(classes=(0, 1), features=4)
data.X_train.shape, data.X_test.shape

# %% [markdown]
# ## Train
#
# `fit` draws the first parameters from a key and takes gradient steps on minibatches. For one output,
# cross entropy reads $(1 + \langle Z \rangle)/2$ as the probability of label 1.

# %%
result = qdl.fit(
    model,
    data.X_train,
    data.y_train,
    loss="cross_entropy",
    optimizer=optax.adam(0.03),
    steps=150,
    validation=(data.X_test, data.y_test),
    key=jax.random.key(0),
)
history = result.history
figure, axes = plt.subplots(figsize=(5, 3), dpi=80)
axes.plot(history["loss"], color="#3b6fb6", alpha=0.4, label="minibatch")
axes.plot(history["val_step"], history["val_loss"], ".:", color="#d1663a", label="test part")
axes.set(xlabel="step", ylabel="cross entropy")
axes.legend(frameon=False)
plt.show()

# %%
z = model.apply(result.params, data.X_test)[:, 0]
quantum = np.mean((z > 0) == data.y_test)
classical = qdl.baselines.logistic_regression(data)
print(f"this network:        {quantum:.3f} with {model.n_params} parameters")
print(f"{classical.name}: {classical.accuracy:.3f} with {classical.n_params} parameters")


# %% [markdown]
# Zeros and ones are easy: a linear model does as well with far fewer parameters. The digits are
# here to see that training works, not to show an advantage.

# %% [markdown]
# ## Could it be trained on more wires?
#
# If the derivative of the output is nearly the same, namely zero, wherever we start, training cannot
# begin. So we draw many random starts and look at the squared norm of the gradient. For circuits that are
# deep enough it falls exponentially with the number of wires: a *barren plateau*.


# %%
def build(n):
    return qdl.models.strongly_entangling(n, depth=3 * n)


sweep = qdl.diagnostics.gradient_variance(build, n_wires=(3, 4, 5, 6, 7), key=jax.random.key(1))
print(sweep.table())

# %%
figure, axes = plt.subplots(figsize=(5, 3), dpi=80)
sweep.plot(axes)
plt.show()
