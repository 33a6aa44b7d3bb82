"""A language model's network in the form in which it writes."""

from __future__ import annotations

from suimon.errors import BackendError
from suimon.inference.engine import NetworkRefusedError, StepEngine
from suimon.tasks.language_model.model import LanguageNetwork


def stepping_network(
    network: LanguageNetwork, precision: str = "fp32"
) -> LanguageNetwork | StepEngine:
    """What runs a network a unit at a time: the step engine, or the network's own layers.

    The engine holds the weights as they are now; ask again after they have changed.

    Args:
        network: the trained network.
        precision: one of :data:`~suimon.inference.engine.PRECISIONS`. In ``fp32`` the layers do
            what the engine cannot: the results are the same, only later.

    Raises:
        ConfigError: there is no such precision.
        BackendError: the engine, which alone has the others, cannot run this network.
    """
    linears = [linear for linear in (network.projection, network.head) if linear is not None]
    try:
        return StepEngine(
            network.recurrent, embedding=network.embedding, linears=linears, precision=precision
        )
    except NetworkRefusedError as refused:
        if precision == "fp32":
            return network
        raise BackendError(
            f"precision {precision} cannot run: {refused.reason}; give precision fp32"
        ) from refused
