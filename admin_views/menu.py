"""The headings of the menu, in the order of a day."""

from __future__ import annotations

from i18n import Label

RECEPTION = Label("Υποδοχή", "Reception")
PEOPLE = Label("Άτομα", "People")
SERVICES = Label("Υπηρεσίες και παραπομπές", "Services and referrals")
COMMUNITY = Label("Δράσεις και εθελοντές", "Events and volunteers")
GOODS = Label("Είδη και διανομές", "Goods and distributions")
CATALOGUES = Label("Κατάλογοι", "Catalogues")
REPORTS = Label("Αναφορές", "Reports")
RIGHTS = Label("Δικαιώματα και διατήρηση", "Rights and retention")
OVERSIGHT = Label("Έλεγχος", "Oversight")
SETTINGS = Label("Ρυθμίσεις", "Settings")
