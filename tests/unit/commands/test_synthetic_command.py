"""`fedsecure synthetic` writes patients that are read back as they were made."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from contracts.errors import Misconfigured
from fedsecure.cli import app
from replay.sources import read_recordings
from replay.sources.synthetic import synthetic_cohort


def test_the_patients_are_read_back_to_the_value(tmp_path: Path) -> None:
    table = tmp_path / "ward.csv"
    done = CliRunner().invoke(app, ["synthetic", str(table), "--patients", "3", "--minutes", "400", "--seed", "5"])
    assert done.exit_code == 0
    assert done.stderr == f"3 patients of 400 minutes in {table}; look at them: fedsecure inspect {table}\n"
    for read, made in zip(read_recordings([table]), synthetic_cohort(5, 3, 400), strict=True):
        assert (read.device_id, read.first_event_minute) == (made.device_id, made.first_event_minute)
        for name, values in made.channels().items():
            np.testing.assert_array_equal(read.channels()[name], values)


@pytest.mark.parametrize(
    ("name", "words"),
    [("ward.parquet", "name it .*ward.csv"), ("nowhere/ward.csv", "cannot write .*choose another file")],
)
def test_a_file_that_cannot_be_is_said(tmp_path: Path, name: str, words: str) -> None:
    with pytest.raises(Misconfigured, match=words):
        CliRunner().invoke(app, ["synthetic", str(tmp_path / name)], catch_exceptions=False)
