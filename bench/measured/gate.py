"""What the gate costs a strategy of Flower: a look at the nodes and a round's replies, on a real Kafka and a real Redis."""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from flwr.app import ConfigRecord, Message, RecordDict
from flwr.proto.node_pb2 import NodeInfo
from flwr.serverapp import Grid
from flwr.supercore.run import Run
from flwr.supercore.task_identity import TaskIdentity
from kafka import KafkaProducer

from bench.row import Row, repeated
from bench.services import local_services, show_benign
from bench.ward import device_name
from contracts.configuration.settings import Settings
from contracts.messages.federation import DeviceKey, encode_federation
from contracts.signing import key_id_of, public_bytes_of
from fedsecure.flower import Gate, GatedGrid
from transport.kafka.admin import ensure_topics
from transport.kafka.options import kafka_python_options

SIZES: Final = (5, 1000)
TIMES: Final = 30


def measure(*, quick: bool) -> list[Row]:
    """Return how long the gate takes, by the number of devices. Their nodes stand in the table of nodes' keys."""
    TaskIdentity.run_id, TaskIdentity.node_id, TaskIdentity.task_id = 1, 1, 1  # as Flower does for a ServerApp
    logging.getLogger("flwr").setLevel(logging.WARNING)
    rows = []
    with local_services() as endpoints:
        for devices in SIZES[:1] if quick else SIZES:
            prefix = f"bench-{secrets.token_hex(3)}"
            settings = Settings(kafka_bootstrap_servers=endpoints.kafka, redis_url=endpoints.redis_url, prefix=prefix)
            show(settings, devices)
            with gated(settings, devices) as (grid, bare):
                rows += _rows(grid, bare, devices, 3 if quick else TIMES)
    return rows


def _rows(grid: GatedGrid, bare: InstantGrid, devices: int, times: int) -> list[Row]:
    nodes = list(grid.get_node_ids())
    if len(nodes) != devices:
        raise RuntimeError(f"{len(nodes)} of {devices} nodes may take part")
    looks, gated_ms, bare_ms = [], [], []
    for _ in range(times):
        looks.append(_ms(grid.get_node_ids))
        gated_ms.append(_ms(lambda: grid.send_and_receive(_messages(nodes), timeout=60)))
        bare_ms.append(_ms(lambda: bare.send_and_receive(_messages(nodes), timeout=60)))
    added = [with_gate - without for with_gate, without in zip(gated_ms, bare_ms, strict=True)]
    note = f"median of {times}, with the smallest and the largest"
    return [
        repeated(f"`get_node_ids` of {devices:,} nodes", looks, "ms", note=note),
        repeated(f"added to a round's replies of {devices:,} nodes", added, "ms", note="the same"),
    ]


def _ms(call: Any) -> float:
    began = time.perf_counter()
    call()
    return (time.perf_counter() - began) * 1e3


def _messages(nodes: Iterable[int]) -> list[Message]:
    return [Message(RecordDict({"x": ConfigRecord({"round": 1})}), node_id, "train") for node_id in nodes]


def show(settings: Settings, devices: int) -> None:
    """Let so many devices stand benign in Redis, with a key on Kafka."""
    ensure_topics(settings, settings.topics.fixed())
    names, now = [device_name(device) for device in range(devices)], time.time()
    show_benign(settings, names)
    producer = KafkaProducer(**kafka_python_options(settings))
    for name in names:
        public_key = public_bytes_of(Ed25519PrivateKey.generate())
        key = DeviceKey(device_id=name, public_key=public_key, key_id=key_id_of(public_key), registered_at=now)
        producer.send(settings.topics.fl_keys, key=name.encode(), value=encode_federation(key))
    producer.flush()
    producer.close()


@contextmanager
def gated(settings: Settings, devices: int) -> Iterator[tuple[GatedGrid, InstantGrid]]:
    """Yield a gated grid of so many nodes, and the grid that it wraps."""
    keys = [ec.generate_private_key(ec.SECP384R1()).public_key() for _ in range(devices)]
    lines = [
        f"{device_name(device)} {key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()}"
        for device, key in enumerate(keys)
    ]
    grid = InstantGrid([key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo) for key in keys])
    with TemporaryDirectory() as folder, closing(Gate(settings)) as gate:
        table = Path(folder) / "nodes.txt"
        table.write_text("\n".join(lines))
        yield GatedGrid(grid, gate, node_keys=table), grid


class InstantGrid(Grid):
    """Nodes that answer at once, without a network."""

    def __init__(self, public_keys: Iterable[bytes]) -> None:
        self._nodes = [NodeInfo(node_id=number, public_key=key) for number, key in enumerate(public_keys, 100)]
        self._replies: dict[str, Message] = {}
        self._sent = 0

    def set_run(self, run: Run) -> None:
        raise NotImplementedError

    @property
    def run(self) -> Run:
        return Run.create_empty(1)

    def create_message(self, *arguments: Any) -> Message:
        raise NotImplementedError

    def get_node_ids(self) -> Iterable[int]:
        return [node.node_id for node in self._nodes]

    def get_nodes(self) -> Iterable[NodeInfo]:
        return self._nodes

    def push_messages(self, messages: Iterable[Message]) -> Iterable[str]:
        ids = []
        for message in messages:
            self._sent += 1
            message.metadata.__dict__["_message_id"] = f"{self._sent}"
            self._replies[f"{self._sent}"] = Message(RecordDict(), reply_to=message)
            ids.append(f"{self._sent}")
        return ids

    def pull_messages(self, message_ids: Iterable[str]) -> Iterable[Message]:
        return [self._replies.pop(each) for each in message_ids if each in self._replies]

    def send_and_receive(self, messages: Iterable[Message], *, timeout: float | None = None) -> Iterable[Message]:  # noqa: ARG002 - the interface has it
        return self.pull_messages(self.push_messages(messages))
