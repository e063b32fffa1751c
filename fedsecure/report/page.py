"""The report as one HTML page: no script, no font, no picture from anywhere else."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from importlib.resources import files
from typing import Any

from contracts.federation import RoundPhase, RoundRecord
from fedsecure.demo.observing.checks import Check
from fedsecure.demo.observing.observation import Observation, latency_samples_s
from fedsecure.report.figures import describe_device, device_figure, latency_figure, throughput_figure


def build_page(observation: Observation, summary: dict[str, Any], checks: Sequence[Check]) -> str:
    """Return the page; `summary` is what `summarise` made of the same observation."""
    css = files("fedsecure.report").joinpath("report.css").read_text()
    body = "\n".join(
        (
            _header(summary, checks),
            _cards(summary),
            _checks(checks),
            _devices(observation),
            _rounds(observation),
            _speed(observation, summary),
        )
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>FedSecure run report</title>\n<style>{css}</style></head>\n<body>\n<main>\n{body}\n</main></body></html>\n"
    )


def _header(summary: dict[str, Any], checks: Sequence[Check]) -> str:
    if summary["passed"]:
        sentence, css = (
            "Every attacked device was quarantined and sat the next round out; every clean device trained.",
            "",
        )
    else:
        broken = sum(1 for check in checks if not check.passed)
        sentence, css = f"{broken} of {len(checks)} checks failed: see below.", " failed"
    word = "Passed." if summary["passed"] else "Failed."
    intro = (
        "Vital signs streamed through Kafka, each device was judged as its minutes arrived, and only devices in good "
        "standing took part in a federated round. The attacks' ground truth was known to this report and to no detector."
    )
    return (
        f'<h1>FedSecure run report</h1>\n<p class="soft">{intro}</p>\n'
        f'<p class="verdict{css}"><strong>{word}</strong> {escape(sentence)}</p>'
    )


def _cards(summary: dict[str, Any]) -> str:
    latency = summary["latency_s"]
    committed = sum(1 for each in summary["rounds"] if each["outcome"] == RoundPhase.COMMITTED)
    found = [d["detected_after_min"] for d in summary["devices"].values() if d["detected_after_min"] is not None]
    cards = (
        (
            str(len(summary["devices"])),
            f"devices, {sum(1 for d in summary['devices'].values() if d['attacked'])} attacked",
        ),
        (" / ".join(f"{minutes} min" for minutes in found) or "none", "from onset to quarantine"),
        (f"{committed} of {len(summary['rounds'])}", "rounds committed"),
        (_number(summary["minutes_per_s"], "{:.0f}"), "minutes judged per second"),
        (f"{_ms(latency['p50'])} / {_ms(latency['p99'])}", "latency p50 / p99, sent to Redis"),
        (str(summary["dead_letters"]), "dead letters"),
        (_number(summary["seconds_to_streaming"], "{:.1f} s"), "from start to the first verdict"),
        (_service(summary["broker"]), "broker, as it says itself"),
        (_service(summary["redis"]), "view, as it says itself"),
    )
    return (
        '<ul class="cards">'
        + "".join(f"<li><strong>{escape(v)}</strong><span>{escape(k)}</span></li>" for v, k in cards)
        + "</ul>"
    )


def _checks(checks: Sequence[Check]) -> str:
    rows = (
        (
            check.name.replace("_", " "),
            check.device_id or "-",
            f'<span class="{"good" if check.passed else "bad"}">{"yes" if check.passed else "NO"}</span>',
            escape(check.detail),
        )
        for check in checks
    )
    return "<h2>What was checked</h2>\n" + _table(("promise", "device", "kept", "what was seen"), rows)


def _devices(observation: Observation) -> str:
    legend = (
        '<p class="soft">Shaded: the attack, from ground truth. A score of 1 would exclude a clean device once '
        "in ten weeks, 2 once in a hundred; what is above the threshold is flagged; the share of flagged decisions decides "
        "the state.</p>"
    )
    parts = ["<h2>Devices</h2>", legend]
    for name, trace in sorted(observation.devices.items()):
        parts.append(
            f'<h3 id="device-{name}">{escape(trace.name)}</h3>\n<figure>{device_figure(observation, trace)}'
            f"<figcaption>{escape(describe_device(observation, trace))}</figcaption></figure>"
        )
    return "\n".join(parts)


def _rounds(observation: Observation) -> str:
    names = sorted(observation.devices)
    columns = "".join(f'<th scope="col">{escape(title)}</th>' for title in ("round", "at", "outcome", "loss", *names))
    rows = "".join(
        _round(record, record.gated_at - observation.started_at, names)
        for _, record in sorted(observation.rounds.items())
    )
    return (
        "<h2>Federated rounds</h2>\n<div class='wide'><table><caption>Who trained in which round, and why the others sat out"
        f"</caption><thead><tr>{columns}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _round(record: RoundRecord, at_s: float, names: Sequence[str]) -> str:
    why = f": {record.reason.replace('_', ' ')}" if record.reason else ""
    cells = (
        f'<td class="n">{at_s:.0f} s</td>',
        f"<td>{escape(record.phase + why)}</td>",
        f'<td class="n">{_number(record.loss, "{:.4f}")}</td>',
        *(_seat(name, record) for name in names),
    )
    return f'<tr><th scope="row">{record.round}</th>{"".join(cells)}</tr>'


def _seat(name: str, record: RoundRecord) -> str:
    if name in record.accepted:
        return '<td class="in">trained</td>'
    if name in record.excluded:
        reason = record.excluded[name]
        kind = "idle" if reason in {"enrolling", "finished", "not_enrolled"} else "out"
        return f'<td class="{kind}">{escape(reason.replace("_", " "))}</td>'
    return '<td class="idle">no update</td>' if name in record.cohort else '<td class="idle">-</td>'


def _speed(observation: Observation, summary: dict[str, Any]) -> str:
    samples = latency_samples_s(observation.sent, observation.applied_statuses)
    memory = ((escape(name), f"{mb} MB") for name, mb in summary["peak_rss_mb"].items())
    return (
        f"<h2>Throughput and latency</h2>\n<figure>{throughput_figure(observation)}</figure>\n"
        f"<figure>{latency_figure(samples)}<figcaption>Every message of the run: from the sender's clock to the status record "
        "that a worker publishes right after Redis has taken the status.</figcaption></figure>\n"
        f"<h2>Peak memory</h2>\n{_table(('process', 'resident'), memory)}"
    )


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    columns = "".join(f'<th scope="col">{escape(title)}</th>' for title in head)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<div class='wide'><table><thead><tr>{columns}</tr></thead><tbody>{body}</tbody></table></div>"


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else form.format(value)


def _ms(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds * 1000:.0f} ms"


def _service(service: dict[str, Any]) -> str:
    return f"{service.get('product', 'unknown')} {service.get('version', '')}".strip()
