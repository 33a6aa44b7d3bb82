"""Stacks that the step engine runs, small and of sizes that fill no block."""

import torch
from torch import Tensor, nn

from suimon.layers import GRU, LSTM, RNN, MinGRU, MinLSTM, Recurrent

STACKS = {
    "lstm": lambda I, H, L: LSTM(I, H, L),
    "lstm without bias": lambda I, H, L: LSTM(I, H, L, bias=False),
    "lstm peephole": lambda I, H, L: LSTM(I, H, L, peephole=True),
    "lstm coupled": lambda I, H, L: LSTM(I, H, L, coupled=True),
    "lstm coupled peephole": lambda I, H, L: LSTM(I, H, L, coupled=True, peephole=True),
    "lstm ungated": lambda I, H, L: LSTM(I, H, L, forget_gate=False),
    "lstm projected": lambda I, H, L: LSTM(I, H, L, proj_size=(H + 1) // 2),
    "lstm projected residual": lambda I, H, L: LSTM(
        I, H, L, proj_size=(H + 1) // 2, peephole=True, residual=True
    ),
    "gru": lambda I, H, L: GRU(I, H, L),
    "gru reset before": lambda I, H, L: GRU(I, H, L, reset_after=False),
    "gru reset before residual": lambda I, H, L: GRU(
        I, H, L, reset_after=False, residual=True, bias=False
    ),
    "elman tanh": lambda I, H, L: RNN(I, H, L),
    "elman relu": lambda I, H, L: RNN(I, H, L, "relu"),
    "mingru": lambda I, H, L: MinGRU(I, H, L),
    "minlstm": lambda I, H, L: MinLSTM(I, H, L),
    "residual": lambda I, H, L: LSTM(I, H, L, residual=True),
}
SIZES = [(5, 1), (16, 2), (37, 3), (72, 2)]  # (H, L)


class Network(nn.Module):
    """Embedding, stack, projection and head, as a language model with tied weights has them."""

    def __init__(self, recurrent: Recurrent, V: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(V, recurrent.input_size)
        self.recurrent = recurrent
        self.projection = nn.Linear(recurrent.output_size, 9, bias=False)
        self.head = nn.Linear(9, V)

    def forward(self, tokens: Tensor, state=None):
        output, state = self.recurrent(self.embedding(tokens), state)
        return self.head(self.projection(output)), state

    def parts(self) -> dict:
        return {
            "recurrent": self.recurrent,
            "embedding": self.embedding,
            "linears": (self.projection, self.head),
        }


def network(kind: str, H: int, L: int, V: int = 11) -> Network:
    torch.manual_seed(H)
    made = Network(STACKS[kind](7, H, L), V).eval()
    with torch.no_grad():
        for weight in made.parameters():
            weight.mul_(2)  # so that gates leave the middle of their range
    return made


def fields_of(state) -> tuple[Tensor, ...]:
    return (state,) if isinstance(state, Tensor) else tuple(state)
