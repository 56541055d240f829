"""One way to train: AdamW with a warm-up and a cosine decay, epoch by epoch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np
import optax

#: The batch of a step, and a key for its dropout -> the loss.
Loss = Callable[[Any, Any, jax.Array], jax.Array]


def rate_of(highest: float, steps: int) -> optax.Schedule:
    """A learning rate that rises for a tenth of the steps and then falls to nothing."""
    return optax.warmup_cosine_decay_schedule(0.0, highest, steps // 10, steps, 0.0)


def descend(
    learned: Any,
    loss: Loss,
    optimiser: optax.GradientTransformation,
    batches: Callable[[], Iterator[Any]],
    epochs: int,
    seed: int,
) -> Any:
    """Train and say after each epoch how large the loss was.

    Args:
        learned: the weights to start from, as a tree of arrays.
        loss: of these weights for a batch.
        optimiser: what makes a step of a gradient; gradients are clipped before.
        batches: the batches of an epoch, as trees of arrays of few shapes: each is compiled once.
        epochs: how often they are drawn.
        seed: of the dropout.

    Returns:
        The weights, in the same tree.
    """
    clipped = optax.chain(optax.clip_by_global_norm(1.0), optimiser)

    @jax.jit  # type: ignore[untyped-decorator]
    def step(
        learned: Any, state: optax.OptState, batch: Any, key: jax.Array
    ) -> tuple[Any, optax.OptState, jax.Array]:
        value, gradient = jax.value_and_grad(loss)(learned, batch, key)
        updates, state = clipped.update(gradient, state, learned)
        return optax.apply_updates(learned, updates), state, value

    state, key = clipped.init(learned), jax.random.PRNGKey(seed)
    for epoch in range(epochs):
        values = []
        for batch in batches():
            key, now = jax.random.split(key)
            learned, state, value = step(learned, state, batch, now)
            values.append(float(value))
        print(f"epoch {epoch + 1} of {epochs}: loss {np.mean(values):.3f}", flush=True)
    return learned
