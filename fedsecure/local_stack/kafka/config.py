"""The broker's two configuration files, with the reason for each setting that is not the default."""

from __future__ import annotations

from pathlib import Path

from contracts.errors import Misconfigured
from fedsecure.local_stack.ports import HOST

PROPERTIES = """\
# One node that is broker and controller, on loopback only.
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{host}:{controller_port}
listeners=PLAINTEXT://{host}:{client_port},CONTROLLER://{host}:{controller_port}
advertised.listeners=PLAINTEXT://{host}:{client_port}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
log.dirs={data}

# Topics are created by name (contracts/topics.py), never by a typing error.
auto.create.topics.enable=false
default.replication.factor=1
min.insync.replicas=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=1

# Groups settle at once, and tests may use short sessions.
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000

# After kill -9 the controller forgets the old broker in 3 s, not 9: a restart takes 7 s instead of 15.
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500

# Small: two cores, a thousand topics of one partition, 384 MB of heap.
num.network.threads=2
num.io.threads=4
log.index.size.max.bytes=1048576
log.cleaner.enable=true
log.cleaner.threads=1
log.cleaner.dedupe.buffer.size=8388608
log.cleaner.backoff.ms=5000
"""

LOG4J = """\
status=error
appender.file.type=RollingFile
appender.file.name=file
appender.file.fileName={logs}/server.log
appender.file.filePattern={logs}/server.log.%i
appender.file.layout.type=PatternLayout
appender.file.layout.pattern=%d{{yyyy-MM-dd'T'HH:mm:ss.SSSXXX}} %-5p %c{{1}}: %m%n
appender.file.policies.type=Policies
appender.file.policies.size.type=SizeBasedTriggeringPolicy
appender.file.policies.size.size=10MB
appender.file.strategy.type=DefaultRolloverStrategy
appender.file.strategy.max=3
rootLogger.level=info
rootLogger.appenderRef.file.ref=file
"""


def render_properties(data: Path, client_port: int, controller_port: int) -> str:
    """Return `server.properties` for a broker that keeps its data in `data`. Raises Misconfigured."""
    if "," in str(data):
        raise Misconfigured(f"Kafka takes the comma in {data} for a list: choose a state folder without one")
    return PROPERTIES.format(host=HOST, data=_escaped(data), client_port=client_port, controller_port=controller_port)


def render_log4j(logs: Path) -> str:
    """Return `log4j2.properties`: one file in `logs` that is rolled at 10 MB, three old ones kept."""
    return LOG4J.format(logs=_escaped(logs))


def _escaped(path: Path) -> str:
    # Java reads property files as Latin-1 with UTF-16 escapes.
    units = str(path).encode("utf-16-be")
    codes = [int.from_bytes(units[i : i + 2]) for i in range(0, len(units), 2)]
    return "".join(chr(code) if 0x20 <= code < 0x7F and code != 0x5C else f"\\u{code:04x}" for code in codes)
