"""Which servers a state folder has: Redis, and Kafka as one broker or as three, whose data are not each other's."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Final

from contracts.configuration.settings import Settings
from contracts.errors import Misconfigured, Unavailable
from fedsecure.local_stack.kafka.broker import KafkaBroker
from fedsecure.local_stack.launching import Server
from fedsecure.local_stack.ports import HOST, PortsOf, choose_ports
from fedsecure.local_stack.redis.program import secure_redis
from fedsecure.local_stack.redis.server import RedisServer
from fedsecure.local_stack.state_file import ServerRecord
from fedsecure.local_stack.status import VARIABLE_OF
from fedsecure.security.site import LOCAL_FOLDER, Site, SiteRecord

FOLDERS: Final = {1: ("kafka",), 3: ("kafka-1", "kafka-2", "kafka-3")}
"""The brokers' folders by their number: three is the least of which one may be lost, with two copies left."""


def servers_of(state_dir: Path, brokers: int | None, site: Site | None = None) -> tuple[Server, ...]:
    """Return the servers of a state folder: with so many brokers, or with as many as it has data of (one if it has none).

    Raises Misconfigured for a number of brokers that is not offered.
    """
    count = brokers or brokers_in(state_dir) or 1
    if count not in FOLDERS:
        raise Misconfigured(f"{count} brokers: the local stack has {' or '.join(map(str, FOLDERS))}")
    cluster = [state_dir / name for name in FOLDERS[count]]
    # Redis first: it starts in an instant, and Kafka's first download runs while it waits.
    return (RedisServer(state_dir / "redis", site), *(KafkaBroker(folder, cluster, site) for folder in cluster))


def data_folders(state_dir: Path) -> list[Path]:
    """Return every folder that a server may have data in."""
    return [
        state_dir / name for name in ("redis", LOCAL_FOLDER, *(name for names in FOLDERS.values() for name in names))
    ]


def brokers_in(state_dir: Path) -> int | None:
    """Return of how many brokers a state folder has data, None if of none."""
    return next((count for count, names in FOLDERS.items() if (state_dir / names[0]).exists()), None)


def secure_site(state_dir: Path, secure: bool | None, external: Collection[str] = ()) -> Site | None:
    """Return the secrets of a state folder whose servers ask who somebody is, None of one whose do not; unset, as the folder is.

    Raises Misconfigured where the folder is already what is not asked for: nobody's rights are widened or lost by an option.
    """
    site = Site(state_dir / LOCAL_FOLDER)
    if secure is None:
        return site if site.exists else None
    if secure and external:
        raise Misconfigured(
            f"a secure local stack starts its own servers: unset {' and '.join(VARIABLE_OF[name] for name in external)}, or use "
            "`fedsecure secure` for those"
        )
    if secure != site.exists and brokers_in(state_dir):
        kind = "of a secure stack" if site.exists else "that anyone could read and write"
        raise Misconfigured(
            f"{state_dir} has data {kind}: choose another folder with --state-dir, or delete the data with "
            "`fedsecure stack down --wipe`"
        )
    return site if secure else None


def prepare_site(site: Site, servers: Sequence[Server], ports_of: PortsOf) -> None:
    """Make a secure stack's authority, certificates and passwords if it has none yet, and note where its servers are."""
    brokers = [server for server in servers if isinstance(server, KafkaBroker)]
    kafka = ",".join(f"{HOST}:{ports_of[broker.name]['client']}" for broker in brokers)
    redis, has_tls = f"{HOST}:{ports_of['redis']['client']}", secure_redis().has_tls
    if not site.exists:
        settings = Settings()
        record = SiteRecord(settings.prefix, settings.worker_group, kafka, redis, redis_has_tls=has_tls)
        site.make(record, dt.datetime.now(dt.UTC))
    elif (site.record.kafka, site.record.redis, site.record.redis_has_tls) != (kafka, redis, has_tls):
        site.change(kafka=kafka, redis=redis, redis_has_tls=has_tls)


def check_layout(state_dir: Path, servers: Sequence[Server]) -> None:
    """Raise Misconfigured where the folder has data of another number of brokers than these servers have."""
    kept, wanted = brokers_in(state_dir), sum(isinstance(server, KafkaBroker) for server in servers)
    if wanted and kept and kept != wanted:
        raise Misconfigured(
            f"{state_dir} has the data of {_brokers(kept)}, which {_brokers(wanted)} cannot read: run "
            f"`fedsecure stack up --brokers {kept}`, choose another folder with --state-dir, or delete the data with "
            "`fedsecure stack down --wipe`"
        )


def plan_ports(servers: Sequence[Server], records: Mapping[str, ServerRecord]) -> PortsOf:
    """Return every server's ports: of one that runs those it has, of another those it had while they are free.

    Raises Unavailable when a broker needs new ones while others of its cluster run: they would look for it where it was.
    """
    reserved = {port for record in records.values() for port in record.ports.values()}
    ports_of: dict[str, Mapping[str, int]] = {}
    for server in servers:
        record = records.get(server.name)
        if record is not None and record.runs():
            ports_of[server.name] = record.ports
            continue
        ports_of[server.name] = choose_ports(server.port_names, record.ports if record else {}, reserved)
        reserved.update(ports_of[server.name].values())
    brokers = [server for server in servers if isinstance(server, KafkaBroker) and server.name in records]
    moved = [server for server in brokers if ports_of[server.name] != records[server.name].ports]
    if moved and any(records[server.name].runs() for server in brokers):
        raise Unavailable(
            f"a port of {moved[0].title} was taken by another program while it was down: end that program, or run "
            "`fedsecure stack down` and then `fedsecure stack up`"
        )
    return ports_of


def _brokers(count: int) -> str:
    return "one Kafka broker" if count == 1 else f"{count} Kafka brokers"
