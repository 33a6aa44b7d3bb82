"""What a cell is: one time step of a recurrent network, as a pure function of input and state."""

import inspect
import math
from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from suimon.cells.validation import check_size, check_step_shapes
from suimon.shapes import LayerTrace, Weights

State = Any
"""A NamedTuple of tensors, each ``(B, S)``: what a cell carries from one step to the next."""


@runtime_checkable
class RecurrentCell(Protocol):
    """The least a cell must offer; a user's own cell is any module with these four.

    ``step`` is pure: it reads its arguments and the cell's weights, and changes nothing.
    The output of a step is ``(B, output_size)`` where the cell has that attribute, else
    ``(B, hidden_size)``. A cell whose output is a field of its state may name that field in an
    attribute ``output_field``; zoneout needs to know it.
    """

    input_size: int
    hidden_size: int

    def initial_state(self, batch_size: int) -> State:
        """The state before the first step, each field ``(batch_size, S)``."""
        ...

    def step(self, x_t: Tensor, state: State) -> tuple[Tensor, State]:
        """One time step: ``(B, I)`` in, output and next state out."""
        ...


class Transition(NamedTuple):
    """One step in full: what :meth:`Cell.step` returns, and the gates on the way there."""

    output: Tensor
    state: State
    gates: LayerTrace


class Cell(nn.Module):
    """A built-in cell: named weights, and the transition that defines its mathematics.

    A subclass gives ``kind`` (its registry name), ``State`` (its NamedTuple),
    :meth:`parameter_shapes` and :meth:`transition`, and what differs of the rest. It keeps each
    argument of its constructor under the argument's name, see :meth:`options`. The transition
    takes its weights as an argument, so that a layer which owns them under ``torch.nn``'s names,
    a kernel under test and ``torch.func`` all evaluate the very same definition.
    """

    kind: ClassVar[str]
    State: ClassVar[type]
    output_field: ClassVar[str] = "h"
    """The field of the state that is the output of a step."""
    option_names: ClassVar[tuple[str, ...]]
    """What the constructor takes beside ``device`` and ``dtype``; read from its signature."""

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        # Once a class, for a compiler that traces options() cannot read signatures.
        names = tuple(inspect.signature(cls.__init__).parameters)[1:]
        cls.option_names = tuple(name for name in names if name not in ("device", "dtype"))

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.input_size = check_size("input_size", input_size)
        self.hidden_size = check_size("hidden_size", hidden_size)
        for name, shape in self.parameter_shapes().items():
            self.register_parameter(
                name, nn.Parameter(torch.empty(shape, device=device, dtype=dtype))
            )
        self.reset_parameters()

    @property
    def output_size(self) -> int:
        """Width of one step's output."""
        return self.state_sizes()[self.output_field]

    @property
    def initial_bound(self) -> float:
        """Fresh weights are drawn uniformly from ``[-bound, bound]``; here torch's 1/sqrt(H)."""
        return 1.0 / math.sqrt(self.hidden_size)

    def parameter_shapes(self) -> dict[str, tuple[int, ...]]:
        """Name to shape of every weight, in ``torch.nn``'s order, without a layer's suffix."""
        raise NotImplementedError

    def initialise(self, weights: Weights) -> None:
        """Draw fresh values into ``weights`` in place: the cell's own, or a layer's.

        Uniform within :attr:`initial_bound`, in the order of :meth:`parameter_shapes`, so that
        with one seed a cell draws what its twin in ``torch.nn`` draws. Gains of a layer norm
        (``norm_…_gain``) start at 1 and its biases (``norm_…_bias``) at 0, drawing nothing.
        """
        for name in self.parameter_shapes():
            if name.startswith("norm_"):
                nn.init.constant_(weights[name], 1.0 if name.endswith("_gain") else 0.0)
            else:
                nn.init.uniform_(weights[name], -self.initial_bound, self.initial_bound)

    def reset_parameters(self) -> None:
        """Draw the cell's own weights anew, see :meth:`initialise`."""
        self.initialise(self.weights())

    def options(self) -> Mapping[str, Any]:
        """The constructor's arguments, JSON-able: ``type(cell)(**cell.options())`` is its twin.

        Each is an attribute of its own name; where the weights live is not among them.
        """
        return {name: getattr(self, name) for name in self.option_names}

    def weights(self) -> dict[str, Tensor]:
        """The cell's own weights by name."""
        return dict(self.named_parameters())

    def state_sizes(self) -> dict[str, int]:
        """Field of the state to its width ``S``."""
        return dict.fromkeys(self.State._fields, self.hidden_size)  # pyright: ignore

    def initial_state(
        self,
        batch_size: int,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> Any:
        """Zeros: a :attr:`State` of ``(B, S)`` tensors, like the weights unless said otherwise."""
        like = next(self.parameters())
        device, dtype = device or like.device, dtype or like.dtype
        return self.State(
            **{
                name: torch.zeros(batch_size, size, device=device, dtype=dtype)
                for name, size in self.state_sizes().items()
            }
        )

    def transition(
        self,
        x_t: Tensor,
        state: Any,
        weights: Weights,
        recurrent_mask: Tensor | None = None,
    ) -> Transition:
        """The definition of the cell: one step with the weights and every gate named.

        Args:
            x_t: input of this step, ``(B, I)``.
            state: what the previous step left, a :attr:`State`.
            weights: the tensors that :meth:`parameter_shapes` names.
            recurrent_mask: ``(B, S)``, S the width of the output; multiplies ``h_{t-1}`` where it
                enters the recurrent product, and only there (variational dropout); ``None`` for
                none.
        """
        raise NotImplementedError

    def step(self, x_t: Tensor, state: Any) -> tuple[Tensor, Any]:
        """One time step with the cell's own weights: ``(B, I)`` in, output and next state out.

        Raises:
            ShapeError: where ``x_t`` or the state has another shape than this cell's.
        """
        check_step_shapes(self, x_t, state)
        done = self.transition(x_t, state, self.weights())
        return done.output, done.state

    def forward(self, x_t: Tensor, state: Any) -> tuple[Tensor, Any]:
        """The same as :meth:`step`, so that a cell can be called and hooked like any module."""
        return self.step(x_t, state)

    def extra_repr(self) -> str:
        """The options, for ``print(cell)``."""
        return ", ".join(f"{name}={value!r}" for name, value in self.options().items())
