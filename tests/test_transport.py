"""What goes over a network: encrypted, to whom it is meant for, and not at all where that cannot be had (ASVS 12.2.1, 12.3.1)."""

from __future__ import annotations

import datetime as dt
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

import config
from tests.world import PASSWORD, World, hidden

PRODUCTION = {"KENTRO_MODE": "production", "SECRET_KEY": "κ" * 32, "KENTRO_KEY": "ab" * 32}


# --- to the database --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "is_taken"),
    [
        ("postgresql://kentro_app:x@localhost/kentro", True),
        ("postgresql://kentro_app:x@127.0.0.1:5432/kentro", True),
        ("postgresql://kentro_app@/kentro?host=/var/run/postgresql", True),
        ("postgresql:///kentro", True),
        ("postgresql://kentro_app:x@db.example/kentro?sslmode=verify-full&sslrootcert=/etc/ca.pem", True),
        ("postgresql://kentro_app:x@db.example/kentro", False),
        ("postgresql://kentro_app:x@db.example/kentro?sslmode=require", False),
        ("postgresql://kentro_app:x@db.example/kentro?sslmode=verify-ca", False),
        ("postgres://kentro_app:x@10.0.0.5/kentro?sslmode=prefer", False),
        ("postgresql+psycopg://kentro_app:x@/kentro?host=db.example", False),
        ("postgresql://kentro_app:x@localhost/kentro?hostaddr=10.0.0.5", False),
        ("postgresql://kentro_app:x@/kentro?host=localhost,db.example", False),
        ("sqlite:////srv/kentro.sqlite", True),
    ],
)
def test_production_reaches_a_database_elsewhere_over_a_checked_connection_alone(url: str, is_taken: bool) -> None:
    if is_taken:
        assert config.load({**PRODUCTION, "DATABASE_URL": url})
    else:
        with pytest.raises(config.Misconfigured, match="verify-full"):
            config.load({**PRODUCTION, "DATABASE_URL": url})
    assert config.load({"SECRET_KEY": "κ" * 32, "DATABASE_URL": url}), "development is the developer's matter"


def test_the_owner_comes_no_other_way() -> None:
    app, owner = "postgresql://a:x@localhost/k", "postgresql://o:x@db.example/k"
    with pytest.raises(config.Misconfigured, match="verify-full"):
        config.load({**PRODUCTION, "DATABASE_URL": app, "KENTRO_OWNER_URL": owner})


def certificate(folder: Path, name: str) -> Path:
    """A certificate of its own authority for localhost, with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder(
            who, who, key.public_key(), x509.random_serial_number(), now, now + dt.timedelta(days=1)
        )
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    path = folder / f"{name}.pem"
    path.write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain) + made.public_bytes(pem))
    return path


@contextmanager
def impostor(pem: Path | None) -> Iterator[tuple[int, list[bytes]]]:
    """Something that speaks as PostgreSQL does until the connection is encrypted, and keeps what it is then told."""
    told: list[bytes] = []

    def answer() -> None:
        listener.settimeout(20)
        peer, _address = listener.accept()
        with peer:
            peer.recv(8)  # SSLRequest
            peer.sendall(b"S" if pem else b"N")
            try:
                if pem:
                    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                    context.load_cert_chain(pem)
                    with context.wrap_socket(peer, server_side=True) as safe:
                        told.append(safe.recv(4096))
                else:
                    told.append(peer.recv(4096))
            except (ssl.SSLError, OSError):
                told.append(b"")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=answer)
        thread.start()
        yield listener.getsockname()[1], told
        thread.join()


def test_an_impostor_is_told_nothing(tmp_path: Path) -> None:
    """With the settings that production asks for: no name, no password, no word to a server of the wrong authority."""
    right, wrong = certificate(tmp_path, "right"), certificate(tmp_path, "wrong")
    for shown, reason, is_told in (
        (wrong, "certificate verify failed", False),
        (None, "SSL", False),
        (right, "(?i)closed|eof|terminated", True),
    ):
        with impostor(shown) as (port, told), pytest.raises(psycopg.OperationalError, match=reason):
            psycopg.connect(
                f"postgresql://kentro_app:x@localhost:{port}/kentro?hostaddr=127.0.0.1"
                f"&sslmode=verify-full&sslrootcert={right}&gssencmode=disable&connect_timeout=10"
            )
        assert (b"kentro_app" in b"".join(told)) == is_told, (
            "or else nothing was shown: the right server must be spoken to"
        )


# --- from the browser -------------------------------------------------------------------------------------------------


def test_nobody_signs_in_over_an_open_connection(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """In production the session's cookie is Secure and `__Host-`: browsers do not send it over plain HTTP."""
    said = config.load({**PRODUCTION, "DATABASE_URL": "sqlite://"})
    for name in ("SESSION_COOKIE_NAME", "SESSION_COOKIE_SECURE"):
        monkeypatch.setitem(world.app.config, name, said[name])
    for scheme, is_in in (("http", False), ("https", True)):
        # The test client keeps such cookies over HTTP too, as no browser does.
        client, base = world.app.test_client(use_cookies=is_in), f"{scheme}://localhost"
        page = client.get("/login", base_url=base)
        assert all(
            "; Secure;" in f"{kept};" and kept.startswith("__Host-") for kept in page.headers.getlist("Set-Cookie")
        )
        data = {"username": "reception.main", "password": PASSWORD, "csrf_token": hidden(page.text)["csrf_token"]}
        answer = client.post("/login", data=data, base_url=base, headers={"Referer": f"{base}/login"})
        assert answer.status_code == (302 if is_in else 400), scheme
        assert (client.get("/admin/", base_url=base).status_code == 200) is is_in, scheme
        assert ("Strict-Transport-Security" in page.headers) is is_in


def test_the_readmes_proxy_speaks_tls_alone_and_keeps_no_addresses() -> None:
    """An example is copied: it redirects plain HTTP, takes no old protocol, and logs neither searches nor referrers."""
    example = (config.ROOT / "README.md").read_text(encoding="utf-8").split("```nginx\n", 1)[1].split("```", 1)[0]
    assert "return 301 https://" in example and "ssl_protocols TLSv1.2 TLSv1.3;" in example
    assert "$request_uri" not in example.split("log_format", 1)[1].split(";", 1)[0]
    for said in ("$args", "$query_string", "$http_referer", "$request "):
        assert said not in example, said
    assert "access_log" in example and "X-Forwarded-Proto $scheme" in example
