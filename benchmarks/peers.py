"""Layers of other packages, where they are installed: ``pip install 'suimon[bench]'`` brings them.

Each is imported only when it is asked for, and left out of a report where it is missing. They get
the weights of ours, so that a report can show that they compute the same.
"""

import os
from collections.abc import Callable, Mapping
from functools import cache
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor, nn

Step = Callable[[], object]
MISSING = "{} is not installed, its rows are left out: pip install 'suimon[bench]' brings it"


@cache
def installed(package: str) -> bool:
    """Whether a package is there; says so, once, where it is not."""
    if find_spec(package) is None:
        print(MISSING.format(package), flush=True)
        return False
    return True


def torchrecurrent_peephole(weights: Mapping[str, Tensor]) -> nn.Module:
    """The peephole LSTM of torchrecurrent, a loop over time of torch's operators."""
    import torchrecurrent

    H, I = weights["weight_hh"].shape[1], weights["weight_ih"].shape[1]
    layer = torchrecurrent.PeepholeLSTM(I, H)
    peepholes = torch.cat([weights[f"peephole_{gate}"] for gate in "ifo"])
    names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    own = {f"cells.0.{name}": weights[name].detach() for name in names}
    layer.load_state_dict({**own, "cells.0.weight_ph": peepholes.detach()})
    return layer


def jax_takes_as_many_threads() -> bool:
    """JAX takes all processors, and cannot be told otherwise once it runs."""
    return torch.get_num_threads() == len(os.sched_getaffinity(0))


def jax_lstm(weights: Mapping[str, Tensor], x: Tensor, training: bool) -> tuple[Step, Tensor]:
    """An LSTM by ``jax.lax.scan``, compiled; what to time, and its output ``(T, B, H)``.

    Training is forward, and the gradients of the weights and of the input.
    """
    import jax
    import jax.numpy as jnp

    def layer(own: Any, x: Any) -> Any:
        from_x = x @ own["weight_ih"].T + own["bias_ih"] + own["bias_hh"]  # (T, B, 4*H)

        def step(state: Any, now: Any) -> Any:
            h, c = state
            i, f, g, o = jnp.split(now + h @ own["weight_hh"].T, 4, axis=-1)
            c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
            h = jax.nn.sigmoid(o) * jnp.tanh(c)
            return (h, c), h

        zeros = jnp.zeros((x.shape[1], own["weight_hh"].shape[1]))
        return jax.lax.scan(step, (zeros, zeros), from_x)[1]

    def through(own: Any, x: Any, gradient: Any) -> Any:
        output, back = jax.vjp(layer, own, x)
        return output, back(gradient)

    own = {name: jnp.asarray(weight.detach().numpy()) for name, weight in weights.items()}
    given = jnp.asarray(x.numpy())
    forward = jax.jit(layer)
    output = forward(own, given)
    if training:
        gradient, both = jnp.asarray(torch.rand(output.shape).numpy()), jax.jit(through)
        return lambda: jax.block_until_ready(both(own, given, gradient)), _tensor(output)
    return lambda: jax.block_until_ready(forward(own, given)), _tensor(output)


def _tensor(array: Any) -> Tensor:
    return torch.from_numpy(array.__array__().copy())
