"""Services that the environment names: used as they are, never started, never ended."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from contracts.configuration.addresses import parse_redis
from contracts.configuration.settings import Settings
from contracts.errors import Unavailable
from fedsecure.local_stack.answers import kafka_answers, redis_answers
from fedsecure.local_stack.status import VARIABLE_OF, ServerStatus

START_TIMEOUT_S = 30.0
POLL_S = 0.5


@dataclass(frozen=True, slots=True)
class ExternalService:
    """A Kafka or Redis that somebody else runs."""

    name: str
    title: str
    address: str = field(repr=False)  # a Redis URL may hold a password
    shown: str
    answers: Callable[[], bool]

    def wait_until_answers(self) -> None:
        """Block until it answers. Raises Unavailable after 30 s."""
        deadline = time.monotonic() + START_TIMEOUT_S
        while not self.answers():
            if time.monotonic() > deadline:
                raise Unavailable(
                    f"{self.title} at {self.shown} does not answer: check {VARIABLE_OF[self.name]}, or unset it to use "
                    "the local stack"
                )
            time.sleep(POLL_S)

    def status(self) -> ServerStatus:
        """Ask it whether it answers."""
        return ServerStatus(self.name, self.title, "up" if self.answers() else "down", self.shown, is_local=False)


def external_services(environ: Mapping[str, str]) -> dict[str, ExternalService]:
    """Return the services that the environment names, by name. Credentials come from the settings."""
    services = {}
    if address := environ.get(VARIABLE_OF["kafka"]):
        settings = Settings(kafka_bootstrap_servers=address)
        brokers = settings.kafka_bootstrap_servers
        services["kafka"] = ExternalService("kafka", "Apache Kafka", brokers, brokers, lambda: kafka_answers(settings))
    if url := environ.get(VARIABLE_OF["redis"]):
        redis_settings = Settings(redis_url=url)
        services["redis"] = ExternalService(
            "redis", "Redis", url, str(parse_redis(url)), lambda: redis_answers(redis_settings)
        )
    return services
