"""The step engine: a trained network, one token or vector after another, in one native call each.

What the engine does and why stands in ``docs/design/0004-step-engine.md``; its arithmetic in
``kernels/cpu/src/step_engine.h``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from suimon.cells import (
    Cell,
    ElmanCell,
    GRUCell,
    LSTMCell,
    MinGRUCell,
    MinLSTMCell,
    RecurrentCell,
)
from suimon.errors import BackendError, ConfigError, ShapeError
from suimon.kernels.cpu.native import arrays, instruction_set, multiplies_bf16, why_missing
from suimon.layers import Recurrent

PRECISIONS = ("fp32", "bf16", "int8")
"""What weights and activations are rounded to where they are multiplied."""

LARGEST_TABLE = 32 * 2**20
"""Bytes up to which the first layer's input products are made once for every token."""


class NetworkRefusedError(BackendError):
    """The engine cannot run a network in some precision; ``reason`` says why."""

    def __init__(self, precision: str, reason: str) -> None:
        super().__init__(f"the step engine cannot run this network in {precision}: {reason}")
        self.reason = reason


class StepEngine:
    """A snapshot of a network's weights, laid out to be run step by step.

    Drives a :class:`~suimon.inference.session.Session` as the network itself does, with the same
    states. Later changes of the network's weights do not reach it: make a new one.

    Products are of ``fp32``, of ``bf16`` (8 significant bits), or of ``int8``: weights with a scale
    for each output, activations with one for each row and step. Sums, gates and states are fp32
    always. A row's results do not depend on the rows beside it, to the last bit.

    Shapes: T time, B batch, I input, L layers, H hidden, V outputs of the last linear layer.

    Args:
        recurrent: the stack; see :func:`refuses` for those that can be run.
        embedding: what turns tokens into the stack's input; ``None``: the input is vectors.
        linears: what follows the stack, in order.
        precision: one of :data:`PRECISIONS`.

    Raises:
        ConfigError: there is no such precision.
        NetworkRefusedError: :func:`refuses` says why.
        BackendError: ``SUIMON_CPU_ISA`` asks for what is not there.

    Example:
        >>> from suimon.layers import LSTM
        >>> engine = StepEngine(LSTM(3, 5))
        >>> output, state = engine(torch.zeros(7, 2, 3))
        >>> output.shape, state[1].shape
        (torch.Size([7, 2, 5]), torch.Size([1, 2, 5]))
    """

    def __init__(
        self,
        recurrent: nn.Module,
        *,
        embedding: nn.Embedding | None = None,
        linears: Sequence[nn.Linear] = (),
        precision: str = "fp32",
    ) -> None:
        reason = refuses(recurrent, embedding=embedding, linears=linears, precision=precision)
        if reason is not None:
            raise NetworkRefusedError(precision, reason)
        assert isinstance(recurrent, Recurrent)
        from suimon.kernels.cpu import _native

        self.precision = precision
        self._native = _native.StepEngine(precision, instruction_set())
        self._reads_tokens = embedding is not None
        self._outputs = linears[-1].out_features if linears else recurrent.output_size
        self._inputs = recurrent.input_size
        cell = recurrent.places[0].cell
        assert isinstance(cell, Cell)
        self._state_class = cell.State
        self._layers, self._sizes = recurrent.num_layers, list(cell.state_sizes().values())
        self._as_torch = recurrent.state_as_torch
        self._device = torch.zeros(0)
        with torch.no_grad():
            self._add_layers(recurrent, embedding)
            for linear in linears:
                self._native.add_linear(*arrays(linear.weight.detach(), _detached(linear.bias)))

    def _add_layers(self, recurrent: Recurrent, embedding: nn.Embedding | None) -> None:
        for index, place in enumerate(recurrent.places):
            cell, weights = place.cell, place.weights(recurrent)
            assert isinstance(cell, Cell)
            assert weights is not None
            weights = {name: weight.detach() for name, weight in weights.items()}
            ih, bias = weights["weight_ih"], weights.get("bias_ih")
            is_table = False
            if index == 0 and embedding is not None:
                vectors = embedding.weight.detach()
                is_table = vectors.shape[0] * ih.shape[0] * ih.element_size() <= LARGEST_TABLE
                if is_table:
                    ih, bias = F.linear(vectors, ih, bias), None  # (V, G*H)
                else:
                    self._native.set_embedding(*arrays(vectors))
            hh, hh_bias = weights.get("weight_hh"), weights.get("bias_hh")
            adds_input = recurrent.residual and index > 0
            given_ih, given_bias, given_hh, given_hh_bias, peephole, projection = arrays(
                ih, bias, hh, hh_bias, _peephole(cell, weights), weights.get("weight_hr")
            )
            self._native.add_layer(
                _native_name(cell),
                cell.hidden_size,
                given_ih,
                given_bias,
                is_table,
                given_hh,
                given_hh_bias,
                peephole,
                adds_input,
                projection,
            )

    def __call__(self, tokens: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        """Read several steps.

        Args:
            tokens: ``(T, B)`` int64, or vectors ``(T, B, I)`` float32 where there is no embedding.
            state: as the network's own; ``None``: zeros. It is not changed.

        Returns:
            ``(T, B, V)`` float32, and the state after the last step.

        Raises:
            ShapeError: ``tokens`` has another shape.
        """
        expected = "(T, B)" if self._reads_tokens else f"(T, B, {self._inputs})"
        fits = tokens.dim() == 2 if self._reads_tokens else tokens.shape[2:] == (self._inputs,)
        if not fits:
            raise ShapeError(f"the input is {tuple(tokens.shape)}; give {expected}")
        T, B = tokens.shape[:2]
        fields = self._fields(state, B)
        scores = torch.empty(T, B, self._outputs)
        if T > 0 and B > 0:
            given = arrays(tokens.detach(), *fields, scores)
            h, c = (given[1], None) if len(fields) == 1 else given[1:3]
            self._native.run(given[0], h, c, given[-1], torch.get_num_threads())
        return scores, self._state(fields)

    def write(
        self,
        logits: Tensor,
        state: Any,
        uniform: list[float],
        *,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        never: int | None = None,
    ) -> list[int]:
        """Draw a token in each row and read it; ``logits`` and ``state`` change in place.

        The draw is :func:`~suimon.inference.sampling.pick`'s.

        Args:
            logits: ``(B, V)`` float32, contiguous: what comes next; on return, what comes after.
            state: as :meth:`__call__` returns it.
            uniform: a number in [0, 1) for each row.
            temperature: see :func:`~suimon.inference.sampling.distribution`.
            top_k: as above.
            top_p: as above.
            never: a token that is not drawn.

        Returns:
            A token for each row.
        """
        fields = (state,) if isinstance(state, Tensor) else state
        given = arrays(logits, *fields)
        return self._native.write(
            given[0],
            given[1],
            given[2] if len(given) > 2 else None,
            uniform,
            temperature=temperature,
            top_k=top_k or 0,
            top_p=1.0 if top_p is None else top_p,
            never=-1 if never is None else never,
            threads=torch.get_num_threads(),
        )

    def eval(self) -> StepEngine:
        """Nothing to switch off: an engine only ever runs as in evaluation."""
        return self

    def parameters(self, recurse: bool = True) -> Iterator[Tensor]:
        """A tensor that tells the device, which is the CPU; the weights are the engine's own."""
        yield self._device

    def _fields(self, state: Any, B: int) -> list[Tensor]:
        """The state's fields, ``(L, B, H)`` each or narrower where projected, copied."""
        expected = [(self._layers, B, size) for size in self._sizes]
        if state is None:
            return [torch.zeros(shape) for shape in expected]
        fields = [state] if isinstance(state, Tensor) else list(state)
        found = [tuple(field.shape) for field in fields]
        if found != expected:
            raise ShapeError(f"the state is {found}; give {expected}")
        return [field.detach().float().clone().contiguous() for field in fields]

    def _state(self, fields: list[Tensor]) -> Any:
        """The fields in the form in which the network itself hands them back."""
        if self._as_torch:
            return tuple(fields) if len(fields) > 1 else fields[0]
        return self._state_class(*fields)


def refuses(
    recurrent: nn.Module,
    *,
    embedding: nn.Embedding | None = None,
    linears: Sequence[nn.Linear] = (),
    precision: str = "fp32",
) -> str | None:
    """Why the engine cannot run these parts in this precision, or ``None`` where it can.

    Raises:
        ConfigError: there is no such precision.
        BackendError: ``SUIMON_CPU_ISA`` asks for what is not there.
    """
    if precision not in PRECISIONS:
        raise ConfigError(f"precision is {precision!r}; give one of {', '.join(PRECISIONS)}")
    if (missing := why_missing()) is not None:
        return missing
    instruction_set()
    if not isinstance(recurrent, Recurrent) or type(recurrent).forward is not Recurrent.forward:
        return f"its stack is a {type(recurrent).__name__}, and no layer of suimon.layers"
    if recurrent.bidirectional:
        return "it is bidirectional, and the steps after are not known"
    if recurrent.norm_between:
        return "it has norm_between"
    if recurrent.backend not in ("auto", "cpu"):
        return f"its layers are to run on the backend {recurrent.backend}"
    for place in recurrent.places:
        if (fault := _refuses_cell(place.cell)) is not None:
            return fault
    tensors = [*recurrent.parameters()]
    tensors += [tensor for each in (embedding, *linears) if each for tensor in each.parameters()]
    for tensor in tensors:
        if tensor.dtype != torch.float32 or tensor.device.type != "cpu":
            return f"its weights are {tensor.dtype} on {tensor.device}, not torch.float32 on cpu"
    if precision == "bf16" and not multiplies_bf16():
        return f"{instruction_set()} has no products of bfloat16 (AVX512-BF16 or AMX have)"
    return None


def _refuses_cell(cell: RecurrentCell) -> str | None:
    kind = type(cell).__name__
    if type(cell) not in (LSTMCell, GRUCell, ElmanCell, MinGRUCell, MinLSTMCell):
        return f"its cell is a {kind}, which the engine does not know"
    if getattr(cell, "layer_norm", False):
        return "its cells have layer_norm"
    return None


def _native_name(cell: Cell) -> str:
    """The cell as the native engine calls it."""
    if isinstance(cell, LSTMCell):
        if cell.coupled:
            return "lstm_coupled"
        return "lstm" if cell.forget_gate else "lstm_ungated"
    if isinstance(cell, GRUCell):
        return "gru" if cell.reset_after else "gru_reset_before"
    if isinstance(cell, ElmanCell):
        return f"elman_{cell.nonlinearity}"
    return cell.kind


def _peephole(cell: Cell, weights: Mapping[str, Tensor]) -> Tensor | None:
    """``(3, H)``: of the gates i, f and o, zeros for one that is not there."""
    if not getattr(cell, "peephole", False):
        return None
    none = torch.zeros(cell.hidden_size)
    return torch.stack([weights.get(f"peephole_{gate}", none) for gate in "ifo"])


def _detached(tensor: Tensor | None) -> Tensor | None:
    return None if tensor is None else tensor.detach()
