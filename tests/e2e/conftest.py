"""A local stack for whole programs, run as a user would run them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fedsecure.local_stack import LocalStack


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """The local stack, or the services of KAFKA_BOOTSTRAP_SERVERS and REDIS_URL where they are set."""
    with LocalStack(tmp_path_factory.mktemp("stack")) as running:
        yield running
