"""A grid of Flower behind the gate: a strategy sees the nodes whose devices may train, and no reply of another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from time import monotonic, sleep
from typing import Any, Final

from flwr.app import Message, RecordDict
from flwr.proto.node_pb2 import NodeInfo
from flwr.serverapp import Grid
from flwr.supercore.run import Run

from contracts.metrics import DROPPED_REPLIES, GATED_NODES
from fedsecure.flower.gate import GateLike, log
from fedsecure.flower.node_keys import read_node_keys
from fedsecure.flower.nodes import ProvenNodes
from fl_coordinator.gate.live import GateReading

POLL_S: Final = 1.0


class GatedGrid(Grid):
    """Passes everything on to the grid that it wraps, but for who takes part.

    `get_node_ids` names the nodes that have proven which device they are, where the device may train now: nobody while the gate
    is closed. The gate is read again when replies come: a device that may not train at any reading since it was asked is out
    of these replies, and not waited for. While the gate is closed replies are kept until it can be read, or the time is up.

    `node_keys` names a table of nodes' public keys (read_node_keys); nodes that are not in it are asked to prove their device.
    """

    def __init__(self, grid: Grid, gate: GateLike, *, node_keys: Path | str | None = None) -> None:
        self._grid = grid
        self._gate = gate
        self._nodes = ProvenNodes(grid, gate, {} if node_keys is None else read_node_keys(Path(node_keys)))
        self._asked: dict[str, int] = {}
        self._kept: dict[str, Message] = {}
        self._left_out: Mapping[str, str] = {}

    def __getattr__(self, name: str) -> Any:
        """Return what this kind of grid has beside the interface."""
        return getattr(self._grid, name)

    def set_run(self, run: Run) -> None:
        self._grid.set_run(run)

    @property
    def run(self) -> Run:
        return self._grid.run

    def create_message(
        self, content: RecordDict, message_type: str, dst_node_id: int, group_id: str, ttl: float | None = None
    ) -> Message:
        return self._grid.create_message(content, message_type, dst_node_id, group_id, ttl)

    def get_node_ids(self) -> Iterable[int]:
        return [node.node_id for node in self.get_nodes()]

    def get_nodes(self) -> Iterable[NodeInfo]:
        connected, reading = self._nodes.look()
        why_not = {node_id: self._nodes.why_not(node_id, reading) for node_id in connected}
        taken = [node for node_id, node in connected.items() if why_not[node_id] is None]
        GATED_NODES.labels("taken").set(len(taken))
        GATED_NODES.labels("left_out").set(len(connected) - len(taken))
        if reading.closed_because is None:  # that it is closed was said already
            self._say_left_out(why_not)
        return taken

    def push_messages(self, messages: Iterable[Message]) -> Iterable[str]:
        sent = list(messages)
        message_ids = list(self._grid.push_messages(sent))
        nodes = [message.metadata.dst_node_id for message in sent]
        self._asked |= {each: node_id for each, node_id in zip(message_ids, nodes, strict=False) if each}
        return message_ids

    def pull_messages(self, message_ids: Iterable[str]) -> Iterable[Message]:
        """Return the replies that may be seen. One that was dropped never comes, as if its node had not answered."""
        asked = list(message_ids)
        self._pull(asked)
        reading = self._gate.read()
        if reading.closed_because is not None:
            return []
        return self._accepted(asked, self._why_not(asked, reading))

    def send_and_receive(self, messages: Iterable[Message], *, timeout: float | None = None) -> Iterable[Message]:
        """Send, and return the replies that may be seen, when all have come from nodes that may still train or the time is up."""
        asked = [each for each in self.push_messages(messages) if each]
        until = float("inf") if timeout is None else monotonic() + timeout
        out: dict[str, str] = {}
        is_closed = False
        while asked and monotonic() < until:
            self._pull(asked)
            reading = self._gate.read()
            is_closed = reading.closed_because is not None
            if not is_closed:
                out |= self._why_not(asked, reading)
                if self._kept.keys() | out.keys() >= set(asked):
                    break
            sleep(max(0.0, min(POLL_S, until - monotonic())))
        replies = self._accepted(asked, dict.fromkeys(asked, "gate_closed") if is_closed else out)
        for message_id in asked:  # nobody can ask for these any more
            self._asked.pop(message_id, None)
        return replies

    def _pull(self, message_ids: Iterable[str]) -> None:
        """Take what has come from the grid, which gives each reply once."""
        if waiting := [each for each in message_ids if each not in self._kept]:
            replies = self._grid.pull_messages(waiting)
            self._kept |= {reply.metadata.reply_to_message_id: reply for reply in replies}

    def _why_not(self, message_ids: Iterable[str], reading: GateReading) -> dict[str, str]:
        nodes = {each: self._asked.get(each, 0) for each in message_ids}
        found = {each: self._nodes.why_not(node_id, reading) for each, node_id in nodes.items()}
        return {each: why for each, why in found.items() if why is not None}

    def _accepted(self, message_ids: Iterable[str], out: Mapping[str, str]) -> list[Message]:
        """Return the kept replies to these messages but those that are out, and keep none of them."""
        accepted: list[Message] = []
        for message_id in message_ids:
            reply = self._kept.pop(message_id, None)
            node_id = self._asked.get(message_id, 0)
            if reply is None and message_id not in out:
                continue  # it may still come
            self._asked.pop(message_id, None)
            if message_id in out:
                self._say_dropped(node_id, out[message_id], has_come=reply is not None)
            elif reply is not None:
                accepted.append(reply)
        return accepted

    def _say_dropped(self, node_id: int, why: str, *, has_come: bool) -> None:
        what = "The reply of %s (node %d) is dropped: %s" if has_come else "%s (node %d) is not waited for: %s"
        log.warning(what, self._nodes.device(node_id) or "an unknown device", node_id, why)
        if has_come:
            DROPPED_REPLIES.labels(why).inc()

    def _say_left_out(self, why_not: Mapping[int, str | None]) -> None:
        devices = {self._nodes.device(node_id): why for node_id, why in why_not.items() if why is not None}
        left_out = {device_id: why for device_id, why in devices.items() if device_id is not None}
        if left_out != self._left_out:
            told = ", ".join(f"{device_id} ({why})" for device_id, why in sorted(left_out.items()))
            log.info("Left out of the next rounds: %s", told or "nobody any more")
        self._left_out = left_out
