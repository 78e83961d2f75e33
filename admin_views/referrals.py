"""Referrals and their timeline."""

from __future__ import annotations

from models import Referral

from .base import KentroView
from .menu import SERVICES


class ReferralView(KentroView):
    """Referrals to partners and to other units."""

    model = Referral
    menu = SERVICES
    list_columns = ("beneficiary_id", "to_partner_id", "to_unit_id", "reason", "status", "sent_on", "due_on", "unit_id")
    locked_columns = ("beneficiary_id",)
