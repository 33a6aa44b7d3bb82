"""The forms in which a layer takes sequences, brought to one form and back."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from suimon.errors import ShapeError
from suimon.kernels.transforms import needs_plain_operations
from suimon.shapes import LayerTrace

Input = Tensor | PackedSequence
Lengths = Tensor | Sequence[int] | None


@dataclass(frozen=True)
class Sequences:
    """What a layer runs on.

    Attributes:
        x: ``(T, B, I)``.
        lengths: ``(B,)`` int64; ``None``: all T.
        reset: ``(T, B)`` bool; ``None``: never.
        batch_first: the caller's tensors are ``(B, T, …)``.
        unbatched: the caller's tensors have no batch axis.
        packed: what the caller gave, where it was packed; its rows are in its sorted order.
    """

    x: Tensor
    lengths: Tensor | None = None
    reset: Tensor | None = None
    batch_first: bool = False
    unbatched: bool = False
    packed: PackedSequence | None = None

    def restore(self, output: Tensor) -> Input:
        """An output ``(T, B, O)`` in the form of the input."""
        if self.packed is not None:
            assert self.lengths is not None
            data, batch_sizes, *_ = pack_padded_sequence(output, self.lengths)
            _, _, sorted_indices, unsorted_indices = self.packed
            return PackedSequence(data, batch_sizes, sorted_indices, unsorted_indices)
        if self.unbatched:
            return output.squeeze(1)
        return output.transpose(0, 1) if self.batch_first else output

    def restore_state(self, field: Tensor) -> Tensor:
        """A field of the final state ``(L*D, B, S)`` in the form and row order of the input."""
        if self.unbatched:
            return field.squeeze(1)
        if self.packed is not None and self.packed.unsorted_indices is not None:
            return field.index_select(1, self.packed.unsorted_indices)
        return field

    def read_state(self, field: Tensor) -> Tensor:
        """Undo :meth:`restore_state`."""
        if self.unbatched:
            return field.unsqueeze(1)
        if self.packed is not None and self.packed.sorted_indices is not None:
            return field.index_select(1, self.packed.sorted_indices)
        return field

    def restore_trace(self, trace: LayerTrace) -> LayerTrace:
        """A layer's trace, time-major always, with the rows of the input."""
        return {name: self.restore_state(value) for name, value in trace.items()}


def read_sequences(
    input: Input, lengths: Lengths, reset: Tensor | None, batch_first: bool
) -> Sequences:
    """Bring what a caller gave to one form.

    Raises:
        ShapeError: where a shape or dtype is wrong, or a length is not from 0 to T.
    """
    if isinstance(input, PackedSequence):
        return _read_packed(input, lengths, reset)
    if not isinstance(input, Tensor):
        raise ShapeError(f"input is a {type(input).__name__}; it must be a tensor or packed")
    if input.dim() not in (2, 3):
        raise ShapeError(
            f"input has shape {tuple(input.shape)}; it must be 3-D, or 2-D without a batch axis"
        )
    if input.dim() == 2:
        if lengths is not None:
            raise ShapeError("lengths is given with a 2-D input; give the input a batch axis")
        reset = _check_reset(reset, (input.shape[0],))
        return Sequences(
            input.unsqueeze(1), None, None if reset is None else reset.unsqueeze(1), unbatched=True
        )
    marks = _check_reset(reset, tuple(input.shape[:2]))
    x = input.transpose(0, 1) if batch_first else input  # (T, B, I)
    if marks is not None and batch_first:
        marks = marks.transpose(0, 1)  # (T, B)
    return Sequences(x, _check_lengths(lengths, x), marks, batch_first=batch_first)


def _read_packed(packed: PackedSequence, lengths: Lengths, reset: Tensor | None) -> Sequences:
    for name, value in (("lengths", lengths), ("reset", reset)):
        if value is not None:
            raise ShapeError(
                f"{name} is given with a PackedSequence, which tells its own lengths; "
                f"give a padded tensor with {name}"
            )
    if packed.data.dim() != 2:
        raise ShapeError(f"packed data has shape {tuple(packed.data.shape)}; it must be (N, I)")
    in_order = PackedSequence(packed.data, packed.batch_sizes)
    x, own_lengths = pad_packed_sequence(in_order)  # (T, B, I), longest row first
    return Sequences(x, own_lengths, packed=packed)


def _check_reset(reset: Tensor | None, expected: tuple[int, ...]) -> Tensor | None:
    if reset is None:
        return None
    if reset.dtype != torch.bool:
        raise ShapeError(f"reset has dtype {reset.dtype}; it must be torch.bool")
    if tuple(reset.shape) != expected:
        raise ShapeError(f"reset has shape {tuple(reset.shape)}; it must be {expected}")
    return reset


def _check_lengths(lengths: Lengths, x: Tensor) -> Tensor | None:
    if lengths is None:
        return None
    checked = torch.as_tensor(lengths)
    T, B = x.shape[:2]
    if checked.dtype.is_floating_point or checked.dtype.is_complex or checked.dtype == torch.bool:
        raise ShapeError(f"lengths has dtype {checked.dtype}; it must be an integer type")
    if tuple(checked.shape) != (B,):
        raise ShapeError(f"lengths has shape {tuple(checked.shape)}; it must be ({B},)")
    # Neither a compiler nor torch.func can tell values.
    if B > 0 and not torch.compiler.is_compiling() and not needs_plain_operations(()):
        least, most = checked.aminmax()
        if least < 0 or most > T:
            wrong = int(least) if least < 0 else int(most)
            raise ShapeError(f"lengths has the value {wrong}; each must be from 0 to T = {T}")
    return checked.to(device=x.device, dtype=torch.int64)
