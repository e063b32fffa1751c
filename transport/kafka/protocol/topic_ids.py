"""Which topics there are, each with the id that Kafka gave it: one that was made anew under its old name has another."""

from __future__ import annotations

from collections.abc import Collection
from io import BytesIO
from random import sample
from typing import Any, Final, TypeAlias

from aiokafka.errors import KafkaConnectionError, KafkaError
from aiokafka.protocol.abstract import AbstractType
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.metadata import MetadataRequest_v5
from aiokafka.protocol.types import Boolean, CompactArray, CompactString, Int16, Int32, Schema, TaggedFields

TopicIds: TypeAlias = dict[str, str]
"""Topic -> its id in hex. Brokers before Kafka 2.8 give none: then it is empty, and two topics of one name look alike."""

UNKNOWN: Final = ""
_NO_ID: Final = bytes(16)
_NO_TAGS: Final[dict[int, bytes]] = {}
_TAGS: Final = ("tags", TaggedFields)


class _Uuid(AbstractType[bytes]):  # type: ignore[misc]  # aiokafka is untyped, here and below
    @classmethod
    def encode(cls, value: bytes) -> bytes:
        return value

    @classmethod
    def decode(cls, data: BytesIO) -> bytes:
        return data.read(16)


_PARTITIONS: Final = CompactArray(
    ("error_code", Int16), ("partition", Int32), ("leader", Int32), ("leader_epoch", Int32), ("replicas", CompactArray(Int32)),
    ("isr", CompactArray(Int32)), ("offline_replicas", CompactArray(Int32)), _TAGS,
)  # fmt: skip


class _Response(Response):  # type: ignore[misc]
    """The answer of version 11, the first that gives ids to readers whose names aiokafka's types can hold."""

    API_KEY = 3
    API_VERSION = 11
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        ("brokers", CompactArray(
            ("node_id", Int32), ("host", CompactString()), ("port", Int32), ("rack", CompactString()), _TAGS,
        )),
        ("cluster_id", CompactString()),
        ("controller_id", Int32),
        ("topics", CompactArray(
            ("error_code", Int16), ("topic", CompactString()), ("topic_id", _Uuid), ("is_internal", Boolean),
            ("partitions", _PARTITIONS), ("authorized_operations", Int32), _TAGS,
        )),
        _TAGS,
    )  # fmt: skip


class _RequestV11(RequestStruct):  # type: ignore[misc]
    FLEXIBLE_VERSION = True
    API_KEY = 3
    API_VERSION = 11
    RESPONSE_TYPE = _Response
    SCHEMA = Schema(
        ("topics", CompactArray(("topic_id", _Uuid), ("name", CompactString()), _TAGS)),
        ("allow_auto_topic_creation", Boolean),
        ("include_topic_authorized_operations", Boolean),
        _TAGS,
    )


class _TopicsRequest(Request[MetadataRequest_v5 | _RequestV11]):  # type: ignore[misc]
    """Asks for topics, or for all (None). aiokafka's own request (0.14) ends before the version that has ids."""

    API_KEY = 3

    def __init__(self, topics: Collection[str] | None) -> None:
        self._topics = topics

    def build(self, request_struct_class: type[Any]) -> Any:
        names = None if self._topics is None else sorted(self._topics)
        if request_struct_class is MetadataRequest_v5:
            return MetadataRequest_v5(names, False)
        asked = None if names is None else [(_NO_ID, name, _NO_TAGS) for name in names]
        return _RequestV11(asked, False, False, _NO_TAGS)


async def topic_ids(client: Any, topics: Collection[str] | None = None) -> TopicIds:
    """Return the ids of those of the topics (None: of all) that exist, asked of any broker that answers.

    `client` is the AIOKafkaClient of a started consumer. Raises KafkaError when no broker answers.
    """
    brokers = [broker.nodeId for broker in client.cluster.brokers()]
    error: Exception = KafkaConnectionError("no broker is known")
    for node in sample(brokers, len(brokers)):
        try:
            answer = await client.send(node, _TopicsRequest(topics))
        except (KafkaError, TimeoutError, OSError) as failure:
            error = failure
            continue
        return {entry[1]: _id_of(entry) for entry in answer.topics if entry[0] == 0}
    raise error


def _id_of(entry: tuple[Any, ...]) -> str:
    topic_id = entry[2]
    return topic_id.hex() if isinstance(topic_id, bytes) and topic_id != _NO_ID else UNKNOWN
