"""Writing token by token: the step engine against the loops that people write.

``python benchmarks/step_engine.py [--rounds 15]`` writes ``benchmarks/results/step_engine.json``.
The network is a language model over characters: embedding, LSTM of 2 x 512, head of 65. One stream:
loops over ``torch.nn.LSTM`` and over ``torch.nn.LSTMCell``, ONNX Runtime where it is installed, and
the engine in each precision, each drawing nothing: they read the same tokens. 64 streams: the same
loop of ``torch.nn.LSTM``, and the engine. Candidates take turns within one round.

Numbers are tokens a second, of all streams together.
"""

import argparse
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import numpy as np
import torch
from report import Timings, interleaved, rounded, write_report
from torch import Tensor, nn

from suimon.errors import BackendError
from suimon.inference import PRECISIONS, Session, StepEngine
from suimon.kernels.cpu.native import instruction_set
from suimon.layers import LSTM
from suimon.tasks.language_model.model import LanguageNetwork

V, E, H, L = 65, 128, 512, 2
STREAMS = 64
REST = 0.3  # s: a runtime's threads spin on after its turn, on a core that the next one needs
ONE_STREAM, MANY_STREAMS = "one stream", f"{STREAMS} streams"


def lstm_loop(network: LanguageNetwork, steps: int, B: int) -> Callable[[], Tensor]:
    """A call of ``torch.nn.LSTM`` a token."""
    lstm = nn.LSTM(E, H, L)
    lstm.load_state_dict(network.recurrent.state_dict())
    tokens = torch.zeros(1, B, dtype=torch.long)

    @torch.inference_mode()
    def run() -> Tensor:
        logits, state = torch.empty(0), None
        for _ in range(steps):
            output, state = lstm(network.embedding(tokens), state)
            logits = network.head(output)
        return logits[-1]

    return run


def cell_loop(network: LanguageNetwork, steps: int, B: int) -> Callable[[], Tensor]:
    """A call of ``torch.nn.LSTMCell`` a layer and token."""
    cells = [nn.LSTMCell(E if layer == 0 else H, H) for layer in range(L)]
    weights = network.recurrent.state_dict()
    for layer, cell in enumerate(cells):
        cell.load_state_dict({name: weights[f"{name}_l{layer}"] for name in cell.state_dict()})
    tokens = torch.zeros(B, dtype=torch.long)

    @torch.inference_mode()
    def run() -> Tensor:
        logits = torch.empty(0)
        states: list[Any] = [None] * L
        for _ in range(steps):
            x = network.embedding(tokens)
            for layer, cell in enumerate(cells):
                states[layer] = cell(x, states[layer])
                x = states[layer][0]
            logits = network.head(x)
        return logits

    return run


def onnx_loop(network: LanguageNetwork, steps: int, B: int) -> Callable[[], Tensor] | None:
    """A call of ONNX Runtime a token, on torch's number of threads.

    ``None``, and why on the terminal, where it is not installed.
    """
    try:
        import onnxruntime  # pyright: ignore[reportMissingImports]

        model = onnx_step(network, B)
    except ImportError as error:
        print(f"ONNX Runtime is left out: {error} (pip install 'suimon[bench]' brings it)")
        return None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    tokens = np.zeros((1, B), np.int64)
    names = [given.name for given in session.get_inputs()]

    def run() -> Tensor:
        logits, fed = None, [np.zeros((1, B, H), np.float32)] * (2 * L)
        for _ in range(steps):
            logits, *fed = session.run(None, dict(zip(names, [tokens, *fed], strict=True)))
        return torch.from_numpy(logits)[0]

    return run


def onnx_step(network: LanguageNetwork, B: int) -> bytes:
    """One step as an ONNX model: tokens (1, B) and h and c (1, B, H) of each layer, in and out.

    Raises:
        ImportError: onnx is not installed.
    """
    from onnx import TensorProto, helper, numpy_helper  # pyright: ignore[reportMissingImports]

    weights = {name: value.detach().numpy() for name, value in network.state_dict().items()}
    kept = {"embedding": weights["embedding.weight"], "head.bias": weights["head.bias"]}
    kept["head.weight"] = weights["head.weight"].T
    nodes = [helper.make_node("Gather", ["embedding", "tokens"], ["x0"])]
    states: list[str] = []
    for layer in range(L):
        for name, source in (("W", "weight_ih"), ("R", "weight_hh")):
            kept[f"{name}{layer}"] = onnx_gates(weights[f"recurrent.{source}_l{layer}"])[None]
        biases = [onnx_gates(weights[f"recurrent.bias_{way}_l{layer}"]) for way in ("ih", "hh")]
        kept[f"B{layer}"] = np.concatenate(biases)[None]
        given = [f"x{layer}", f"W{layer}", f"R{layer}", f"B{layer}", "", f"h{layer}", f"c{layer}"]
        made = [f"y{layer}", f"h{layer}_after", f"c{layer}_after"]
        nodes.append(helper.make_node("LSTM", given, made, hidden_size=H))
        nodes.append(helper.make_node("Squeeze", [f"y{layer}", "directions"], [f"x{layer + 1}"]))
        states += [f"h{layer}", f"c{layer}"]
    kept["directions"] = np.array([1])
    nodes.append(helper.make_node("MatMul", [f"x{L}", "head.weight"], ["product"]))
    nodes.append(helper.make_node("Add", ["product", "head.bias"], ["logits"]))

    def array(name: str, *shape: int, kind: int = TensorProto.FLOAT) -> Any:
        return helper.make_tensor_value_info(name, kind, shape)

    graph = helper.make_graph(
        nodes,
        "step",
        [array("tokens", 1, B, kind=TensorProto.INT64), *(array(s, 1, B, H) for s in states)],
        [array("logits", 1, B, V), *(array(f"{s}_after", 1, B, H) for s in states)],
        [numpy_helper.from_array(np.ascontiguousarray(a), name) for name, a in kept.items()],
    )
    return helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9
    ).SerializeToString()


