"""Spreads partitions evenly over the workers and moves as few as possible."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast

from faust.assignor.client_assignment import ClientAssignment
from faust.assignor.partition_assignor import PartitionAssignor

from transport.kafka.offsets import TopicPartition


def spread(
    subscribed: Mapping[str, Iterable[str]],
    previous: Mapping[str, Iterable[TopicPartition]],
    partitions: Iterable[TopicPartition],
) -> dict[str, set[TopicPartition]]:
    """Return each member's partitions: loads differ by at most one, and what can stay stays.

    `subscribed` holds the topics each member knows (a new topic may be known to some only), `previous` what each
    had. A partition that nobody subscribes to is left out. Pure and deterministic: members and partitions are sorted.
    """
    known = {member: set(topics) for member, topics in subscribed.items()}
    wanted = {partition for partition in partitions if any(partition.topic in topics for topics in known.values())}
    claims = {member: set(previous.get(member, ())) & wanted for member in known}
    # The most loaded keep the larger quota, so that fewer partitions move.
    members = sorted(known, key=lambda member: (-len(claims[member]), member))
    floor, larger = divmod(len(wanted), max(1, len(members)))
    quota = {member: floor + (rank < larger) for rank, member in enumerate(members)}
    result: dict[str, set[TopicPartition]] = {member: set() for member in members}
    free = set(wanted)
    for member in members:
        kept = sorted(partition for partition in claims[member] & free if partition.topic in known[member])[
            : quota[member]
        ]
        result[member].update(kept)
        free.difference_update(kept)
    for partition in sorted(free):
        able = [member for member in members if partition.topic in known[member]]
        result[min(able, key=lambda member: (len(result[member]) - quota[member], member))].add(partition)
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
        partitions = (TopicPartition(topic, p) for topic in topics for p in cluster.partitions_for_topic(topic) or ())
        previous = {
            member: {TopicPartition(tp.topic, tp.partition) for tp in client.assignment.active_tps}
            for member, client in clients.items()
        }
        assignments = {
            member: ClientAssignment(actives=_by_topic(held), standbys={})
            for member, held in spread(subscribed, previous, partitions).items()
        }
        external = {self._member_urls[member]: assignment.actives for member, assignment in assignments.items()}
        return self._protocol_assignments(assignments, {}, external, {})


def _by_topic(partitions: Iterable[TopicPartition]) -> dict[str, list[int]]:
    grouped: dict[str, list[int]] = {}
    for partition in sorted(partitions):
        grouped.setdefault(partition.topic, []).append(partition.partition)
    return grouped
