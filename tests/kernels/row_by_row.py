"""A scan written the long way: one row at a time, only its valid steps, no masks."""

import torch

from suimon.kernels.api import ScanRequest, ScanResult


def scan_row_by_row(request: ScanRequest) -> ScanResult:
    """What a built-in cell's :class:`ScanRequest` means, as a reader of its docstring would do it.

    Everything is detached; the backends' gradients are checked by other means.
    """
    cell, weights = request.cell, {n: w.detach() for n, w in request.weights.items()}
    T, B = request.x.shape[:2]
    outputs = request.x.new_zeros(T, B, cell.output_size)
    finals, trace = [], {}
    for b in range(B):
        length = T if request.lengths is None else int(request.lengths[b])
        mask = None if request.recurrent_mask is None else request.recurrent_mask[b : b + 1]
        state = type(request.state)(*(field[b : b + 1] for field in request.state))
        steps = range(length)
        for t in reversed(steps) if request.reverse else steps:
            first_of_its_sequence = t + 1 < length if request.reverse else True
            mark = t + 1 if request.reverse else t
            if request.reset is not None and first_of_its_sequence and request.reset[mark, b]:
                state = type(state)(*(torch.zeros_like(field) for field in state))
            done = cell.transition(request.x[t, b : b + 1].detach(), state, weights, mask)
            new, gates = done.state._asdict(), dict(done.gates)
            for name, share in (request.zoneout or {}).items():
                keep = share.expand(T, B, new[name].shape[1])[t, b]
                new[name] = keep * getattr(state, name) + (1 - keep) * new[name]
                gates[name] = new[name]
            state = type(state)(**new)
            outputs[t, b] = new[cell.output_field][0]
            for name, gate in gates.items():
                rows = trace.setdefault(name, request.x.new_zeros(T, B, gate.shape[1]))
                rows[t, b] = gate[0]
        finals.append(state)
    fields = (torch.cat(rows) for rows in zip(*finals, strict=True))
    return ScanResult(outputs, type(request.state)(*fields), trace)
