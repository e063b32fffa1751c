"""Debian's Prometheus and Alertmanager on loopback, with the committed files; without the tools a loud skip, or an error."""

from __future__ import annotations

import json
import math
import os
import shutil
import subprocess
import threading
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml
from promql_names import MONITORING

from fedsecure.healthcheck import check
from fedsecure.local_stack.ports import choose_ports

TOOLS = ("promtool", "amtool", "prometheus", "prometheus-alertmanager")
READY_S = 120.0
HOW = "`apt-get install -y prometheus prometheus-alertmanager` (Debian), then end the services that it starts"


@pytest.fixture(scope="session")
def tools() -> dict[str, str]:
    """The paths of the tools; FEDSECURE_REQUIRE_MONITORING=1 makes an error of a missing one."""
    found = {name: shutil.which(name) for name in TOOLS}
    missing = [name for name, path in found.items() if path is None]
    if missing:
        told = f"NOT TESTED: alerts and monitoring, for want of {', '.join(missing)}: {HOW}"
        if os.environ.get("FEDSECURE_REQUIRE_MONITORING") == "1":
            pytest.fail(told)
        pytest.skip(told)
    return {name: str(path) for name, path in found.items()}


@dataclass
class Webhook:
    """Takes what Alertmanager tells; `told` holds the payloads, `tokens` the Authorization headers."""

    told: list[dict[str, Any]] = field(default_factory=list)
    tokens: set[str | None] = field(default_factory=set)

    def __post_init__(self) -> None:
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                hook.tokens.add(self.headers["Authorization"])
                hook.told.append(json.loads(body))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def alerts(self, name: str, status: str) -> list[dict[str, Any]]:
        """Return the alerts of that name that were told with that status."""
        everything = [alert for payload in list(self.told) for alert in payload["alerts"]]
        return [a for a in everything if a["labels"]["alertname"] == name and a["status"] == status]


@dataclass
class Prometheus:
    """A running Prometheus, asked over its HTTP API."""

    url: str

    def get(self, path: str, **parameters: object) -> Any:
        query = urllib.parse.urlencode(parameters)
        with urllib.request.urlopen(f"{self.url}/api/v1/{path}?{query}", timeout=30) as answer:
            return json.load(answer)["data"]

    def values(self, expression: str, start: float, end: float) -> list[float]:
        """Return every number that an expression had from `start` to `end` (epoch seconds), in steps of a second."""
        found = self.get("query_range", query=expression, start=start, end=end, step=1)["result"]
        numbers = [float(value) for series in found for _, value in series["values"]]
        return [number for number in numbers if not math.isnan(number)]

    def up(self) -> set[str]:
        """Return the jobs whose last scrape went well."""
        return {each["metric"]["job"] for each in self.get("query", query="up == 1")["result"]}

    def firing(self) -> set[tuple[str, str]]:
        """Return (alert, device or "") of all alerts that fire."""
        return {
            (alert["labels"]["alertname"], alert["labels"].get("device", ""))
            for alert in self.get("alerts")["alerts"]
            if alert["state"] == "firing"
        }


def prometheus_config(ports: dict[str, int]) -> dict[str, Any]:
    """The committed file with addresses and intervals for one machine and one minute."""
    folder = MONITORING / "prometheus"
    config = yaml.safe_load((folder / "prometheus.yml").read_text())
    config["global"] = {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
    config["rule_files"] = [str(folder / name) for name in config["rule_files"]]
    config["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"] = [f"127.0.0.1:{ports['alertmanager']}"]
    config["scrape_configs"] = [job for job in config["scrape_configs"] if job["job_name"] in ports]
    for job in config["scrape_configs"]:
        job.pop("dns_sd_configs", None)
        job["static_configs"] = [{"targets": [f"127.0.0.1:{ports[job['job_name']]}"]}]
    return config


def alertmanager_config(webhook: Webhook, token: Path) -> dict[str, Any]:
    """The committed file with its webhook turned on and sent here, without the long waits."""
    config = yaml.safe_load((MONITORING / "alertmanager" / "alertmanager.yml").read_text())
    (receiver,) = [each for each in config["receivers"] if each["name"] == "webhook"]
    receiver["webhook_configs"][0]["url"] = webhook.url
    receiver["webhook_configs"][0]["http_config"]["authorization"]["credentials_file"] = str(token)
    config["templates"] = [str(MONITORING / "alertmanager" / name) for name in config["templates"]]
    for route in (config["route"], *config["route"]["routes"]):
        route |= {"receiver": "webhook", "group_wait": "1s", "group_interval": "1s"}
    return config


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    hook = Webhook()
    yield hook
    hook.close()


@pytest.fixture
def start(tools: dict[str, str], tmp_path: Path) -> Iterator[Callable[..., None]]:
    """Start one of the tools with a configuration; all end with the test."""
    started: list[subprocess.Popen[bytes]] = []

    def start_tool(name: str, config: dict[str, Any], *arguments: str) -> None:
        path = tmp_path / f"{name}.yml"
        path.write_text(yaml.safe_dump(config))
        with (tmp_path / f"{name}.log").open("wb") as log:
            command = [tools[name], f"--config.file={path}", "--log.level=warn", *arguments]
            started.append(subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=tmp_path))

    yield start_tool
    for process in started:
        process.terminate()
    for process in started:
        process.wait(20)


@pytest.fixture
def ports() -> dict[str, int]:
    """A port for every scraped program, Prometheus and Alertmanager included."""
    jobs = ("worker", "coordinator", "devices", "replay", "ingest", "console", "prometheus", "alertmanager")
    return choose_ports(jobs, {})


@pytest.fixture
def prometheus(start, ports: dict[str, int], webhook: Webhook, tmp_path: Path, wait_until) -> Prometheus:
    """Both servers, up and joined: what fires reaches the webhook."""
    token = tmp_path / "webhook_token"
    token.write_text("only-for-this-test")
    storage = f"--storage.path={tmp_path / 'alertmanager'}"
    listen = f"--web.listen-address=127.0.0.1:{ports['alertmanager']}"
    start("prometheus-alertmanager", alertmanager_config(webhook, token), listen, storage, "--cluster.listen-address=")
    storage = f"--storage.tsdb.path={tmp_path / 'prometheus'}"
    start("prometheus", prometheus_config(ports), f"--web.listen-address=127.0.0.1:{ports['prometheus']}", storage)
    for name in ("alertmanager", "prometheus"):  # both listen, and refuse with 503, before they are ready
        wait_until(lambda name=name: check(ports[name], path="/-/ready") is None, READY_S, f"{name} is ready")
    return Prometheus(f"http://127.0.0.1:{ports['prometheus']}")
