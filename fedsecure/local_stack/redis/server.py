"""The local Redis: a view of Kafka's topics, which holds nothing that is nowhere else."""

from __future__ import annotations

from pathlib import Path

from fedsecure.local_stack.answers import local_settings, redis_answers
from fedsecure.local_stack.kafka.jars import Announce
from fedsecure.local_stack.ports import HOST, PortsOf, listens
from fedsecure.local_stack.processes import ProcessId, start_detached
from fedsecure.local_stack.redis.program import redis_program, secure_redis
from fedsecure.security.principals import ADMIN
from fedsecure.security.site import Site

CONFIG = """\
bind {host}
{listeners}
dir "{folder}"
daemonize no
# A view of Kafka's topics: rebuilt from them, so nothing is written to disk.
save ""
appendonly no
# A full Redis must say so; silently dropped device states would read as "not benign".
maxmemory-policy noeviction
"""


TLS = """\
port 0
tls-port {port}
tls-cert-file "{certificate}"
tls-key-file "{key}"
tls-ca-cert-file "{ca}"
# Clients show who they are by name and password.
tls-auth-clients no
tls-protocols "TLSv1.2 TLSv1.3"
"""


class RedisServer:
    """One Redis in one folder."""

    name = "redis"
    title = "Redis"
    port_names = ("client",)
    start_timeout_s = 20.0

    def __init__(self, folder: Path, site: Site | None = None) -> None:
        self.folder = folder
        self._site = site
        self.log = folder / "redis.log"
        self.logs = (self.log,)
        self._config = folder / "redis.conf"

    def prepare(self, ports_of: PortsOf, announce: Announce) -> None:
        """Write the configuration. Raises Misconfigured if the machine has no Redis."""
        announce(f"Redis is {self._program()}")
        if self._site is not None and not secure_redis().has_tls:
            announce(
                "it knows users and their rights, but no TLS: for other machines install a redis-server 7 or later of your own"
            )
        self.folder.mkdir(parents=True, exist_ok=True)
        self._config.write_text(
            CONFIG.format(host=HOST, listeners=self._listeners(ports_of[self.name]["client"]), folder=self.folder)
        )

    def launch(self) -> ProcessId:
        """Start the prepared process. Returns at once."""
        return start_detached([self._program(), str(self._config)], {"LC_ALL": "C"}, self.log)

    def address(self, ports: dict[str, int]) -> str:
        """Return the URL for clients, without a password."""
        scheme = "rediss" if self._site is not None and secure_redis().has_tls else "redis"
        return f"{scheme}://{HOST}:{ports['client']}/0"

    def answers(self, ports: dict[str, int]) -> bool:
        """Return whether it answers PING."""
        if not listens(ports["client"]):
            return False
        if self._site is None:
            return redis_answers(local_settings(redis_url=self.address(ports)))
        return redis_answers(self._site.settings_of(ADMIN))

    def _program(self) -> str:
        return redis_program() if self._site is None else secure_redis().path

    def _listeners(self, port: int) -> str:
        if self._site is None:
            return f"port {port}"
        users = f'aclfile "{self._site.users_file}"'
        if not secure_redis().has_tls:
            return f"port {port}\n{users}"
        certificate, key = self._site.certificate("redis"), self._site.key("redis")
        return TLS.format(port=port, certificate=certificate, key=key, ca=self._site.ca_file) + users
