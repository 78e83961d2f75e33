"""Time-based one-time codes (RFC 6238) and recovery codes: each is taken once."""

from __future__ import annotations

import base64
import hmac
import secrets

import segno
import sqlalchemy as sa
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from markupsafe import Markup
from sqlalchemy import orm

import audit
import vault
from db import db
from models import SecondFactor, User, now

STEP = 30  # seconds
DIGITS = 6
SECRET_BYTES = 20  # RFC 4226 recommends 160 bits
RECOVERY_CODES, RECOVERY_DIGITS = 10, 16
CONTEXT = "second_factor"


def new_secret() -> str:
    """A secret as applications on telephones take it: base32 (RFC 4648)."""
    return base64.b32encode(secrets.token_bytes(SECRET_BYTES)).decode()


def picture(secret: str, username: str, issuer: str) -> Markup:
    """The secret as a QR code, for an application's camera."""
    address = _totp(secret).get_provisioning_uri(username, issuer)
    drawn = segno.make(address, error="m").svg_inline(scale=5, omitsize=True, svgclass="qr", lineclass=None)
    return Markup(drawn)  # noqa: S704 (a drawing of ours: the texts are in its dots)


def step_of(secret: str, typed: str, after: int = 0) -> int | None:
    """The half minute whose code this is: now, or one before or after, for clocks differ; none that was taken."""
    said, present = _digits(typed).encode(), int(now().timestamp()) // STEP
    steps = (step for step in (present - 1, present, present + 1) if step > after)
    return next((step for step in steps if hmac.compare_digest(_totp(secret).generate(step * STEP), said)), None)


def enrol(user: User, secret: str, step: int, recovery: str) -> None:
    """The user signs in with codes from now on; the one of this step has been taken."""
    sealed = vault.seal(secret, _context(user.id))
    db.session.add(SecondFactor(user_id=user.id, secret=sealed, last_step=step, recovery=recovery))
    db.session.flush()


def _context(user_id: int) -> str:
    """A secret that was moved to another user's row opens nothing there."""
    return f"{CONTEXT} {user_id}"


def renew() -> int:
    """Seal under the first key the secrets that others sealed, to be committed; how many those are.

    Raises:
        vault.Sealed: one cannot be opened with the keys that are here.
    """
    factors = db.session.scalars(sa.select(SecondFactor).options(orm.undefer(SecondFactor.secret)))
    old = [factor for factor in factors if not vault.is_current(factor.secret)]
    for factor in old:
        context = _context(factor.user_id)
        factor.secret = vault.seal(vault.unseal(factor.secret, context), context)
    return len(old)


def takes(user: User, typed: str) -> bool:
    """Whether this is a code that the user may sign in with; if so, it is taken and never right again."""
    factor = db.session.scalar(_of(user).with_for_update(of=SecondFactor).execution_options(populate_existing=True))
    if factor is None:
        return False
    step = step_of(vault.unseal(factor.secret, _context(user.id)), typed, factor.last_step)
    if step is not None:
        factor.last_step = step
        return True
    kept, spent = factor.recovery.split(), _hash(_digits(typed))
    factor.recovery = " ".join(each for each in kept if each != spent)
    return spent in kept


def factor_of(user: User) -> SecondFactor | None:
    """The user's second factor, if there is one."""
    return db.session.scalar(_of(user))


def recovery_left(factor: SecondFactor) -> int:
    """How many recovery codes are left."""
    return len(factor.recovery.split())


def _of(user: User) -> sa.Select[SecondFactor]:
    return sa.select(SecondFactor).where(SecondFactor.user_id == user.id)


def recovery_codes() -> tuple[list[str], str]:
    """New ones, as they are shown, once, and as they are kept. Digits alone, which every keyboard layout types."""
    codes = [str(secrets.randbelow(10**RECOVERY_DIGITS)).zfill(RECOVERY_DIGITS) for _n in range(RECOVERY_CODES)]
    shown = [" ".join(code[n : n + 4] for n in range(0, RECOVERY_DIGITS, 4)) for code in codes]
    return shown, " ".join(map(_hash, codes))


def _hash(code: str) -> str:
    """Under a key that is not in the database, so that who steals that cannot try all codes."""
    return audit.keyed_hash(f"recovery code {code}")


def _digits(typed: str) -> str:
    return "".join(sign for sign in typed[:40] if sign.isdecimal() and sign.isascii())


def _totp(secret: str) -> TOTP:
    return TOTP(base64.b32decode(secret), DIGITS, SHA1(), STEP)  # noqa: S303 (what RFC 6238 and all applications use)
