"""TLS of the listener: its certificate, and the CA that gateways' certificates must come from."""

from __future__ import annotations

import ssl

from contracts.errors import Misconfigured
from contracts.settings import Settings


def tls_of(settings: Settings) -> ssl.SSLContext | None:
    """Return the listener's TLS, None where no certificate is set. Raises Misconfigured for files that do not do."""
    cert, key, ca = (
        settings.ingest_tls_cert_file, settings.ingest_tls_key_file, settings.ingest_tls_client_ca_file
    )  # fmt: skip
    if cert is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        # An empty answer instead of a question: a key with a password would else wait at the terminal.
        context.load_cert_chain(cert, key, password=lambda: b"")
    except (OSError, ValueError) as error:
        raise Misconfigured(
            f"the certificate {cert} and its key {key} cannot be used ({_why(error)}): PEM, without a password"
        ) from None
    if ca is not None:
        try:
            context.load_verify_locations(ca)
        except (OSError, ValueError) as error:
            raise Misconfigured(f"the CA of gateways {ca} cannot be used ({_why(error)}): PEM") from None
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def _why(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return (error.reason or "nothing in PEM found").replace("_", " ").lower()
    return (getattr(error, "strerror", None) or type(error).__name__).lower()
