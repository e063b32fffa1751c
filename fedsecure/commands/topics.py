"""`fedsecure topics`: create the topics that every installation has."""

from __future__ import annotations

import typer

from fedsecure.endpoints import settings_for_source


def topics() -> None:
    """Create the fixed topics on the broker; those that exist are left as they are.

    Examples:

    - `fedsecure topics`

    - `KAFKA_BOOTSTRAP_SERVERS=broker:9092 fedsecure topics`
    """
    from transport.kafka.admin import ensure_topics

    settings = settings_for_source()
    created = ensure_topics(settings, settings.topics.fixed())
    typer.echo(f"created {len(created)} topics" + "".join(f"\n  {name}" for name in created))
