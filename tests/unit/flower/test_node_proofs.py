"""Which device a node is, is proven by the device's registered key for that node, that run and that question, or by the operator's table."""

from __future__ import annotations

import logging
import subprocess
import sys

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from device_keys import private_key
from flower_grid import FakeGate, FakeGrid, Node, as_server, keep_key
from flwr.app import ConfigRecord, Message, RecordDict
from msgspec.structs import replace

from contracts.errors import Misconfigured
from contracts.messages.node_proof import NodeProof, decode_proof, encode_proof
from contracts.signing import sign
from fedsecure.flower import GatedGrid, nodes, questions
from fedsecure.flower.node_keys import read_node_keys


@pytest.fixture(autouse=True)
def _at_once(monkeypatch):
    monkeypatch.setattr(questions, "POLL_S", 0.001)
    monkeypatch.setattr(nodes, "PROVEN_WITHIN_S", 0.05)
    monkeypatch.setattr(nodes, "ASK_AGAIN_S", 0.0)
    with as_server():
        yield


@pytest.fixture
def folder(tmp_path):
    for device_id in "ab":
        keep_key(tmp_path / "keys", device_id)
    return tmp_path / "keys"


@pytest.fixture
def gate():
    return FakeGate("a", "b")


@pytest.fixture
def said(caplog, monkeypatch):
    monkeypatch.setattr(logging.getLogger("flwr"), "propagate", True)
    caplog.set_level(logging.INFO)
    return lambda: "\n".join(caplog.messages)


def answering(node: Node, **changes) -> None:
    """Let a node answer with a proof that a right key signed, but of something else."""

    def prove(message: Message) -> Message:
        nonce = message.content.config_records["fedsecure"]["nonce"]
        fields = {"device_id": "a", "node_id": node.info.node_id, "run_id": message.metadata.run_id, "nonce": nonce}
        proof = sign(private_key("a"), NodeProof(**fields | changes))
        return Message(RecordDict({"fedsecure": ConfigRecord({"proof": encode_proof(proof)})}), reply_to=message)

    node.prove = prove


def test_a_node_that_has_another_key_than_the_devices_takes_no_part(folder, gate, tmp_path, said):
    liar = Node(66, "a", keep_key(tmp_path / "others", "a", generation=9))
    grid = GatedGrid(FakeGrid(liar, Node(12, "b", folder)), gate)
    assert list(grid.get_node_ids()) == [12]
    assert "Node 66 takes no part: unknown_key: it names key" in said()


@pytest.mark.parametrize("changes", [{"node_id": 12}, {"run_id": 5}, {"nonce": "0" * 32}], ids=str)
def test_a_proof_counts_for_its_node_its_run_and_its_question_alone(folder, gate, said, changes):
    thief = Node(66, "a", folder)
    answering(thief, **changes)
    assert list(GatedGrid(FakeGrid(thief), gate).get_node_ids()) == []
    assert "was made for another question" in said()
    answering(thief)
    assert list(GatedGrid(FakeGrid(thief), gate).get_node_ids()) == [66], "but for that it would do"


@pytest.mark.parametrize(
    "content",
    [
        RecordDict(),
        RecordDict({"fedsecure": ConfigRecord({"device": "a"})}),
        RecordDict({"fedsecure": ConfigRecord({"proof": b"{}"})}),
    ],
    ids=["nothing", "a name", "no proof"],
)
def test_a_device_is_never_taken_from_a_nodes_word(folder, gate, content):
    node = Node(11, "a", folder)
    node.prove = lambda message: Message(content, reply_to=message)
    assert list(GatedGrid(FakeGrid(node), gate).get_node_ids()) == []


def test_a_forged_signature_is_refused(folder, gate, said):
    node = Node(11, "a", folder)
    right = node.prove

    def forges(message: Message) -> Message:
        reply = right(message)
        proof = decode_proof(reply.content.config_records["fedsecure"]["proof"])
        forged = replace(proof, signature=sign(private_key("b"), proof).signature)
        reply.content.config_records["fedsecure"]["proof"] = encode_proof(forged)
        return reply

    node.prove = forges
    assert list(GatedGrid(FakeGrid(node), gate).get_node_ids()) == []
    assert "bad_signature" in said()


def test_of_two_nodes_of_one_device_the_later_is_refused_until_the_first_has_gone(folder, gate, said):
    inner = FakeGrid(Node(11, "a", folder))
    grid = GatedGrid(inner, gate)
    assert list(grid.get_node_ids()) == [11]
    inner.nodes[15] = Node(15, "a", folder)
    for _ in range(2):
        assert list(grid.get_node_ids()) == [11]
    assert said().count("Node 15 takes no part: a is node 11 already") == 1
    del inner.nodes[11]
    assert list(grid.get_node_ids()) == [15]


