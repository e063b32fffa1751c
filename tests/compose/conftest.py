"""The compose project, up for the whole session: one build, one start, one end.

The files run in the order of their names: `.env`'s own demo first (test_compose), then outages under a longer replay, then the loss of all.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from compose_project import compose


@pytest.fixture(scope="session", autouse=True)
def running() -> Iterator[None]:
    compose("config", "--quiet")
    compose("build", timeout_s=1200)
    compose("up", "--detach", "--wait", "--wait-timeout", "300")
    yield
    compose("down", "--volumes", "--timeout", "5", check=False)
