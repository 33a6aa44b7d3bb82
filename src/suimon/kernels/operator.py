"""A whole scan as one operator of torch, so that compiled and exported graphs show one node.

``suimon::scan`` is the forward pass and ``suimon::scan_backward`` its first derivative; both run
on whatever backend the resolver chooses when the graph is run. Derivatives beyond the first are
those of the definition.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd import forward_ad

from suimon.cells import Cell
from suimon.errors import BackendError
from suimon.kernels.api import ScanRequest, ScanResult
from suimon.kernels.autocast import autocast_dtype
from suimon.kernels.differentiation import gradients
from suimon.kernels.flattening import differentiable_inputs, outputs
from suimon.kernels.resolver import run
from suimon.kernels.specification import (
    ScanSpecification,
    specification_from,
    specification_text,
    trace_names,
)

SCAN_SCHEMA = (
    "Tensor x, Tensor[] state, Tensor[] weights, Tensor? lengths, Tensor? reset, "
    "Tensor? recurrent_mask, Tensor[] zoneout, str specification"
)


class ScanArguments(NamedTuple):
    """The operator's arguments, in the order of :data:`SCAN_SCHEMA`: a scan request in pieces."""

    x: Tensor
    state: list[Tensor]
    weights: list[Tensor]
    lengths: Tensor | None
    reset: Tensor | None
    recurrent_mask: Tensor | None
    zoneout: list[Tensor]
    specification: str

    @property
    def described(self) -> ScanSpecification:
        """The specification, read."""
        return specification_from(self.specification)

    def request(self) -> ScanRequest:
        """The pieces put together."""
        described = self.described
        return ScanRequest(
            cell=described.cell,
            weights=dict(zip(described.cell.parameter_shapes(), self.weights, strict=True)),
            x=self.x,
            state=described.cell.State(*self.state),
            lengths=self.lengths,
            reset=self.reset,
            recurrent_mask=self.recurrent_mask,
            zoneout=dict(zip(described.zoneout, self.zoneout, strict=True)) or None,
            reverse=described.reverse,
            trace=described.trace,
        )

    def scan(self, request: ScanRequest, backend: str | None = None) -> ScanResult:
        """Run ``request`` on ``backend``, else on the one specified."""
        dtype = self.described.autocast_dtype
        # What counts is autocast where the graph was traced, not where it is run.
        with torch.autocast(self.x.device.type, dtype=dtype, enabled=dtype is not None):
            return run(request, backend or self.described.backend)

    def gradients(
        self,
        wanted: list[bool],
        arrived: list[Tensor | None],
        create_graph: bool = False,
    ) -> list[Tensor | None]:
        """See :func:`~suimon.kernels.differentiation.gradients`."""
        # Only the definition is differentiable to any order on every backend.
        backend = "reference" if create_graph else None
        return gradients(
            lambda request: self.scan(request, backend),
            self.request(),
            wanted,
            arrived,
            create_graph,
        )


def scan_as_one_node(request: ScanRequest, backend: str) -> ScanResult:
    """Run ``request``, whose cell is a built-in one, through the operator."""
    cell = request.cell
    assert isinstance(cell, Cell)
    weights = cell.weights() if request.weights is None else request.weights
    text = specification_text(request, backend, autocast_dtype(request))
    results = scan_operator(
        request.x,
        list(request.state),
        [weights[name] for name in cell.parameter_shapes()],
        request.lengths,
        request.reset,
        request.recurrent_mask,
        list((request.zoneout or {}).values()),
        text,
    )
    fields = len(request.state)
    state, gates = results[1 : 1 + fields], results[1 + fields :]
    trace = dict(zip(trace_names(text), gates, strict=True)) if request.trace else None
    return ScanResult(results[0], type(request.state)(*state), trace)


@torch.library.custom_op("suimon::scan", mutates_args=(), schema=f"({SCAN_SCHEMA}) -> Tensor[]")
def scan_operator(*pieces: Any) -> list[Tensor]:
    """The output, the state's fields, and the trace where there is one."""
    arguments = ScanArguments(*pieces)
    request = arguments.request()
    _refuse_forward_mode()
    with torch.no_grad():
        return _own(outputs(arguments.scan(request)), differentiable_inputs(request))


@scan_operator.register_fake
def _(*pieces: Any) -> list[Tensor]:
    arguments = ScanArguments(*pieces)
    x, described = arguments.x, arguments.described
    dtype = described.autocast_dtype
    T, B = x.shape[:2]
    widths = [described.cell.output_size, *described.trace_widths().values()]
    output, *trace = [x.new_empty(T, B, width, dtype=dtype or x.dtype) for width in widths]
    state = [f.new_empty(f.shape, dtype=dtype or f.dtype) for f in arguments.state]
    return [output, *state, *trace]


@torch.library.custom_op(
    "suimon::scan_backward",
    mutates_args=(),
    schema=f"(Tensor[] arrived, int[] outputs, int[] wanted, {SCAN_SCHEMA}) -> Tensor[]",
)
def scan_backward_operator(
    arrived: list[Tensor], outputs: list[int], wanted: list[int], *pieces: Any
) -> list[Tensor]:
    """The gradients of the inputs ``wanted`` from those that ``arrived`` for some ``outputs``.

    Both are named by their places in :func:`~suimon.kernels.flattening.differentiable_inputs` and
    :func:`~suimon.kernels.flattening.outputs`.
    """
    arguments = ScanArguments(*pieces)
    inputs = differentiable_inputs(arguments.request())
    described = arguments.described
    count = 1 + len(arguments.state) + len(described.trace_widths())
    by_output = dict(zip(outputs, arrived, strict=True))
    with _autograd_inside_an_operator():
        found = arguments.gradients(
            [place in wanted for place in range(len(inputs))],
            [by_output.get(place) for place in range(count)],
        )
    filled = []
    for place in wanted:
        gradient = found[place]
        filled.append(torch.zeros_like(inputs[place]) if gradient is None else gradient)
    return _own(filled, [*inputs, *arrived])


