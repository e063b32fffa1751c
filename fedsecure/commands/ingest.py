"""`fedsecure ingest`: let monitors in, through the protocol that their gateway speaks."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fedsecure.endpoints import settings_for_source
from fedsecure.options import MetricsPort


def ingest(
    protocol: Annotated[str, typer.Argument(help="What the gateway speaks: hl7 (HL7 v2 over MLLP).", metavar="hl7")],
    *,
    host: Annotated[
        str | None, typer.Option(help="Address to listen on [FEDSECURE_INGEST_HOST, 127.0.0.1].", show_default=False)
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(
            min=0, max=65535, help="Port to listen on; 0 takes a free one [FEDSECURE_INGEST_PORT, hl7: 2575]."
        ),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(
            help="Name of this ingest; started again under it, it goes on there [FEDSECURE_INGEST_NAME, hl7]."
        ),
    ] = None,
    device_from: Annotated[
        str | None,
        typer.Option(
            help="The field that names the device: PV1-3, OBX-18 or PID-3 [FEDSECURE_INGEST_DEVICE_FROM, PV1-3]."
        ),
    ] = None,
    zone: Annotated[
        str | None, typer.Option(help="Zone of times that name none, as Europe/Berlin [FEDSECURE_INGEST_ZONE, UTC].")
    ] = None,
    mapping: Annotated[Path | None, typer.Option(help="A vendor's own codes and names by channel, YAML.")] = None,
    pseudonym_key_file: Annotated[
        Path | None, typer.Option(help="The site's key: devices are called by an HMAC of their name, which stays here.")
    ] = None,
    keep_test_data: Annotated[
        bool, typer.Option("--keep-test-data", help="Use values marked TEST, DEMO or CAL.")
    ] = False,
    any_clock: Annotated[
        bool, typer.Option("--any-clock", help="Take times more than a day from now: to play recorded messages.")
    ] = False,
    metrics_port: MetricsPort = None,
) -> None:
    """Listen for a hospital's monitor gateway, make minutes of what it sends, and write them to the devices' vitals topics.

    A message is answered AA once Kafka has what it says, else AE or AR with the reason: the gateway repeats what was not
    acknowledged, and repeats are dropped. Ctrl-C or SIGTERM ends it; started again it goes on where it was. Bounds, TLS
    and the rest are settings (FEDSECURE_INGEST_*, docs/configuration.md).

    Exit code 2: the port is taken, or a setting or file is wrong; 1: Kafka stays away.

    Examples:

    - `fedsecure ingest hl7 --port 2575`

    - `fedsecure ingest hl7 --host 0.0.0.0 --device-from OBX-18 --zone Europe/Berlin --metrics-port 9104`

    - `fedsecure ingest hl7 --mapping vendor.yaml --pseudonym-key-file site.key`
    """
    from fedsecure.programs import run_program
    from ingest.program import IngestProgram
    from ingest.protocol import protocol_named
    from transport.logs import configure_logs

    spoken = protocol_named(protocol)
    given = {
        "ingest_host": host,
        "ingest_port": port,
        "ingest_name": name,
        "ingest_device_from": device_from,
        "ingest_zone": zone,
        "ingest_mapping_file": mapping,
        "ingest_pseudonym_key_file": pseudonym_key_file,
        "ingest_keep_test_data": keep_test_data or None,
        "ingest_any_clock": any_clock or None,
        "metrics_port": metrics_port,
    }
    settings = settings_for_source(**given)
    configure_logs("ingest")
    run_program(lambda: IngestProgram(settings, spoken), settings, "ingest")
