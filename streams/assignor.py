"""Who judges whom: spreads (topic, partition) units evenly, moving as few as possible (sticky, least loaded)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast

from faust.assignor.client_assignment import ClientAssignment
from faust.assignor.partition_assignor import PartitionAssignor

from streams.records import Unit


def spread(
    subscribed: Mapping[str, Iterable[str]], previous: Mapping[str, Iterable[Unit]], units: Iterable[Unit]
) -> dict[str, set[Unit]]:
    """Return each member's units: loads differ by at most one, and what can stay stays.

    `subscribed` holds the topics each member knows (a new topic may be known to some only), `previous` what each
    had. A unit that nobody subscribes to is left out. Pure and deterministic: members and units are sorted.
    """
    known = {member: set(topics) for member, topics in subscribed.items()}
    wanted = {unit for unit in units if any(unit.topic in topics for topics in known.values())}
    claims = {member: set(previous.get(member, ())) & wanted for member in known}
    # The most loaded keep the larger quota, so that fewer units move.
    members = sorted(known, key=lambda member: (-len(claims[member]), member))
    floor, larger = divmod(len(wanted), max(1, len(members)))
    quota = {member: floor + (rank < larger) for rank, member in enumerate(members)}
    result: dict[str, set[Unit]] = {member: set() for member in members}
    free = set(wanted)
    for member in members:
        kept = sorted(unit for unit in claims[member] & free if unit.topic in known[member])[: quota[member]]
        result[member].update(kept)
        free.difference_update(kept)
    for unit in sorted(free):
        able = [member for member in members if unit.topic in known[member]]
        result[min(able, key=lambda member: (len(result[member]) - quota[member], member))].add(unit)
    return result


class SpreadingAssignor(PartitionAssignor):
    """Faust's group protocol with our placement: its own puts partition i of every topic on one worker.

    Topics of other kinds may be subscribed (a worker without patients needs some topic): they are never assigned.
    """

    def _perform_assignment(self, cluster: Any, member_metadata: Mapping[str, Any]) -> Any:
        clients = {member: self._get_client_metadata(metadata) for member, metadata in member_metadata.items()}
        self._update_member_urls(clients)
        subscribed = {member: set(metadata.subscription) for member, metadata in member_metadata.items()}
        is_vitals = cast("Any", self.app).device_names.is_vitals
        topics = {topic for known in subscribed.values() for topic in known if is_vitals(topic)}
        units = (Unit(topic, p) for topic in topics for p in cluster.partitions_for_topic(topic) or ())
        previous = {
            member: {Unit(tp.topic, tp.partition) for tp in client.assignment.active_tps}
            for member, client in clients.items()
        }
        assignments = {
            member: ClientAssignment(actives=_by_topic(held), standbys={})
            for member, held in spread(subscribed, previous, units).items()
        }
        external = {self._member_urls[member]: assignment.actives for member, assignment in assignments.items()}
        return self._protocol_assignments(assignments, {}, external, {})


def _by_topic(units: Iterable[Unit]) -> dict[str, list[int]]:
    grouped: dict[str, list[int]] = {}
    for unit in sorted(units):
        grouped.setdefault(unit.topic, []).append(unit.partition)
    return grouped
