"""The wheel holds all that the programs need: the demo runs from it in an empty folder, with the newest versions allowed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def test_the_demo_runs_from_the_wheel_in_an_empty_folder(
    uv: str, sources: Path, plain_environ: dict[str, str], tmp_path: Path
) -> None:
    subprocess.run(
        [uv, "build", "--wheel", "--python", sys.executable, "--out-dir", str(tmp_path / "wheel"), str(sources)],
        env=plain_environ,
        check=True,
        capture_output=True,
    )
    (wheel,) = (tmp_path / "wheel").glob("*.whl")
    empty = tmp_path / "empty"
    empty.mkdir()
    tool = [uv, "tool", "run", "--python", sys.executable, "--from", f"fedsecure[train] @ {wheel.as_uri()}"]
    done = subprocess.run(
        [*tool, "fedsecure", "demo", "--offline", "--report", "report"],
        cwd=empty,
        env=plain_environ,
        capture_output=True,
        text=True,
        timeout=1200,
        check=False,
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-8000:]
    assert (empty / "report/report.html").stat().st_size > 10_000
