"""The server's side: three of Flower's own strategies, each behind the gate."""

from __future__ import annotations

from flwr.app import ArrayRecord, Context
from flwr.serverapp import Grid, ServerApp
from flwr.serverapp.strategy import FedAvg, FedMedian, Krum

from fedsecure.flower import Gate, GatedGrid
from gated_forecast.model import initial_weights

STRATEGIES = {"FedAvg": FedAvg, "FedMedian": FedMedian, "Krum": Krum}

app = ServerApp()


@app.main()
def main(grid: Grid, context: Context) -> None:
    """Train with each strategy that the run's settings name."""
    gated = GatedGrid(grid, Gate.from_env())
    rounds, fewest = int(context.run_config["rounds"]), int(context.run_config["fewest-nodes"])
    for name in str(context.run_config["strategies"]).split(","):
        strategy = STRATEGIES[name](min_train_nodes=fewest, min_available_nodes=fewest, fraction_evaluate=0.0)
        result = strategy.start(gated, ArrayRecord([initial_weights()]), num_rounds=rounds)
        losses = [metrics["loss"] for metrics in result.train_metrics_clientapp.values()]
        print(f"{name}: loss {losses[-1]:.3f} after {len(losses)} of {rounds} rounds")
