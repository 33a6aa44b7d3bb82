"""From a row of logits to one token: temperature, top-k, nucleus (top-p), and the draw."""

from collections.abc import Sequence

import torch
from torch import Tensor

from suimon.errors import ConfigError

ROUNDING = 1e-12
"""A share of probability that is reached but for the rounding of its sum is reached."""


def check_sampling(temperature: float, top_k: int | None, top_p: float | None) -> None:
    """Refuse sampling options outside their range.

    Raises:
        ConfigError: ``temperature`` is negative or not a number, ``top_k < 1``, or ``top_p``
            outside ``(0, 1]``.
    """
    if not 0.0 <= temperature < float("inf"):
        raise ConfigError(f"temperature is {temperature}; give 0 (always the likeliest) or more")
    if top_k is not None and top_k < 1:
        raise ConfigError(f"top_k is {top_k}; give 1 or more, or leave it out to keep every token")
    if top_p is not None and not 0.0 < top_p <= 1.0:
        raise ConfigError(f"top_p is {top_p}; give a share above 0 and up to 1")


def distribution(
    logits: Tensor,
    *,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
) -> Tensor:
    """The probabilities that tokens are drawn from, after temperature, top-k and top-p.

    ``p = softmax(logits / temperature)``, then all but the ``top_k`` likeliest are set to zero,
    then all but the fewest likeliest whose shares add up to at least ``top_p``; what is left is
    scaled to sum to one. Of equally likely tokens at the edge, the earlier ones stay.
    Temperature 0 puts everything on the likeliest token.

    Args:
        logits: ``(B, V)``, any floating dtype.
        temperature: 0 or more; below 1 sharpens, above 1 flattens.
        top_k: how many tokens may be drawn; ``None``: all.
        top_p: share of probability to keep, in ``(0, 1]``; ``None``: all.

    Returns:
        ``(B, V)`` in float64, each row summing to one.

    Raises:
        ConfigError: an option is outside its range.

    Source: A. Holtzman and others (2020), The Curious Case of Neural Text Degeneration, section
        3.1 (top-p), 3.2 (top-k), 3.3 (temperature).

    Example:
        >>> import torch
        >>> distribution(torch.tensor([[1.0, 1.0, 0.0]]), top_k=2).tolist()
        [[0.5, 0.5, 0.0]]
    """
    check_sampling(temperature, top_k, top_p)
    logits = logits.to(torch.float64)  # a cumulative sum over a large vocabulary needs the digits
    if temperature == 0.0:
        probabilities = torch.zeros_like(logits)
        return probabilities.scatter_(-1, logits.argmax(-1, keepdim=True), 1.0)
    # Largest first at zero, so that a tiny temperature cannot turn large logits into inf - inf.
    shifted = logits - logits.amax(-1, keepdim=True)
    probabilities = torch.softmax(shifted / temperature, dim=-1)
    if top_k is None and (top_p is None or top_p == 1.0):
        return probabilities
    return _keep_likeliest(probabilities, top_k, top_p)


def _keep_likeliest(probabilities: Tensor, top_k: int | None, top_p: float | None) -> Tensor:
    """Zero what top-k and top-p leave out and scale the rest to one, row by row."""
    ranked, order = probabilities.sort(dim=-1, descending=True, stable=True)
    if top_k is not None:
        ranked[..., top_k:] = 0.0
        ranked = ranked / ranked.sum(-1, keepdim=True)
    if top_p is not None:
        before = ranked.cumsum(-1) - ranked  # share of the likelier ones, (B, V)
        ranked = torch.where(before < top_p - ROUNDING, ranked, 0.0)
    ranked = ranked / ranked.sum(-1, keepdim=True)
    return torch.zeros_like(ranked).scatter_(-1, order, ranked)


def draw(probabilities: Tensor, uniform: Tensor) -> Tensor:
    """The token at which the running sum of probabilities passes a uniform number.

    A pure function of both arguments: a row's token depends on that row alone, whatever stands
    beside it in the batch.

    Args:
        probabilities: ``(B, V)``, rows summing to one.
        uniform: ``(B,)`` in ``[0, 1)``.

    Returns:
        ``(B,)`` int64. A token of probability zero is never returned.
    """
    running = probabilities.cumsum(-1)
    # Scaled by the row's own sum, which rounding may leave a little off one.
    threshold = uniform.to(running.dtype).unsqueeze(-1) * running[..., -1:]
    return torch.searchsorted(running, threshold, right=True).squeeze(-1)


def pick(
    logits: Tensor,
    uniform: Sequence[float],
    *,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    never: int | None = None,
) -> Tensor:
    """The token of each row at a uniform number: :func:`draw` from :func:`distribution`.

    Args:
        logits: ``(B, V)``.
        uniform: a number in ``[0, 1)`` for each row; temperature 0 needs none of them.
        temperature: see :func:`distribution`; 0 takes the likeliest.
        top_k: see :func:`distribution`.
        top_p: see :func:`distribution`.
        never: a token that is left out before all else; ``None``: none.

    Returns:
        ``(B,)`` int64 on the logits' device.

    Raises:
        ConfigError: an option is outside its range.

    Example:
        >>> import torch
        >>> pick(torch.tensor([[0.0, 3.0, 1.0]]), [0.5], temperature=0, never=1).tolist()
        [2]
    """
    check_sampling(temperature, top_k, top_p)
    if never is not None:
        logits = logits.clone()
        logits[:, never] = -torch.inf
    if temperature == 0.0:
        return logits.argmax(-1)
    probabilities = distribution(logits, temperature=temperature, top_k=top_k, top_p=top_p)
    return draw(probabilities, torch.tensor(uniform, dtype=torch.float64, device=logits.device))


def sample(
    logits: Tensor,
    *,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    generator: torch.Generator | Sequence[torch.Generator] | None = None,
) -> Tensor:
    """Draw one token a row from :func:`distribution`.

    Args:
        logits: ``(B, V)``.
        temperature: see :func:`distribution`; 0 draws nothing and takes the likeliest.
        top_k: see :func:`distribution`.
        top_p: see :func:`distribution`.
        generator: one for the whole batch, or one a row so that a row's tokens do not depend on
            how many rows there are; ``None``: torch's global one.

    Returns:
        ``(B,)`` int64 on the logits' device.

    Raises:
        ConfigError: an option is outside its range.

    Example:
        >>> import torch
        >>> sample(torch.tensor([[0.0, 3.0, 1.0]]), temperature=0).tolist()
        [1]
    """
    if temperature == 0.0:
        check_sampling(temperature, top_k, top_p)
        return logits.argmax(-1)
    probabilities = distribution(logits, temperature=temperature, top_k=top_k, top_p=top_p)
    rows = logits.shape[0]
    if generator is None or isinstance(generator, torch.Generator):
        uniform = torch.rand(rows, dtype=torch.float64, generator=generator)
    else:
        uniform = torch.cat([torch.rand(1, dtype=torch.float64, generator=g) for g in generator])
    return draw(probabilities, uniform.to(logits.device))
