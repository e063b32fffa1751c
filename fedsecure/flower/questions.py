"""Asks nodes which device they are, and checks what they answer."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from time import monotonic, sleep
from typing import Final

from flwr.app import ConfigRecord, Message, RecordDict
from flwr.serverapp import Grid

from contracts.errors import InvalidMessage
from contracts.messages.node_proof import NodeProof, decode_proof
from fedsecure.flower.client import ACTION, RECORD
from fedsecure.flower.gate import GateLike
from fl_coordinator.errors import UpdateRefused

NONCE_BYTES: Final = 16
POLL_S: Final = 0.2
VALID_S: Final = 120.0


@dataclass(frozen=True, slots=True)
class _Question:
    node_id: int
    nonce: str


class Questions:
    """The questions that are open, one a node at most. A question counts for one answer, from the node that was asked."""

    def __init__(self, grid: Grid, gate: GateLike) -> None:
        self._grid = grid
        self._gate = gate
        self._open: dict[str, _Question] = {}

    @property
    def asked(self) -> set[int]:
        """The nodes whose answers are awaited."""
        return {question.node_id for question in self._open.values()}

    def ask(self, node_ids: Iterable[int]) -> None:
        """Ask nodes that are not asked already."""
        questions = [_Question(node_id, secrets.token_hex(NONCE_BYTES)) for node_id in sorted({*node_ids} - self.asked)]
        if questions:
            sent = self._grid.push_messages([_message_of(question) for question in questions])
            self._open |= {message_id: each for message_id, each in zip(sent, questions, strict=True) if message_id}

    def answers(self, wait_s: float) -> Mapping[int, NodeProof | str]:
        """Return what has been answered, by node: a proof that holds, or why there is none. Waits until all have, at most `wait_s`."""
        until = monotonic() + wait_s
        answers: dict[int, NodeProof | str] = {}
        while self._open:
            for reply in self._grid.pull_messages(list(self._open)):
                if (question := self._open.pop(reply.metadata.reply_to_message_id, None)) is not None:
                    answers[question.node_id] = self._checked(question, reply)
            if monotonic() >= until:
                break
            if self._open:
                sleep(POLL_S)
        return answers

    def forget(self, node_ids: Iterable[int]) -> None:
        """Await nothing more from nodes that have gone."""
        gone = set(node_ids)
        self._open = {each: question for each, question in self._open.items() if question.node_id not in gone}

    def _checked(self, question: _Question, reply: Message) -> NodeProof | str:
        if reply.has_error():
            return f"it does not answer as `prove_device` would ({reply.error.reason})"
        try:
            proof = decode_proof(_bytes_of(reply))
            self._gate.check(proof)
        except (InvalidMessage, UpdateRefused) as error:
            return str(error)
        asked = (question.node_id, self._grid.run.run_id)
        is_ours = reply.metadata.src_node_id == question.node_id and (proof.node_id, proof.run_id) == asked
        if not is_ours or not hmac.compare_digest(proof.nonce.encode(), question.nonce.encode()):
            return f"it shows a proof of {proof.device_id} that was made for another question"
        return proof


def _message_of(question: _Question) -> Message:
    content = RecordDict({RECORD: ConfigRecord({"nonce": question.nonce})})
    return Message(content, question.node_id, f"query.{ACTION}", ttl=VALID_S)


def _bytes_of(reply: Message) -> bytes:
    record = reply.content.config_records.get(RECORD)
    proof = None if record is None else record.get("proof")
    if not isinstance(proof, bytes):
        raise InvalidMessage("bad_schema", "no proof in the answer")
    return proof