@scan_backward_operator.register_fake
def _(arrived: list[Tensor], outputs: list[int], wanted: list[int], *pieces: Any) -> list[Tensor]:
    inputs = differentiable_inputs(ScanArguments(*pieces).request())
    return [inputs[place].new_empty(inputs[place].shape) for place in wanted]


def _remember(ctx: Any, inputs: tuple[Any, ...], output: list[Tensor]) -> None:
    """Keep what the backward pass computes from: the inputs."""
    arguments = ScanArguments(*inputs)
    ctx.set_materialize_grads(False)
    ctx.counts = len(arguments.state), len(arguments.weights)
    ctx.specification = arguments.specification
    ctx.save_for_backward(
        arguments.lengths,
        arguments.reset,
        arguments.recurrent_mask,
        arguments.x,
        *arguments.state,
        *arguments.weights,
        *arguments.zoneout,
    )


def _differentiate(ctx: Any, arrived: list[Tensor | None]) -> tuple[Any, ...]:
    """The gradient of every argument of the operator, in their nest of lists."""
    lengths, reset, mask, x, *rest = ctx.saved_tensors
    states, weights = ctx.counts
    zoneout = rest[states + weights :]
    arguments = ScanArguments(
        x,
        rest[:states],
        rest[states : states + weights],
        lengths,
        reset,
        mask,
        zoneout,
        ctx.specification,
    )
    needs = ScanArguments(*ctx.needs_input_grad)
    needs_mask = [] if mask is None else [needs.recurrent_mask]
    wanted = [needs.x, *needs.state, *needs.weights, *needs_mask, *needs.zoneout]

    if torch.is_grad_enabled():
        found = arguments.gradients(wanted, arrived, create_graph=True)
    else:
        places = [place for place, needed in enumerate(wanted) if needed]
        given = [place for place, gradient in enumerate(arrived) if gradient is not None]
        computed = scan_backward_operator([arrived[n] for n in given], given, places, *arguments)
        found = [None] * len(wanted)
        for place, gradient in zip(places, computed, strict=True):
            found[place] = gradient

    supply = iter(found)
    return (
        next(supply),
        [next(supply) for _ in arguments.state],
        [next(supply) for _ in arguments.weights],
        None,
        None,
        None if mask is None else next(supply),
        [next(supply) for _ in zoneout],
        None,
    )


scan_operator.register_autograd(_differentiate, setup_context=_remember)


def _one_by_one(operator: Callable[..., list[Tensor]]) -> Callable[..., Any]:
    """The vmap rule of ``operator``: run it for each example.

    Calls made under vmap take the definition instead, which is batched; this rule serves graphs
    that were exported or compiled before vmap was applied to them.
    """

    def rule(
        info: Any, in_dims: tuple[Any, ...], *arguments: Any
    ) -> tuple[list[Tensor], list[int]]:
        def example(value: Any, dim: Any, n: int) -> Any:
            if isinstance(dim, list | tuple):  # a list of tensors
                return [example(*pair, n) for pair in zip(value, dim, strict=True)]
            return value if dim is None else value.select(dim, n)

        results = [
            operator(*(example(*pair, n) for pair in zip(arguments, in_dims, strict=True)))
            for n in range(info.batch_size)
        ]
        stacked = [torch.stack(tensors) for tensors in zip(*results, strict=True)]
        return stacked, [0] * len(stacked)

    return rule


scan_operator.register_vmap(_one_by_one(scan_operator))
scan_backward_operator.register_vmap(_one_by_one(scan_backward_operator))


def _own(results: list[Tensor], arguments: list[Tensor]) -> list[Tensor]:
    """``results``, copied where an operator's may not be as they are.

    Each must be contiguous, as the fake kernels say, and share memory with no other tensor.
    """
    taken = {tensor.untyped_storage().data_ptr() for tensor in arguments}
    own = []
    for result in results:
        tensor = result.contiguous()
        if tensor.storage_offset() != 0 or tensor.untyped_storage().data_ptr() in taken:
            tensor = tensor.clone()
        taken.add(tensor.untyped_storage().data_ptr())
        own.append(tensor)
    return own


def _refuse_forward_mode() -> None:
    """Raise where a graph is run under forward-mode AD, which takes an operator for a constant.

    Graphs that are traced under it have no operator; this one was exported beforehand.
    """
    if forward_ad._current_level >= 0:
        raise BackendError(
            "an exported graph is run under forward-mode AD, which cannot see into suimon::scan; "
            "differentiate the layer that it was exported from"
        )


@contextmanager
def _autograd_inside_an_operator() -> Iterator[None]:
    """Let autograd record where torch has switched it off: inside an operator's own kernel."""
    recording = torch._C._dispatch_tls_local_exclude_set().remove(
        torch._C.DispatchKey.AutogradFunctionality
    )
    included = torch._C._dispatch_tls_local_include_set()
    with torch._C._ForceDispatchKeyGuard(included, recording):
        yield