def test_a_key_that_is_revoked_takes_its_node_out_at_once(folder, gate):
    grid = GatedGrid(FakeGrid(Node(11, "a", folder), Node(12, "b", folder)), gate)
    assert list(grid.get_node_ids()) == [11, 12]
    gate.register("a", revoked_at=2000.0)
    assert list(grid.get_node_ids()) == [12]


def test_a_key_that_is_replaced_must_prove_the_device_anew(folder, gate, said):
    inner = FakeGrid(Node(11, "a", folder))
    grid = GatedGrid(inner, gate)
    assert list(grid.get_node_ids()) == [11]
    gate.register("a", generation=1)
    assert list(grid.get_node_ids()) == [], "the old key proves nothing any more"
    keep_key(folder, "a", generation=1)
    assert list(grid.get_node_ids()) == [11]
    assert "Node 11 is asked again: a has another key." in said()


def test_who_is_slow_to_answer_is_taken_when_it_has(folder, gate, monkeypatch):
    monkeypatch.setattr(nodes, "ASK_AGAIN_S", 60.0)
    slow = Node(11, "a", folder)
    right = slow.prove
    slow.prove = lambda _: None
    inner = FakeGrid(slow)
    grid = GatedGrid(inner, gate)
    assert list(grid.get_node_ids()) == []
    slow.prove = right
    assert list(grid.get_node_ids()) == [11]
    assert inner.asked() == [11], "the same question"


def test_a_node_that_cannot_prove_anything_says_what_it_lacks(folder, gate, said):
    keyless, nameless = Node(11, "c", folder), Node(12, None, folder)
    assert list(GatedGrid(FakeGrid(keyless, nameless), gate).get_node_ids()) == []
    assert "`fedsecure device register c` makes and registers one" in said()
    assert "Node 12 takes no part" in said()
    assert "start its SuperNode with --node-config" in said()


def test_a_question_for_another_node_is_not_answered(folder):
    node = Node(11, "a", folder)
    message = Message(RecordDict({"fedsecure": ConfigRecord({"nonce": "1" * 32})}), 12, "query.fedsecure_device")
    assert "another node" in node.prove(message).error.reason


# --- the operator's table ------------------------------------------------------------------------------------------------


def node_key(seed: int) -> ec.EllipticCurvePublicKey:
    return ec.derive_private_key(seed, ec.SECP384R1()).public_key()


def pem(seed: int) -> bytes:
    return node_key(seed).public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def ssh(seed: int) -> str:
    return node_key(seed).public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


def test_a_node_in_the_table_is_not_asked_and_its_device_is_no_other_nodes(folder, gate, tmp_path, said):
    table = tmp_path / "nodes.txt"
    table.write_text(f"# beds\n\na {ssh(1)} bed-a@ward # first\n")
    inner = FakeGrid(Node(11, "?", folder, public_key=pem(1)), Node(13, "a", folder), Node(12, "b", folder))
    grid = GatedGrid(inner, gate, node_keys=table)
    assert list(grid.get_node_ids()) == [11, 12]
    assert 11 not in inner.asked()
    assert "a has a node of its own in the table" in said()
    gate.excluded["a"] = "quarantined"
    assert list(grid.get_node_ids()) == [12]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a", "line 1: after the device stands"),
        ("a ssh-rsa AAAA", "line 1: after the device stands"),
        (f"A {ssh(1)}", "is not a device id"),
        (f"a {ssh(1)}\na {ssh(2)}", "line 2: a or its key"),
        (f"a {ssh(1)}\nb {ssh(1)}", "line 2: b or its key"),
    ],
)
def test_a_table_that_is_none_is_refused(tmp_path, text, why):
    (tmp_path / "nodes.txt").write_text(text)
    with pytest.raises(Misconfigured, match=why):
        read_node_keys(tmp_path / "nodes.txt")


# --- without Flower ------------------------------------------------------------------------------------------------------


def test_without_flower_it_is_said_what_to_install():
    code = "import sys; sys.modules['flwr'] = None\ntry:\n    from fedsecure.flower import GatedGrid\nexcept Exception as error: print(error)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "fedsecure.flower.GatedGrid needs flwr" in done.stdout
    assert "pip install 'fedsecure[flower]'" in done.stdout