def onnx_gates(rows: Any) -> Any:
    """Rows of torch's gates i f g o in ONNX's order i o f c."""
    i, f, g, o = np.split(rows, 4)
    return np.concatenate([i, o, f, g])


def engine_loop(
    network: LanguageNetwork, steps: int, B: int, precision: str, drawing: bool = False
) -> Callable[[], Tensor]:
    """A step of a session a token, or, ``drawing``, a draw and a step in one call."""
    engine = StepEngine(
        network.recurrent,
        embedding=network.embedding,
        linears=[network.head],
        precision=precision,
    )
    tokens = torch.zeros(B, dtype=torch.long)
    uniform = [0.5] * B

    def run() -> Tensor:
        session = Session(engine, B)
        session.step(tokens)
        for _ in range(steps - 1):
            if drawing:
                session.write(uniform, temperature=0.8)
            else:
                session.step(tokens)
        return session.logits

    return run


def candidates(network: LanguageNetwork, steps: int) -> dict[str, Callable[[], Tensor]]:
    """Name to loop: of one stream, then of many."""
    found: dict[str, Callable[[], Tensor]] = {
        f"torch.nn.LSTM, {ONE_STREAM}": lstm_loop(network, steps, 1),
        f"torch.nn.LSTMCell, {ONE_STREAM}": cell_loop(network, steps, 1),
        f"torch.nn.LSTM, {MANY_STREAMS}": lstm_loop(network, steps, STREAMS),
    }
    if (onnx := onnx_loop(network, steps, 1)) is not None:
        found[f"ONNX Runtime, {ONE_STREAM}"] = onnx
        expected = found[f"torch.nn.LSTM, {ONE_STREAM}"]()
        torch.testing.assert_close(onnx(), expected, rtol=1e-4, atol=1e-4)  # it is the same network
    for precision in PRECISIONS:
        try:
            found[f"{precision}, {ONE_STREAM}"] = engine_loop(network, steps, 1, precision)
            found[f"{precision} with drawing, {ONE_STREAM}"] = engine_loop(
                network, steps, 1, precision, drawing=True
            )
            found[f"{precision}, {MANY_STREAMS}"] = engine_loop(network, steps, STREAMS, precision)
        except BackendError as error:
            print(f"{precision} is left out: {error}")
    return found


def summary(times: Timings, steps: int) -> dict[str, Any]:
    """Tokens a second, and each candidate's ratios to the two that the others are held against."""
    torch_loop, ours = f"torch.nn.LSTM, {ONE_STREAM}", f"fp32, {ONE_STREAM}"
    rows = {}
    for name in times.seconds:
        tokens = steps * (STREAMS if name.endswith(MANY_STREAMS) else 1)
        streams = tokens / steps
        rows[name] = {
            "tokens_per_s": rounded(tokens / times.median(name)),
            "best_tokens_per_s": rounded(tokens / min(times.seconds[name])),
            "times_torch_lstm_one_stream": rounded(streams * times.ratio(torch_loop, name)),
            "times_fp32_one_stream": rounded(streams * times.ratio(ours, name)),
        }
        print(f"{name:36} {rows[name]}")
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15, help="turns that each side takes")
    parser.add_argument("--steps", type=int, default=20, help="tokens of a stream in a turn")
    arguments = parser.parse_args()
    torch.manual_seed(0)
    network = LanguageNetwork(V, E, LSTM(E, H, L)).eval()
    results = {}
    available = torch.get_num_threads()
    for threads in sorted({1, available}):
        torch.set_num_threads(threads)
        print(f"threads={threads}")
        loops = candidates(network, arguments.steps)
        times = interleaved(loops, rounds=arguments.rounds, rest_s=REST)
        results[f"threads={threads}"] = summary(times, arguments.steps)
    settings = {"rounds": arguments.rounds, "steps": arguments.steps, "isa": instruction_set()}
    if any(name.startswith("ONNX") for found in results.values() for name in found):
        settings["onnxruntime"] = version("onnxruntime")
    write_report("step_engine", results, settings=settings)


if __name__ == "__main__":
    main()
