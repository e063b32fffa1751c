"""Which device each connected node has proven to be, and which of them may train now."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from time import monotonic
from typing import Final

from flwr.proto.node_pb2 import NodeInfo
from flwr.serverapp import Grid

from contracts.messages.node_proof import NodeProof
from fedsecure.flower.gate import GateLike, log
from fedsecure.flower.node_keys import NodeKeys, device_of
from fedsecure.flower.questions import Questions
from fl_coordinator.gate.live import GateReading

PROVEN_WITHIN_S: Final = 30.0
"""So long new nodes are waited for: a client process has to start. Who is slower is taken when it has answered."""
ASK_AGAIN_S: Final = 15.0
NOT_PROVEN: Final = "not_proven"


@dataclass(frozen=True, slots=True)
class _Standing:
    """What is known of a node. `key_id` names the key that signed its proof, None where the operator's table names the node."""

    device_id: str
    key_id: str | None


class ProvenNodes:
    """Keeps what nodes have proven for as long as they are connected and the key that proved it is the device's key.

    A device is on one node at a time: another that shows a proof of it is refused until the first has gone. One that stands in
    the operator's table is on the node of that key alone.
    """

    def __init__(self, grid: Grid, gate: GateLike, node_keys: NodeKeys) -> None:
        self._grid = grid
        self._gate = gate
        self._node_keys = node_keys
        self._questions = Questions(grid, gate)
        self._known: dict[int, _Standing] = {}
        self._asked_at: dict[int, float] = {}
        self._said: dict[int, str] = {}

    def look(self) -> tuple[Mapping[int, NodeInfo], GateReading]:
        """Return the connected nodes and the gate as it is after new nodes were asked. While it is closed nobody is asked."""
        connected = {node.node_id: node for node in self._grid.get_nodes()}
        self._forget_all_but(connected)
        reading = self._gate.read()
        if reading.closed_because is not None:
            return connected, reading
        self._forget_replaced_keys(reading)
        for node_id in connected.keys() - self._known.keys() if self._node_keys else ():
            device_id = device_of(self._node_keys, connected[node_id].public_key)
            if device_id is not None:
                self._take(node_id, _Standing(device_id, None))
        has_asked = self._ask(connected)
        for node_id, answer in self._questions.answers(PROVEN_WITHIN_S if has_asked else 0.0).items():
            self._note(node_id, answer)
        return connected, self._gate.read() if has_asked else reading

    def device(self, node_id: int) -> str | None:
        """Return which device a node has proven to be."""
        standing = self._known.get(node_id)
        return None if standing is None else standing.device_id

    def why_not(self, node_id: int, reading: GateReading) -> str | None:
        """Return why a node may not take part as of this reading, or None."""
        standing = self._known.get(node_id)
        if standing is None:
            return NOT_PROVEN
        why_not = reading.why_not(standing.device_id)
        if why_not is None and standing.key_id not in (None, reading.key_ids[standing.device_id]):
            return NOT_PROVEN
        return why_not

    def _ask(self, connected: Collection[int]) -> bool:
        now = monotonic()
        unproven = set(connected) - self._known.keys() - self._questions.asked
        due = {each for each in unproven if now - self._asked_at.get(each, float("-inf")) >= ASK_AGAIN_S}
        self._questions.ask(due)
        self._asked_at |= dict.fromkeys(due, now)
        return bool(due)

    def _note(self, node_id: int, answer: NodeProof | str) -> None:
        if isinstance(answer, str):
            self._refuse(node_id, answer)
        elif answer.device_id in self._node_keys.values():
            self._refuse(node_id, f"{answer.device_id} has a node of its own in the table of nodes' keys")
        else:
            self._take(node_id, _Standing(answer.device_id, answer.key_id))

    def _take(self, node_id: int, standing: _Standing) -> None:
        holders = [each for each, known in self._known.items() if known.device_id == standing.device_id]
        if holders:
            self._refuse(node_id, f"{standing.device_id} is node {holders[0]} already, which is still connected")
            return
        self._known[node_id] = standing
        self._said.pop(node_id, None)
        log.info("Node %d is %s.", node_id, standing.device_id)

    def _refuse(self, node_id: int, why: str) -> None:
        if self._said.get(node_id) != why:
            log.warning("Node %d takes no part: %s", node_id, why)
        self._said[node_id] = why

    def _forget_replaced_keys(self, reading: GateReading) -> None:
        replaced = {
            node_id
            for node_id, known in self._known.items()
            if known.key_id not in (None, reading.key_ids.get(known.device_id, known.key_id))
        }
        for node_id in replaced:
            log.info("Node %d is asked again: %s has another key.", node_id, self._known.pop(node_id).device_id)
            self._asked_at.pop(node_id, None)

    def _forget_all_but(self, connected: Collection[int]) -> None:
        for known in (self._known, self._asked_at, self._said):
            for node_id in [each for each in known if each not in connected]:
                del known[node_id]
        self._questions.forget(self._questions.asked - set(connected))
