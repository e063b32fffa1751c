"""The devices' side: trains on the device's own vital signs, and proves which device it is."""

from __future__ import annotations

from flwr.app import ArrayRecord, Context, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp

from fedsecure.flower import prove_device
from gated_forecast.model import loss, train, windows
from gated_forecast.vitals import own_minutes

app = prove_device(ClientApp())


@app.train()
def train_locally(message: Message, context: Context) -> Message:
    """Return the weights after some steps on the device's own windows."""
    known, wanted = windows(own_minutes(str(context.node_config["device"])))
    (before,) = message.content.array_records["arrays"].to_numpy_ndarrays()
    weights = train(before, known, wanted, int(context.run_config["epochs"]))
    metrics = MetricRecord({"num-examples": len(known), "loss": loss(weights, known, wanted)})
    return Message(RecordDict({"arrays": ArrayRecord([weights]), "metrics": metrics}), reply_to=message)
