"""Partner organisations and whom to call there."""

from __future__ import annotations

from models import Partner, PartnerContact, Referral

from .base import Child, KentroView
from .menu import CATALOGUES


class PartnerView(KentroView):
    """Partners."""

    model = Partner
    menu = CATALOGUES
    list_columns = ("name", "category", "phone", "email", "is_active")
    children = (
        Child(PartnerContact, "partner_id", ("name", "position", "phone", "email")),
        Child(Referral, "to_partner_id", ("beneficiary_id", "reason", "status", "due_on")),
    )


class PartnerContactView(KentroView):
    """Contacts at partners."""

    model = PartnerContact
    default_order = ("name", False)
    list_columns = ("partner_id", "name", "position", "phone", "email")
    locked_columns = ("partner_id",)
