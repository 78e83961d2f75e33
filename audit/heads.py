"""Signed heads of the trail, to be kept on another machine: a trail made anew does not hold what was signed before."""

from __future__ import annotations

import base64
import os
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import sqlalchemy as sa
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from flask import current_app

from config import kept_key
from models import now

from .chain import head

LINE = re.compile(r"(([0-9]{1,18}):([0-9a-f]{64}) [0-9T:+-]+) ([\w-]{86}==)")
ADDRESS = re.compile(r"(udp://|tcp://)?([\w.-]+|\[[0-9a-fA-F:.]+\]):([0-9]{1,5})")
PRIORITY = 13 * 8 + 5  # RFC 5424: facility "log audit", severity "notice"
SENDING = 10  # seconds


class BadAddress(ValueError):
    """Where a head is to be sent is no address."""


class BadHead(ValueError):
    """A line is no head that was signed with this key."""


def signed_head(connection: sa.Connection) -> str:
    """The head on one line: number and chain value, time, and the Ed25519 signature (RFC 8032) over them."""
    seq, chain = head(connection)
    said = f"{seq}:{chain} {now().isoformat(timespec='seconds')}"
    return f"{said} {base64.urlsafe_b64encode(_key().sign(_signed(said))).decode()}"


def public_key() -> str:
    """What signatures are checked with, as 64 hexadecimal digits."""
    return _key().public_key().public_bytes_raw().hex()


def read_head(line: str, key: str) -> tuple[int, str]:
    """Number and chain value of a head, once its signature is found to be this public key's.

    Raises:
        BadHead: it is not, or this is no head at all.
    """
    found = LINE.fullmatch(line.strip())
    if found is None:
        raise BadHead("this is no head of a trail")
    try:
        verifier = Ed25519PublicKey.from_public_bytes(bytes.fromhex(key))
        verifier.verify(base64.urlsafe_b64decode(found[4]), _signed(found[1]))
    except (InvalidSignature, ValueError):
        raise BadHead("it was changed, or signed with another key") from None
    return int(found[2]), found[3]


def read_heads(file: Path, key: str) -> Iterator[tuple[int, str] | str]:
    """Every head of a file; a finding in words for each line that is none."""
    for number, line in enumerate(file.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
        try:
            if line.strip():
                yield read_head(line, key)
        except BadHead as error:
            yield f"line {number} of {file.name}: {error}"


def send_head(line: str, to: str) -> None:
    """Send a head to a syslog server (RFC 5424): `HOST:PORT` or `udp://HOST:PORT`, or `tcp://HOST:PORT` (RFC 6587).

    Raises:
        BadAddress: that is none.
        OSError: nobody takes it there.
    """
    found = ADDRESS.fullmatch(to)
    if found is None:
        raise BadAddress(f"{to!r} is no address: HOST:PORT, udp://HOST:PORT or tcp://HOST:PORT.")
    host, is_stream = (found[2].strip("[]"), int(found[3])), found[1] == "tcp://"
    message = (
        f"<{PRIORITY}>1 {now().isoformat()} {socket.gethostname() or '-'} kentro {os.getpid()} trail-head - {line}"
    )
    kind = socket.SOCK_STREAM if is_stream else socket.SOCK_DGRAM
    family, _kind, protocol, _name, there = socket.getaddrinfo(*host, type=kind)[0]
    with socket.socket(family, kind, protocol) as line_out:
        line_out.settimeout(SENDING)
        line_out.connect(there)
        line_out.sendall((f"{len(message)} " * is_stream + message).encode())


def _signed(said: str) -> bytes:
    """With its purpose before it, so that no other text signed with the key passes for a head."""
    return f"kentro trail head {said}".encode()


def _key() -> Ed25519PrivateKey:
    """KENTRO_TRAIL_KEY, or one made at its first use and kept in instance/."""
    secret = current_app.config["TRAIL_KEY"] or kept_key(Path(current_app.instance_path) / "trail_key")
    return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(secret))
