"""With TLS a gateway needs a certificate of the site's CA, and files that do not do are said."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import pytest
from certificate_authority import Authority, Pair
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from contracts.configuration.settings import Settings
from contracts.errors import Misconfigured
from ingest.mllp.framing import framed
from ingest.mllp.server import Bounds, listening, tls_of


class Echo:
    async def answer(self, raw: bytes) -> bytes:
        return raw

    def refuse(self, beginning: bytes, why: str) -> bytes:
        return b""


def settings(pair: Pair, ca: Path | None) -> Settings:
    return Settings(ingest_tls_cert_file=pair.cert, ingest_tls_key_file=pair.key, ingest_tls_client_ca_file=ca)


def client(ca: Authority, own: Pair | None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(ca.file))
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if own:
        context.load_cert_chain(own.cert, own.key)
    return context


async def exchanged(port: int, context: ssl.SSLContext | None) -> bytes:
    """What comes back for a message, nothing when the connection is refused."""
    async with asyncio.timeout(10):
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
        except (OSError, EOFError):
            return b""
        try:
            writer.write(framed(b"hello"))
            return await reader.read(100)
        except (OSError, EOFError):
            return b""
        finally:
            writer.close()


async def test_a_gateway_needs_a_certificate_of_the_sites_ca(tmp_path: Path) -> None:
    site, stranger = Authority(tmp_path, "site"), Authority(tmp_path, "stranger")
    tls = tls_of(settings(site.issue("ingest"), site.file))
    async with listening(Echo(), "127.0.0.1", 0, Bounds(1000, 5.0, 5), tls) as port:
        assert await exchanged(port, client(site, site.issue("gateway"))) == framed(b"hello")
        assert await exchanged(port, client(site, stranger.issue("other"))) == b""
        assert await exchanged(port, client(site, None)) == b""
        assert await exchanged(port, None) == b""


async def test_without_a_ca_any_gateway_may_come_by_tls(tmp_path: Path) -> None:
    site = Authority(tmp_path, "site")
    async with listening(Echo(), "127.0.0.1", 0, Bounds(1000, 5.0, 5), tls_of(settings(site.issue("i"), None))) as port:
        assert await exchanged(port, client(site, None)) == framed(b"hello")


def test_files_that_do_not_do_are_said_and_a_key_with_a_password_does_not_wait_for_it(tmp_path: Path) -> None:
    site = Authority(tmp_path, "site")
    whole, other = site.issue("a"), site.issue("b")
    no_pem = tmp_path / "no.pem"
    no_pem.write_bytes(b"\x00\x01")
    locked = tmp_path / "locked.key"
    locked.write_bytes(
        ec.generate_private_key(ec.SECP256R1()).private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"pw")
        )
    )
    for pair in (
        Pair(tmp_path / "none", whole.key),
        Pair(whole.cert, no_pem),
        Pair(whole.cert, other.key),
        Pair(whole.cert, locked),
    ):
        with pytest.raises(Misconfigured, match="cannot be used"):
            tls_of(settings(pair, None))
    for ca in (tmp_path / "none", no_pem, tmp_path):
        with pytest.raises(Misconfigured, match="CA of gateways"):
            tls_of(settings(whole, ca))
    assert tls_of(Settings()) is None
