"""`make test` divides what it is asked for: unit tests side by side, the others two files at a time, one exit status."""

from __future__ import annotations

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SPEC = spec_from_file_location("run_in_parts", ROOT / "tests/run.py")
run = module_from_spec(SPEC)
SPEC.loader.exec_module(run)
PARALLEL, TWO_FILES = list(run.PARALLEL), list(run.TWO_FILES)


@pytest.mark.parametrize(
    ("asked", "parts"),
    [
        ([], [[*PARALLEL, "tests/unit"], [*TWO_FILES, "tests/integration", "tests/e2e"]]),
        (
            ["-k", "votes"],
            [[*PARALLEL, "-k", "votes", "tests/unit"], [*TWO_FILES, "-k", "votes", "tests/integration", "tests/e2e"]],
        ),
        (["tests/unit", "-q"], [[*PARALLEL, "-q", "tests/unit"]]),
        (
            ["-n", "0", "tests/unit/contracts/test_signing.py::test_x"],
            [[*PARALLEL, "-n", "0", "tests/unit/contracts/test_signing.py::test_x"]],
        ),
        (["tests/e2e", "tests/unit/demo"], [[*PARALLEL, "tests/unit/demo"], [*TWO_FILES, "tests/e2e"]]),
    ],
)
def test_unit_tests_run_side_by_side_and_the_others_two_files_at_a_time(monkeypatch, asked, parts):
    monkeypatch.chdir(ROOT)
    assert run.parts_of(asked) == parts


@pytest.mark.parametrize(
    ("statuses", "status"), [([0, 0], 0), ([0, 5], 0), ([5, 5], 5), ([1, 0], 1), ([5, 1], 1), ([2], 2)]
)
def test_a_failure_of_any_part_is_the_failure_of_all(statuses, status):
    assert run.status_of(statuses) == status
