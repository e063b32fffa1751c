"""A grid of Flower by hand: nodes that answer at once, once they are let, or never, and a gate that is set."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from device_keys import device_key, key_record, private_key
from flwr.app import ConfigRecord, Context, Error, Message, RecordDict
from flwr.clientapp import ClientApp
from flwr.proto.node_pb2 import NodeInfo
from flwr.serverapp import Grid
from flwr.supercore.run import Run
from flwr.supercore.task_identity import TaskIdentity

from contracts.signing import Signed, to_pem
from fedsecure.flower import prove_device
from fl_coordinator.gate.keys import KeyRing
from fl_coordinator.gate.live import GateReading

RUN_ID = 2**63 + 5  # as Flower draws them, of 64 bits without a sign
Answer = Callable[[Message], RecordDict | Error | None]


@contextmanager
def as_server(run_id: int = RUN_ID) -> Iterator[None]:
    """Let this process make messages as a ServerApp's does."""
    before = (TaskIdentity._run_id, TaskIdentity._node_id, TaskIdentity._task_id)
    TaskIdentity.run_id, TaskIdentity.node_id, TaskIdentity.task_id = run_id, 1, 1
    yield
    TaskIdentity._run_id, TaskIdentity._node_id, TaskIdentity._task_id = before


def trains(message: Message) -> RecordDict:
    """Answer as a ClientApp that trains."""
    return RecordDict({"update": ConfigRecord({"from": message.metadata.dst_node_id})})


class Node:
    """A SuperNode started for a device, whose key lies in `folder`. `holds` keeps it from answering what is no question of ours."""

    def __init__(self, node_id: int, device_id: str, folder: Path, *, public_key: bytes = b"") -> None:
        self.info = NodeInfo(node_id=node_id, public_key=public_key)
        self.device_id = device_id
        self.holds = False
        self.answer: Answer = trains
        app = ClientApp()
        self._app = prove_device(app, key_dir=folder)

    def reply(self, message: Message) -> Message | None:
        if message.metadata.message_type.startswith("query"):
            return self.prove(message)
        if self.holds or (answer := self.answer(message)) is None:
            return None
        return Message(answer, reply_to=message)

    def prove(self, message: Message) -> Message | None:
        node_id = self.info.node_id
        context = Context(RUN_ID, node_id, {"device": self.device_id}, RecordDict(), {})
        try:
            return self._app(message, context)
        except Exception as error:  # noqa: BLE001 - as Flower's process answers for a ClientApp that raises
            return Message(Error(2, str(error)), reply_to=message)


class FakeGrid(Grid):
    """Delivers to its nodes at once and gives each reply once, when it is pulled."""

    def __init__(self, *nodes: Node) -> None:
        self.nodes = {node.info.node_id: node for node in nodes}
        self.sent: list[Message] = []
        self.pulls = 0
        self.on_pull: Callable[[int], None] = lambda _: None
        self._waiting: dict[str, Message] = {}
        self._numbers = itertools.count(1)
        self._run = Run.create_empty(RUN_ID)

    def set_run(self, run: Run) -> None:
        self._run = run

    @property
    def run(self) -> Run:
        return self._run

    def create_message(self, content, message_type, dst_node_id, group_id, ttl=None) -> Message:
        return Message(content, dst_node_id, message_type, group_id=group_id, ttl=ttl)

    def get_node_ids(self) -> Iterable[int]:
        return list(self.nodes)

    def get_nodes(self) -> Iterable[NodeInfo]:
        return [node.info for node in self.nodes.values()]

    def push_messages(self, messages: Iterable[Message]) -> Iterable[str]:
        ids = []
        for message in messages:
            message.metadata.__dict__["_message_id"] = f"message-{next(self._numbers)}"
            self.sent.append(message)
            self._waiting[message.metadata.message_id] = message
            ids.append(message.metadata.message_id)
        return ids

    def pull_messages(self, message_ids: Iterable[str]) -> Iterable[Message]:
        self.pulls += 1
        self.on_pull(self.pulls)
        replies = []
        for message_id in message_ids:
            message = self._waiting.get(message_id)
            node = None if message is None else self.nodes.get(message.metadata.dst_node_id)
            if message is not None and node is not None and (reply := node.reply(message)) is not None:
                del self._waiting[message_id]
                replies.append(reply)
        return replies

    def send_and_receive(self, messages: Iterable[Message], *, timeout: float | None = None) -> Iterable[Message]:
        raise AssertionError("the gate has its own way to wait")

    def asked(self) -> list[int]:
        """Return the nodes that were asked who they are, in order."""
        return [each.metadata.dst_node_id for each in self.sent if each.metadata.message_type.startswith("query")]


class FakeGate:
    """A gate that says what it is set to: every device may train that has no reason in `excluded`."""

    def __init__(self, *device_ids: str) -> None:
        self.ring = KeyRing()
        self.excluded: dict[str, str] = {}
        self.closed_because: str | None = None
        self.reads = 0
        self.generation = dict.fromkeys(device_ids, 0)
        for device_id in device_ids:
            self.register(device_id)

    def register(self, device_id: str, generation: int = 0, *, revoked_at: float | None = None) -> None:
        self.generation[device_id] = generation
        self.ring.note(key_record(device_key(device_id, generation, revoked_at=revoked_at)))

    def read(self) -> GateReading:
        self.reads += 1
        if self.closed_because is not None:
            return GateReading(1000.0, closed_because=self.closed_because)
        known = {each: self.ring.key_id(each) for each in self.generation}
        excluded = {each: "not_registered" for each, key_id in known.items() if key_id is None} | self.excluded
        key_ids = {each: key_id for each, key_id in known.items() if key_id is not None and each not in excluded}
        return GateReading(1000.0, tuple(sorted(key_ids)), excluded, key_ids)

    def check(self, signed: Signed) -> None:
        self.ring.check(signed)


def keep_key(folder: Path, device_id: str, generation: int = 0) -> Path:
    """Put a device's key into a folder as `fedsecure device register` would, and return the folder."""
    folder.mkdir(mode=0o700, exist_ok=True)
    path = folder / f"{device_id}.pem"
    path.touch(mode=0o600)
    path.write_bytes(to_pem(private_key(device_id, generation)))
    return folder
