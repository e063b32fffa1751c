"""What a device's ClientApp of Flower says when it is asked whose node it runs on."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from flwr.app import ConfigRecord, Context, Message, RecordDict
from flwr.clientapp import ClientApp

from contracts.configuration.settings import Settings
from contracts.errors import Misconfigured
from contracts.identifiers import device_id_of
from contracts.messages.node_proof import NodeProof, encode_proof
from contracts.signing import sign
from fedsecure.endpoints import device_key_dir
from fl_device.keys.folder import KeyFolder

ACTION: Final = "fedsecure_device"
RECORD: Final = "fedsecure"


def prove_device(app: ClientApp, *, key_dir: Path | None = None) -> ClientApp:
    """Let a ClientApp prove whose node it runs on, and return it.

    The device is the one that the SuperNode was started for (`--node-config 'device="p000020"'`), and the proof is signed with
    its own registered key, from `key_dir` or the folder that `fedsecure device register` writes to. A key file is read anew for
    each proof. It is a function for `query` messages; those of the app stay as they are.
    """

    @app.query(ACTION)
    def prove(message: Message, context: Context) -> Message:
        if message.metadata.dst_node_id != context.node_id:
            raise Misconfigured("the question is for another node")
        if (given := context.node_config.get("device")) is None:
            raise Misconfigured("no device is named: start its SuperNode with --node-config 'device=\"p000020\"'")
        device_id = device_id_of(str(given))
        nonce = message.content.config_records[RECORD]["nonce"]
        proof = NodeProof(
            device_id=device_id, node_id=context.node_id, run_id=message.metadata.run_id, nonce=str(nonce)
        )
        signed = sign(KeyFolder(key_dir or device_key_dir(Settings())).load(device_id), proof)
        record = ConfigRecord({"proof": encode_proof(signed)})
        return Message(RecordDict({RECORD: record}), reply_to=message)

    return app
