"""Any cell over time: layers, directions, dropout, padding, resets and traces around it."""

import warnings
from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar, Unpack

import torch
from torch import Tensor, nn

from suimon.cells import Cell, RecurrentCell, State
from suimon.cells.validation import check_flag, check_size
from suimon.errors import ShapeError
from suimon.kernels import PlacedScan, ScanRequest, ScanResult, scan
from suimon.kernels.autocast import autocast_is_on
from suimon.kernels.explanation import without_running
from suimon.kernels.resolver import check_backend_name
from suimon.kernels.torch.contiguous import flatten_weights
from suimon.layers.bidirectional import run_directions
from suimon.layers.ownership import (
    CellFactory,
    Place,
    make_cells,
    output_width,
    state_widths,
    take_over,
)
from suimon.layers.regularisation import (
    BeyondTorch,
    check_probability,
    check_recurrent,
    check_zoneout,
    drop_weights,
    recurrent_mask,
    zoneout_shares,
)
from suimon.layers.representation import BEYOND_DEFAULTS, describe
from suimon.layers.sequences import Input, Lengths, Sequences, read_sequences
from suimon.layers.stack import LayerResult, StackResult, run_stack
from suimon.layers.states import join_states, read_states


class Recurrent(nn.Module):
    """A stack of recurrent layers around any cell.

    Shapes: B batch, T time, I input, L layers, D directions, P width of a step's output, S width
    of a field of the state. ``input`` is ``(T, B, I)``; ``(B, T, I)`` with ``batch_first``;
    ``(T, I)`` without a batch axis; or a ``PackedSequence``. The output has the same form.

    Args:
        cell: a cell, whose weights become those of the first layer and direction (the others are
            drawn afresh), or a function from the width of a layer's input to a cell.
        num_layers: L, at least 1.
        input_size: I, where ``cell`` is a function; else the cell's own.
        batch_first: input, output and ``reset`` are ``(B, T, …)``; states and traces are not.
        dropout: probability in [0, 1] of dropping units of the output of every layer but the
            last, in training.
        bidirectional: read each sequence backwards too; outputs are joined to D*P.
        beyond: see :class:`~suimon.layers.regularisation.BeyondTorch`.

    Raises:
        ConfigError: where an argument is out of its range, or the cell cannot have it.
        BackendError: where no backend has the name given.

    Attributes:
        places: what runs in each layer and direction, in the order of the state's ``L*D``: the
            cell, and which of the layer's weights are its.

    A built-in cell's weights belong to the layer, under the names that ``torch.nn`` gives them:
    ``weight_ih_l0``, ``weight_hh_l0_reverse`` and so on, for each weight that the cell names.

    Example:
        >>> from suimon.cells import JordanCell
        >>> layer = Recurrent(JordanCell(3, 5, output_size=2), num_layers=2)
        >>> output, state = layer(torch.zeros(7, 4, 3), lengths=[7, 0, 3, 5])
        >>> output.shape, state.y.shape
        (torch.Size([7, 4, 2]), torch.Size([2, 4, 2]))
    """

    state_as_torch: ClassVar[bool] = False
    """Whether a state is given back as torch.nn does, a tensor or a plain tuple of tensors."""

    def __init__(
        self,
        cell: RecurrentCell | CellFactory,
        num_layers: int = 1,
        *,
        input_size: int | None = None,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        **beyond: Unpack[BeyondTorch],
    ) -> None:
        super().__init__()
        self.num_layers = check_size("num_layers", num_layers)
        self.batch_first = check_flag("batch_first", batch_first)
        self.bidirectional = check_flag("bidirectional", bidirectional)
        self.dropout = check_probability("dropout", dropout)
        if self.dropout > 0.0 and num_layers == 1:
            warnings.warn(
                f"dropout is {dropout}, but it acts between layers and num_layers is 1; "
                f"give num_layers=2 or more for it to act",
                stacklevel=2 if type(self) is Recurrent else 3,
            )
        cells = make_cells(cell, input_size, self.num_layers, self.num_directions)
        self.places = take_over(self, cells)
        self.input_size = cells[0][0].input_size
        self.hidden_size = cells[0][0].hidden_size
        self._set_beyond(**beyond)
        self.flatten_parameters()

    def _set_beyond(
        self,
        recurrent_dropout: float = 0.0,
        weight_dropout: float = 0.0,
        zoneout: float | tuple[float, ...] = 0.0,
        norm_between: bool = False,
        residual: bool = False,
        checkpoint_time: int | None = None,
        backend: str = "auto",
    ) -> None:
        """Check and keep the options of :class:`BeyondTorch`."""
        cell = self.places[0].cell
        self.recurrent_dropout = check_recurrent("recurrent_dropout", recurrent_dropout, cell)
        self.weight_dropout = check_recurrent("weight_dropout", weight_dropout, cell)
        self.zoneout = check_zoneout(zoneout, cell)
        self.residual = check_flag("residual", residual)
        self.norm_between = check_flag("norm_between", norm_between)
        self.norms: Any = self._make_norms() if norm_between else ()
        if checkpoint_time is not None:
            check_size("checkpoint_time", checkpoint_time)
        self.checkpoint_time = checkpoint_time
        self.backend = check_backend_name(backend)

    def _make_norms(self) -> nn.ModuleList:
        """A layer norm for the input of every layer but the first."""
        like = next(self.parameters(), torch.empty(0))
        width = self.num_directions * self.output_size
        make = partial(nn.LayerNorm, width, device=like.device, dtype=like.dtype)
        return nn.ModuleList(make() for _ in range(self.num_layers - 1))

    @property
    def num_directions(self) -> int:
        """D: 2 for bidirectional, else 1."""
        return 2 if self.bidirectional else 1

    @property
    def output_size(self) -> int:
        """P: width of one direction's output."""
        return output_width(self.places[0].cell)

    @property
    def _dtype(self) -> torch.dtype:
        """That of the weights."""
        first = next(iter(self.places[0].names.values()))
        weight = self._parameters.get(first)  # elsewhere where it is parametrised
        return next(self.parameters()).dtype if weight is None else weight.dtype

    @property
    def all_weights(self) -> list[list[Tensor]]:
        """The cell's weights of each layer and direction, in ``torch.nn``'s order."""
        return [[getattr(self, owned) for owned in place.names.values()] for place in self.places]

    def reset_parameters(self) -> None:
        """Draw all weights of built-in cells anew, in ``torch.nn``'s order; norms start afresh."""
        for place in self.places:
            weights = place.weights(self)
            if weights is not None and isinstance(place.cell, Cell):
                place.cell.initialise(weights)
        for norm in self.norms:
            norm.reset_parameters()

    def flatten_parameters(self) -> None:
        """Lay each cell's weights end to end in memory where cuDNN wants that; else do nothing."""
        for place in self.places:
            if isinstance(place.cell, Cell):
                owned = [self._parameters.get(name) for name in place.names.values()]
                flatten_weights(place.cell, owned)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> "Recurrent":
        super()._apply(fn, recurse)
        self.flatten_parameters()  # a move or cast has given each weight memory of its own
        return self

    def forward(
        self,
        input: Input,
        hx: Any = None,
        *,
        lengths: Lengths = None,
        reset: Tensor | None = None,
        trace: bool = False,
    ) -> tuple[Any, ...]:
        """Run the stack over whole sequences.

        Args:
            input: ``(T, B, I)``, or one of the other forms above; T may be 0.
            hx: the state before the first step, fields ``(L*D, B, S)``; ``None``: zeros, or what
                a user's cell begins with.
            lengths: ``(B,)`` integers from 0 to T, in any order: valid steps of each row;
                ``None``: all T. What padding holds has no effect.
            reset: ``(T, B)`` bool (``(B, T)`` with ``batch_first``): True where a new sequence
                starts, so that the state restarts just before that step; ``None``: nowhere.
            trace: also return every gate and state of every step.

        Returns:
            ``(output, state)``, and with ``trace`` a third, ``trace[layer][direction][name]`` of
            ``(T, B, S)``. The output is the top layer's, zeros in the padding; the state is that
            after each row's last valid step, fields ``(L*D, B, S)``.

        Raises:
            ShapeError: where a shape or dtype is wrong; it is a RuntimeError and a ValueError.
            BackendError: where the backend asked for by name cannot run this.
        """
        sequences = read_sequences(input, lengths, reset, self.batch_first)
        done = self._run(hx, sequences, trace, self._scan)
        state = join_states(done.states, sequences)
        if self.state_as_torch:
            state = tuple(state) if len(state) > 1 else state[0]
        output = sequences.restore(done.output)
        if not trace:
            return output, state
        traces = [[sequences.restore_trace(each or {}) for each in layer] for layer in done.traces]
        return output, state, traces

    @torch.no_grad()
    def scans(
        self,
        input: Input | None = None,
        hx: Any = None,
        *,
        lengths: Lengths = None,
        reset: Tensor | None = None,
        trace: bool = False,
    ) -> list[PlacedScan]:
        """The scans that :meth:`forward` would ask for, see :func:`suimon.kernels.explain`."""
        if input is None:
            like = next(self.parameters(), torch.empty(0))
            input = like.new_zeros(2, 1, self.input_size)
            input = input.transpose(0, 1) if self.batch_first else input
        sequences = read_sequences(input, lengths, reset, self.batch_first)
        asked: list[PlacedScan] = []

        def ask(place: Place, request: ScanRequest) -> ScanResult:
            asked.append(PlacedScan(place.layer, place.direction, request, self.backend))
            return without_running(request)

        device = sequences.x.device
        # Masks are drawn as in forward, but not from the caller's random numbers.
        with torch.random.fork_rng([device] if device.type == "cuda" else []):
            self._run(hx, sequences, trace, ask)
        return asked

    def _run(
        self,
        hx: Any,
        sequences: Sequences,
        trace: bool,
        scan: Callable[[Place, ScanRequest], ScanResult],
    ) -> StackResult:
        """The whole stack, each place's request given to ``scan``."""
        before = self._states_before(hx, sequences)
        layers = [
            partial(self._run_layer, layer, before, sequences, trace, scan)
            for layer in range(self.num_layers)
        ]
        return run_stack(
            layers,
            sequences.x,
            dropout=self.dropout if self.training else 0.0,
            norms=self.norms,
            residual=self.residual,
        )

    def _states_before(self, hx: Any, sequences: Sequences) -> list[State]:
        """The state of each place before the first step, the input checked on the way."""
        x, first = sequences.x, self.places[0].cell
        if x.shape[-1] != self.input_size:
            raise ShapeError(
                f"input has {x.shape[-1]} features a step; it must have input_size, "
                f"{self.input_size}"
            )
        # A user's cell and autocast choose their dtypes themselves.
        dtype = None
        if isinstance(first, Cell) and not autocast_is_on(x.device):
            dtype = self._dtype
            if x.dtype != dtype:
                either = f" or layer.to({x.dtype})" if x.is_floating_point() else ""
                raise ShapeError(
                    f"input has dtype {x.dtype} and the weights have {dtype}; "
                    f"convert one: input.to({dtype}){either}"
                )
        if hx is None:
            return [place.initial_state(x, dtype or x.dtype) for place in self.places]
        fields = read_states(hx, state_widths(first), len(self.places), sequences, dtype)
        return [place.state_of(each) for place, each in zip(self.places, fields, strict=True)]

    def _run_layer(
        self,
        layer: int,
        before: list[State],
        sequences: Sequences,
        trace: bool,
        scan: Callable[[Place, ScanRequest], ScanResult],
        x: Tensor,
    ) -> LayerResult:
        D = self.num_directions

        def run(n: int, x: Tensor) -> ScanResult:
            place = self.places[n]
            return scan(place, self._request(place, before[n], sequences, trace, x))

        return run_directions([partial(run, n) for n in range(layer * D, (layer + 1) * D)], x)

    def _scan(self, place: Place, request: ScanRequest) -> ScanResult:
        return scan(request, self.backend, self.checkpoint_time)

    def _request(
        self, place: Place, state: State, sequences: Sequences, trace: bool, x: Tensor
    ) -> ScanRequest:
        """One cell over the whole sequence, in its direction."""
        drawn = self.training
        return ScanRequest(
            cell=place.cell,
            weights=drop_weights(self.weight_dropout if drawn else 0.0, place.weights(self)),
            x=x,
            state=state,
            lengths=sequences.lengths,
            reset=sequences.reset,
            recurrent_mask=recurrent_mask(
                self.recurrent_dropout if drawn else 0.0, place.cell, state
            ),
            zoneout=zoneout_shares(self.zoneout, state, x.shape[0], drawn),
            reverse=place.direction == 1,
            trace=trace,
        )

    def extra_repr(self) -> str:
        """As ``torch.nn`` has it, then whatever else is not at its default."""
        own = ("num_layers", "batch_first", "dropout", "bidirectional")
        options = {name: getattr(self, name) for name in (*own, *BEYOND_DEFAULTS)}
        return describe(self.places[0].cell, options)
