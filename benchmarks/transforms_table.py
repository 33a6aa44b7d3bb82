"""Which torch transforms torch.nn's recurrent layers and ours get right: a table, measured.

Every row applies one transform to a layer and compares with an answer found another way (a plain
backward pass, a difference quotient, the layer itself). Run::

    python benchmarks/transforms_table.py            # writes docs/_generated/transforms.md
    python benchmarks/transforms_table.py --print    # to the terminal alone
"""

import argparse
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import forward_ad
from torch.export import Dim, export
from torch.func import functional_call, grad, hessian, jvp, stack_module_state, vmap

import suimon

T, B, I, H = 3, 2, 3, 4
PAGE = Path(__file__).resolve().parent.parent / "docs" / "_generated" / "transforms.md"

Outcome = tuple[Any, Any]
"""What a transform gave and what it should have given."""


def output(layer: nn.Module) -> Callable[[Tensor], Tensor]:
    return lambda x: layer(x)[0]


def energy(layer: nn.Module) -> Callable[[Tensor], Tensor]:
    """A number that depends on the input in a nonlinear way."""
    return lambda x: layer(x)[0].sin().sum()


def gradient(layer: nn.Module, x: Tensor, create_graph: bool = False) -> Tensor:
    x = x.detach().requires_grad_()
    return torch.autograd.grad(energy(layer)(x), x, create_graph=create_graph)[0]


def exact(layer: nn.Module, x: Tensor) -> tuple[nn.Module, Tensor]:
    """A twin in float64, where torch's own operators are composed of differentiable ones."""
    twin = type(layer)(I, H, dtype=torch.float64)
    twin.load_state_dict({name: w.double() for name, w in layer.state_dict().items()})
    return twin, x.double()


def slope(layer: nn.Module, x: Tensor, towards: Tensor) -> Tensor:
    """The difference quotient of the output, in float64."""
    twin, x = exact(layer, x)
    step = 1e-6 * towards.double()
    return ((output(twin)(x + step) - output(twin)(x - step)) / 2e-6).float()


def double_backward(layer: nn.Module, x: Tensor) -> Outcome:
    def second(layer: nn.Module, x: Tensor) -> Tensor:
        x = x.detach().requires_grad_()
        (first,) = torch.autograd.grad(energy(layer)(x), x, create_graph=True)
        return torch.autograd.grad(first.square().sum(), x)[0]

    return second(layer, x), second(*exact(layer, x)).float()


def vmap_inputs(layer: nn.Module, x: Tensor) -> Outcome:
    xs = torch.stack([x, -x])
    return vmap(output(layer))(xs), torch.stack([output(layer)(x) for x in xs])


def vmap_weights(layer: nn.Module, x: Tensor) -> Outcome:
    layers = [type(layer)(I, H) for _ in range(2)]
    state = stack_module_state(layers)
    found = vmap(lambda p, b: functional_call(layers[0], (p, b), (x,))[0])(*state)
    return found, torch.stack([output(each)(x) for each in layers])


def func_grad(layer: nn.Module, x: Tensor) -> Outcome:
    return grad(energy(layer))(x), gradient(layer, x)


def per_sample(layer: nn.Module, x: Tensor) -> Outcome:
    weights = {name: weight.detach() for name, weight in layer.named_parameters()}

    def loss(weights: dict[str, Tensor], x: Tensor) -> Tensor:
        return functional_call(layer, weights, (x,))[0].sin().sum()

    found = vmap(grad(loss), in_dims=(None, 1))(weights, x)
    each = [torch.autograd.grad(energy(layer)(x[:, b]), layer.parameters()) for b in range(B)]
    return list(found.values()), [torch.stack(pair) for pair in zip(*each, strict=True)]


def func_jvp(layer: nn.Module, x: Tensor) -> Outcome:
    towards = torch.ones_like(x)
    return jvp(output(layer), (x,), (towards,))[1], slope(layer, x, towards)


def dual_numbers(layer: nn.Module, x: Tensor) -> Outcome:
    towards = torch.ones_like(x)
    with forward_ad.dual_level():
        found = forward_ad.unpack_dual(output(layer)(forward_ad.make_dual(x, towards))).tangent
        return found, slope(layer, x, towards)


def func_hessian(layer: nn.Module, x: Tensor) -> Outcome:
    twin, wide = exact(layer, x)
    expected = torch.autograd.functional.hessian(energy(twin), wide)
    return hessian(energy(layer))(x), expected.float()


def compiled(layer: nn.Module, x: Tensor) -> Outcome:
    run = torch.compile(layer, fullgraph=True, backend="aot_eager")
    found, expected = (
        torch.autograd.grad(energy(each)(x), layer.parameters()) for each in (run, layer)
    )
    return list(found), list(expected)


