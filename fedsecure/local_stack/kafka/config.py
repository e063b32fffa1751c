"""A broker's two configuration files, with the reason for each setting that is not the default."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from contracts.errors import Misconfigured
from fedsecure.local_stack.ports import HOST
from fedsecure.security.principals import BROKER, MECHANISM, SUPER_USERS
from fedsecure.security.site import Site

PROPERTIES = """\
# Every node is broker and controller, on loopback only.
process.roles=broker,controller
node.id={node_id}
controller.quorum.voters={voters}
{listeners}
log.dirs={data}

# Topics are created by name (contracts/topics.py), never by a typing error.
auto.create.topics.enable=false
# Every broker has all data. Of three, two must have a record before it counts as written: one may be lost at any moment.
default.replication.factor={brokers}
min.insync.replicas={in_sync}
unclean.leader.election.enable=false
offsets.topic.replication.factor={brokers}
offsets.topic.num.partitions=1
transaction.state.log.replication.factor={brokers}
transaction.state.log.min.isr={in_sync}
transaction.state.log.num.partitions=1
share.coordinator.state.topic.replication.factor={brokers}
share.coordinator.state.topic.min.isr={in_sync}
share.coordinator.state.topic.num.partitions=1

# Groups settle at once, and tests may use short sessions.
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000

# After kill -9 the controller gives a broker up in 3 s, not 9: a restart takes 7 s instead of 15, and others lead the sooner.
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500

# Small: two cores, a thousand topics of one partition, 384 MB of heap (256 for each of three).
num.network.threads=2
num.io.threads=4
log.index.size.max.bytes=1048576
log.cleaner.enable=true
log.cleaner.threads=1
log.cleaner.dedupe.buffer.size=8388608
log.cleaner.backoff.ms=5000
"""

LISTENERS = """\
listeners={name}://{host}:{client_port},CONTROLLER://{host}:{controller_port}
advertised.listeners={name}://{host}:{client_port}
controller.listener.names=CONTROLLER
inter.broker.listener.name={name}
"""

PLAIN = """\
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
"""

SECURE = """\
# TLS everywhere. Clients and brokers log in by name and password; controllers know each other by their certificates.
listener.security.protocol.map=CLIENT:SASL_SSL,CONTROLLER:SSL
sasl.enabled.mechanisms={mechanism}
sasl.mechanism.inter.broker.protocol={mechanism}
listener.name.client.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required \
username="{broker}" password="{password}";
ssl.keystore.type=PEM
ssl.keystore.location={certificate}
ssl.truststore.type=PEM
ssl.truststore.location={ca}
ssl.enabled.protocols=TLSv1.3,TLSv1.2
listener.name.controller.ssl.client.auth=required
ssl.principal.mapping.rules=RULE:^CN=([^,]+).*$/$1/,DEFAULT
# Nobody may do anything that no rule allows.
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
allow.everyone.if.no.acl.found=false
super.users={super_users}
# A connection logs in again so often: one whose user was deleted ends then at the latest.
connections.max.reauth.ms={reauth_ms}
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
# The audit trail: every refusal, with principal, operation, resource and address.
appender.audit.type=RollingFile
appender.audit.name=audit
appender.audit.fileName={logs}/audit.log
appender.audit.filePattern={logs}/audit.log.%i
appender.audit.layout.type=PatternLayout
appender.audit.layout.pattern=%d{{yyyy-MM-dd'T'HH:mm:ss.SSSXXX}} %m%n
appender.audit.policies.type=Policies
appender.audit.policies.size.type=SizeBasedTriggeringPolicy
appender.audit.policies.size.size=10MB
appender.audit.strategy.type=DefaultRolloverStrategy
appender.audit.strategy.max=10
logger.audit.name=kafka.authorizer.logger
logger.audit.level=info
logger.audit.additivity=false
logger.audit.appenderRef.audit.ref=audit
rootLogger.level=info
rootLogger.appenderRef.file.ref=file
"""


def render_properties(
    data: Path, node_id: int, client_port: int, controller_ports: Mapping[int, int], site: Site | None = None
) -> str:
    """Return `server.properties` for a broker that keeps its data in `data`. Raises Misconfigured.

    `controller_ports` has the ports of all nodes, this one included, by node id. With a `site` it lets only those in who are named there.
    """
    if "," in str(data):
        raise Misconfigured(f"Kafka takes the comma in {data} for a list: choose a state folder without one")
    brokers = len(controller_ports)
    return PROPERTIES.format(
        data=_escaped(data),
        node_id=node_id,
        voters=",".join(f"{node}@{HOST}:{port}" for node, port in controller_ports.items()),
        listeners=_listeners(client_port, controller_ports[node_id], site),
        brokers=brokers,
        in_sync=brokers // 2 + 1,
    )


def _listeners(client_port: int, controller_port: int, site: Site | None) -> str:
    ports = {"client_port": client_port, "controller_port": controller_port}
    if site is None:
        return LISTENERS.format(name="PLAINTEXT", host=HOST, **ports) + PLAIN
    return LISTENERS.format(name="CLIENT", host=HOST, **ports) + SECURE.format(
        mechanism=MECHANISM,
        broker=BROKER,
        password=site.broker_password(),
        certificate=_escaped(site.certificate("kafka")),
        ca=_escaped(site.ca_file),
        super_users=";".join(f"User:{name}" for name in SUPER_USERS),
        reauth_ms=round(site.record.reauth_s * 1000),
    )


def render_log4j(logs: Path) -> str:
    """Return `log4j2.properties`: one file in `logs` that is rolled at 10 MB, three old ones kept."""
    return LOG4J.format(logs=_escaped(logs))


def _escaped(path: Path) -> str:
    # Java reads property files as Latin-1 with UTF-16 escapes.
    units = str(path).encode("utf-16-be")
    codes = [int.from_bytes(units[i : i + 2]) for i in range(0, len(units), 2)]
    return "".join(chr(code) if 0x20 <= code < 0x7F and code != 0x5C else f"\\u{code:04x}" for code in codes)
