"""What the release checks share: the sources as git has them, and uv."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def uv() -> str:
    """The uv that `make setup` brings."""
    path = ROOT / ".tools/bin/uv"
    assert path.exists(), "run: make setup"
    return str(path)


@pytest.fixture(scope="session")
def plain_environ() -> dict[str, str]:
    """The environment without our own settings and without this project's virtual environment."""
    ours = ("FEDSECURE_", "KAFKA_BOOTSTRAP_SERVERS", "REDIS_URL", "VIRTUAL_ENV", "UV_PROJECT_ENVIRONMENT", "PYTHONPATH")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return {**kept, "UV_PYTHON_DOWNLOADS": "never"}


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """A copy of every file that git knows, as it is now."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).exists():
            (tmp_path / "sources" / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, tmp_path / "sources" / name)
    return tmp_path / "sources"