def compiled_jvp(layer: nn.Module, x: Tensor) -> Outcome:
    towards = torch.ones_like(x)

    def tangent(x: Tensor, towards: Tensor) -> Tensor:
        return jvp(output(layer), (x,), (towards,))[1]

    run = torch.compile(tangent, fullgraph=True, backend="aot_eager")
    return run(x, towards), slope(layer, x, towards)


def compiled_per_sample(layer: nn.Module, x: Tensor) -> Outcome:
    xs = torch.stack([x, -x])
    run = torch.compile(vmap(grad(energy(layer))), fullgraph=True, backend="aot_eager")
    return run(xs), torch.stack([gradient(layer, x) for x in xs])


def program_of(layer: nn.Module, x: Tensor) -> Any:
    return export(layer, (x,), dynamic_shapes=({0: Dim("T", min=2, max=512)},))


def exported(layer: nn.Module, x: Tensor) -> Outcome:
    run = program_of(layer, x).module()
    inputs = [torch.randn(steps, B, I) for steps in (2, 5, 9)]
    return [output(run)(x) for x in inputs], [output(layer)(x) for x in inputs]


def exported_as_one_node(layer: nn.Module, x: Tensor) -> Outcome:
    """The recurrence is one node of the graph, whatever the length of the example."""
    names = [str(node.target) for node in program_of(layer, x).graph.nodes]
    whole = ("scan", "lstm", "gru", "rnn_tanh", "mkldnn_rnn_layer")
    return sum(any(word in name for word in whole) for name in names), 1


def no_steps(layer: nn.Module, x: Tensor) -> Outcome:
    return output(layer)(x[:0]), torch.zeros(0, B, H)


def empty_rows(layer: nn.Module, x: Tensor) -> Outcome:
    """A batch with a row of length 0: packed for torch.nn, ``lengths=`` for ours."""
    lengths = torch.tensor([2, 0])
    if type(layer).__module__.startswith("torch."):
        packed = nn.utils.rnn.pack_padded_sequence(x, lengths, enforce_sorted=False)
        found = nn.utils.rnn.pad_packed_sequence(layer(packed)[0], total_length=T)[0]
    else:
        found = layer(x, lengths=lengths)[0]
    expected = torch.zeros(T, B, H)
    expected[:2, :1] = output(layer)(x[:2, :1])
    return found, expected


ROWS: dict[str, Callable[[nn.Module, Tensor], Outcome]] = {
    "double backward": double_backward,
    "`vmap` over inputs": vmap_inputs,
    "`vmap` over weights (ensembles)": vmap_weights,
    "`torch.func.grad`": func_grad,
    "`vmap(grad)` (per-sample gradients)": per_sample,
    "`jvp`": func_jvp,
    "dual numbers (`forward_ad`)": dual_numbers,
    "`hessian`": func_hessian,
    "`torch.compile(fullgraph=True)`, backward": compiled,
    "`torch.compile` of `jvp`": compiled_jvp,
    "`torch.compile` of `vmap(grad)`": compiled_per_sample,
    "`torch.export`, dynamic time": exported,
    "`torch.export`: the recurrence is one node": exported_as_one_node,
    "no steps (T = 0)": no_steps,
    "rows of length 0": empty_rows,
}
COLUMNS: dict[str, type[nn.Module]] = {
    f"{home}.{name}": getattr(module, name)
    for home, module in (("torch.nn", nn), ("suimon", suimon))
    for name in ("RNN", "GRU", "LSTM")
}


def outcome(row: Callable[[nn.Module, Tensor], Outcome], cls: type[nn.Module]) -> str:
    """``yes``, ``wrong`` (an answer that is not right, without an error), or the error."""
    torch.manual_seed(0)
    torch._dynamo.reset()
    layer, x = cls(I, H), torch.randn(T, B, I)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            found, expected = row(layer, x)
            torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-4)
        except AssertionError:
            return "**wrong**"
        except Exception as error:  # whatever torch raises is the finding
            return f"error: {type(error).__name__}"
    return "yes"


def table() -> str:
    """The page: a Markdown table, a row a transform."""
    lines = [
        f"Float32 on the CPU, torch {torch.__version__.split('+')[0]}, suimon "
        f"{suimon.__version__}; written by `benchmarks/transforms_table.py`. "
        "*wrong* is an answer that is not right, given without an error. `torch.compile` takes "
        "`torch.nn`'s layers only where `torch._dynamo.config.allow_rnn` is set, which is not the "
        "default and not done here.",
        "",
        f"| | {' | '.join(f'`{name}`' for name in COLUMNS)} |",
        f"|---|{'---|' * len(COLUMNS)}",
    ]
    for name, row in ROWS.items():
        cells = [outcome(row, cls) for cls in COLUMNS.values()]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--print", action="store_true", help="print the table, write nothing")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    page = table()
    print(page)
    if not arguments.print:
        PAGE.parent.mkdir(parents=True, exist_ok=True)
        PAGE.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
