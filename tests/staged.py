"""What the cast has none of, put on for the walk through every screen: an open file, a referral received, a question."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa

import audit
import policy
from auth import codes
from db import begin_write, db
from models import AuditEntry, AuditReview, Beneficiary, User, now, today
from seed import builders
from tests.world import World
from vocabulary import AuditAction, FilePart, GrantStatus, ReferralStatus, SpecialBasis, Verdict

HALFWAY = "mediator.roma"
"""Who has a second factor, and is seen no further than the page that asks for it."""


def put_on(world: World) -> dict[str, list[str]]:
    """By user, the addresses of the pages that show it."""
    with world.app.app_context():
        policy.bind(db.session, policy.SYSTEM)
        begin_write()
        here, there = (db.session.get_one(Beneficiary, world.rows[code]["beneficiary"]) for code in ("main", "roma"))
        clerk, other, halfway = (
            db.session.get_one(User, world.users[name]) for name in ("caseworker.main", "caseworker.roma", HALFWAY)
        )
        entry = db.session.scalars(sa.select(AuditEntry).limit(1)).one()
        open_now = {"status": GrantStatus.GRANTED, "parts": tuple(FilePart), "special_basis": SpecialBasis.CARE}
        grant = builders.access_grant(
            here.unit, clerk, beneficiary_id=there.id, ends_at=now() + dt.timedelta(days=9), **open_now
        )
        sent = {"to_unit_id": here.unit_id, "status": ReferralStatus.SENT, "sent_on": today()}
        referral = builders.referral(there, other, **sent)
        asked = {"entry_seq": entry.seq, "asked_id": clerk.id, "by_id": world.users["supervisor"]}
        question = AuditReview(verdict=Verdict.QUESTION, comment="Γιατί;", **asked)
        db.session.add_all((grant, referral, question))
        codes.enrol(halfway, codes.new_secret(), step=0, recovery="")
        policy.bind(db.session, policy.scope_of(clerk))
        audit.note(db.session, AuditAction.EMERGENCY, grant)
        audit.commit(db.session)
        return {
            "caseworker.main": [
                f"/admin/access_grant/file/?id={grant.id}",
                f"/admin/referral_received/file/?id={referral.id}",
                f"/admin/audit_answer/answer/?id={question.id}",
            ],
            "coordinator": [f"/admin/person_decision/new/?first_id={here.id}&second_id={there.id}"],
            "supervisor": [f"/admin/audit_finding/settle/?key=EMERGENCY.{clerk.id}.{today()}"],
        }
