"""`fedsecure evaluate` refuses before any work what it could not judge, and says by which call a report was made."""

from __future__ import annotations

from pathlib import Path

from typer.testing import CliRunner

from experiments.evaluation.plan import plan_for
from fedsecure.cli import app
from fedsecure.commands import evaluate


def test_what_cannot_be_judged_is_a_wrong_call(tmp_path):
    ward = tmp_path / "ward.csv"
    assert CliRunner().invoke(app, ["synthetic", str(ward), "--patients", "6", "--minutes", "1500"]).exit_code == 0

    def called(*more: str):
        return CliRunner().invoke(app, ["evaluate", "--out", str(tmp_path / "x"), "--quick", "--simulated", "0", *more])

    few = called("--recordings", str(ward), "--folds", "4")
    assert few.exit_code != 0
    assert "4 folds need 8 at least" in str(few.exception)
    assert "there is no attack 'nois'" in str(called("--attack", "nois").exception)
    file = tmp_path / "times.csv"
    file.write_text("device,at\nx,y\n")
    assert "no forecast times" in str(
        called("--recordings", str(ward), "--folds", "3", "--forecast-times", str(file)).exception
    )
    assert not (tmp_path / "x").exists()


def test_the_report_names_every_option_that_decided_it() -> None:
    plan = plan_for([], 3, 2, 4, 7, quick=False, alone=False)
    options = {"bundle": [Path("/somewhere/mine")], "forecast-times": None, "simulated": [7]}
    assert evaluate._command(plan, [Path("/data/ward-7")], [], False, options) == (
        "fedsecure evaluate --recordings ward-7 --bundle mine --simulated 7 --folds 4 --seed 3 --seeds 2 --out DIR"
    )
