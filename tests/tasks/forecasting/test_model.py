import pytest
import torch

from suimon.errors import ConfigError
from suimon.tasks.forecasting.config import ForecastingConfig
from suimon.tasks.forecasting.model import ForecastNetwork, build_network
from tests.tolerances import assert_close

F, N, C = 4, 3, 2


def network(segment: int | None, context: int = 7) -> ForecastNetwork:
    config = ForecastingConfig(
        horizon=F,
        context=context,
        segment=segment,
        linear_lags=1,
        difference="last",
        hidden=5,
        layers=1,
    )
    return build_network(config, season=3, channels=C, shared=1, known=0).eval()


@pytest.mark.parametrize(("segment", "steps"), [(None, 7), (1, 7), (3, 2)])
def test_the_layers_read_segments_up_to_the_last_row(segment, steps):
    torch.manual_seed(0)
    made = network(segment)
    peer = torch.nn.LSTM((segment or 1) * C, 5)
    names = dict(peer.named_parameters())
    for name, weight in made.recurrent.named_parameters():
        names[name.rpartition(".")[2]].data.copy_(weight)
    torch.nn.init.normal_(made.out.weight)
    x = torch.randn(7 + F, N, C)
    rows = [x[7 - (segment or 1) * n :][: segment or 1] for n in range(steps, 0, -1)]
    read = torch.stack([torch.cat(list(part), dim=1) for part in rows])  # (K, N, S C)
    last = peer(read)[0][-1]
    told = made.steps(last).view(N, F, -1).transpose(0, 1)
    expected = made.out((told + x[7:, :, 1:] @ made.get_parameter("future.weight").T).tanh())
    found = made(x)
    linear = made.linear(x[:7, :, 0], x[..., 2:])
    assert_close(found.point, linear + expected[..., 0])


def test_a_segment_longer_than_the_context_is_refused():
    with pytest.raises(ConfigError, match="segment = 8 is longer than the context, 7 rows"):
        network(8)
