"""The lower ends of the ranges in pyproject.toml work: the unit tests pass with the lowest versions that they allow."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

LOWEST = ("--resolution", "lowest-direct", "--python", sys.executable)
# Of other packages' old versions warnings are expected; the lock and the image's requirements are those of the newest.
LEFT_OUT = ("-W", "default", "--deselect=tests/unit/test_compose.py::test_requirements_are_those_of_the_lock")


def test_the_unit_tests_pass_with_the_lowest_versions(uv: str, sources: Path, plain_environ: dict[str, str]) -> None:
    def run(*command: str) -> None:
        done = subprocess.run(
            command, cwd=sources, env=plain_environ, capture_output=True, text=True, timeout=3000, check=False
        )
        assert done.returncode == 0, (done.stdout + done.stderr)[-8000:]

    (sources / "uv.lock").unlink()
    run(uv, "lock", *LOWEST)
    run(uv, "sync", "--all-extras", *LOWEST)
    run(".venv/bin/python", "tests/run.py", "tests/unit", "--quiet", *LEFT_OUT)
