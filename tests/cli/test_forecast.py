import json

import pytest

from tests.tasks.forecasting.conftest import shops

TINY = ["--hidden", "8", "--steps", "10"]


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    path = tmp_path_factory.mktemp("shops") / "shops.csv"
    shops(84).write_csv(path)
    return path


@pytest.fixture(scope="module")
def trained(table, tmp_path_factory):
    """A run that knows weeks and promotions."""
    from suimon.cli.main import main

    run = tmp_path_factory.mktemp("runs") / "shops"
    words = ["train", "forecast", str(table), "--horizon", "3", "--known", "promotion"]
    assert main([*words, "--out", str(run), *TINY]) == 0
    return run


@pytest.fixture
def ahead(tmp_path):
    """The same series, with promotions of days whose sales are not known yet."""
    rows = shops(87).to_dicts()
    lines = [
        f"{row['unique_id']},{row['ds']},{'' if n % 87 >= 84 else row['y']},{row['promotion']}"
        for n, row in enumerate(rows)
    ]
    path = tmp_path / "ahead.csv"
    path.write_text("\n".join(["unique_id,ds,y,promotion", *lines]) + "\n")
    return path


def test_forecasts_as_csv_and_json(suimon, trained, ahead):
    outcome = suimon("predict", trained, ahead, "--level", "80", "--level", "95")
    head, *rows = [line.split(",") for line in outcome.out.splitlines()]
    assert head == [
        *("unique_id", "ds", "suimon"),
        *("suimon-lo-80", "suimon-hi-80", "suimon-lo-95", "suimon-hi-95"),
    ]
    assert [row[:2] for row in rows[:4]] == [
        ["a", "2024-03-25"],
        ["a", "2024-03-26"],
        ["a", "2024-03-27"],
        ["b", "2024-03-25"],
    ]
    lines = suimon("predict", trained, ahead, "--json").out.splitlines()
    first = json.loads(lines[0])
    assert list(first) == ["unique_id", "ds", "suimon", "suimon-lo-80", "suimon-hi-80"]
    assert first["suimon-lo-80"] < first["suimon"] < first["suimon-hi-80"]


def test_errors_beside_naive_ones(suimon, trained, tmp_path):
    shops(90).write_csv(tmp_path / "test.csv")
    facts = suimon("evaluate", trained, tmp_path / "test.csv", "--last", "6", "--json").json()
    assert facts["origins"] == 2 * 4
    assert facts["mase"] < facts["seasonal_naive"]["mase"]
    assert {"mae", "mse", "rmse", "mase", "smape", "crps"} <= set(facts["seasonal_naive"])
    assert facts["against_seasonal_naive"]["verdict"] == "better"
    assert 0 <= facts["coverage"]["80"] <= facts["coverage"]["95"] <= 1


def test_anomalies_and_a_picture(suimon, trained, table, tmp_path):
    picture = tmp_path / "shops.png"
    outcome = suimon("predict", trained, table, "--anomalies", "--picture", picture)
    assert outcome.out.splitlines()[0] == "unique_id,ds,y,suimon,suimon-lo-99,suimon-hi-99,anomaly"
    assert outcome.out.splitlines()[1].endswith(("true", "false"))
    assert picture.read_bytes().startswith(b"\x89PNG")
    refused = suimon("predict", trained, table, "--picture", tmp_path / "no" / "x.png")
    assert (
        "there is no directory"
        in suimon(
            "predict", trained, table, "--anomalies", "--picture", tmp_path / "no" / "x.png"
        ).refusal()
    )
    assert "series 'a' has no 'promotion' at 2024-03-25" in refused.refusal()


def test_what_was_chosen_and_found_is_said_and_a_run_goes_on(suimon, tmp_path):
    table = tmp_path / "air.csv"
    values = [100 + n + 30 * (n % 12 == 6) for n in range(72)]
    months = [f"{1949 + n // 12}-{n % 12 + 1:02}" for n in range(72)]
    rows = [f'"{m}",{v}' for m, v in zip(months, values, strict=True) if m != "1950-03"]
    table.write_text("\r\n".join(['"Month","Passengers"', *rows]) + "\r\n")
    run = tmp_path / "run"
    outcome = suimon("train", "forecast", table, "--horizon", "6", "--out", run, "--steps", "4")
    assert outcome.code == 0
    assert "1 of 72 values are missing (0 empty, 1 rows absent" in outcome.err
    assert "1 series of 72 rows, a row each M" in outcome.err
    assert "season 12, transform" in outcome.err
    again = suimon("train", "forecast", "--out", run, "--resume", "--steps", "8", "--json").json()
    assert again["step"] == 8
    assert suimon("info", run).code == 0
    lines = suimon("predict", run, table).out.splitlines()
    assert lines[0] == "unique_id,ds,suimon,suimon-lo-80,suimon-hi-80"
    assert [line.split(",")[1] for line in lines[1:]] == [f"1955-{n:02}" for n in range(1, 7)]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "how far ahead? give the rows to forecast, e.g. --horizon 12"),
        (["--horizon", "3", "--target", "z"], "has no column 'z'"),
        (["--horizon", "3", "--known", "promo"], "did you mean 'promotion'?"),
        (["--horizon", "90"], "a window takes 2 and the horizon"),
        (["--horizon", "3", "--freq", "hourly"], "freq = 'hourly' is no frequency"),
        (["--horizon", "3", "--head", "mean"], "head = 'mean': give one of quantile, gaussian"),
    ],
)
def test_slips_are_answered_in_a_line(suimon, table, tmp_path, words, message):
    run = tmp_path / "run"
    assert message in suimon("train", "forecast", table, "--out", run, *words).refusal()
    assert not run.exists()


def test_tables_from_standard_input(suimon, trained, table, ahead, piped):
    for command, path in (("evaluate", table), ("predict", ahead)):
        expected = suimon(command, trained, path)
        piped(path.read_bytes())
        assert suimon(command, trained, "-")[:2] == expected[:2] != (0, "")
    piped("ds,y\n2024-01-01,1\n")
    refused = suimon("evaluate", trained, "-").refusal()
    assert "standard input has no column 'unique_id'" in refused or "promotion" in refused


def test_numbers_that_are_too_large_are_named(suimon, tmp_path):
    rows = [f"2024-01-{day:02},{'1e39' if day == 9 else day}" for day in range(1, 32)]
    (tmp_path / "large.csv").write_text("\n".join(["ds,y", *rows]) + "\n")
    words = ["train", "forecast", tmp_path / "large.csv", "--horizon", "2"]
    refused = suimon(*words, "--out", tmp_path / "run").refusal()
    assert "large.csv, row 9: column 'y' has '1e39', which is no number that float32" in refused
    assert not (tmp_path / "run").exists()
