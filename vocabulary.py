"""The field's code lists: what may be chosen, in Greek and English.

Every list is closed in code because reports and ESF+ indicators count by these codes; services and programmes,
which a coordinator adds to, are tables instead (docs/decisions/0003-code-lists.md).
"""

from __future__ import annotations

from enum import Enum

from i18n import Label


class Code(str, Enum):
    """One code of a list: its value is what the database keeps, its label what people read."""

    label: Label

    def __new__(cls, value: str, el: str, en: str) -> Code:
        member = str.__new__(cls, value)
        member._value_ = value
        member.label = Label(el, en)
        return member

    def __str__(self) -> str:
        return str(self.label)


class UnitKind(Code):
    """Kinds of unit of a Community Centre (ΚΥΑ Β΄ 854/2016 and its successors)."""

    MAIN = "MAIN", "Κεντρική Δομή", "Main centre"
    ROMA = "ROMA", "Παράρτημα Ρομά", "Roma annex"
    KEM = "KEM", "Κέντρο Ένταξης Μεταναστών (ΚΕΜ)", "Migrant integration centre"
    MOBILE = "MOBILE", "Κινητή Μονάδα", "Mobile unit"


class Axis(Code):
    """The three obligatory axes of a Community Centre."""

    A = "A", "Υποδοχή – Ενημέρωση – Υποστήριξη των πολιτών", "Reception, information, support"
    B = (
        "B",
        "Συνεργασία με Υπηρεσίες, Φορείς και Δομές παροχής υπηρεσιών κοινωνικής προστασίας",
        "Cooperation with services, bodies and structures",
    )
    C = (
        "C",
        "Παροχή Υπηρεσιών βελτίωσης βιοτικού επιπέδου και κοινωνικής ένταξης",
        "Services improving living standard and social inclusion",
    )


class TargetGroup(Code):
    """Priority groups of a Community Centre; several may hold for one person. See below for the protected ones."""

    EEE = "EEE", "Ωφελούμενοι ΕΕΕ (πρώην ΚΕΑ)", "Minimum guaranteed income"
    POV = "POV", "Άτομα/οικογένειες σε φτώχεια ή κοινωνικό αποκλεισμό", "Poverty or exclusion"
    UNEMP = "UNEMP", "Άνεργοι/ες", "Unemployed"
    ROMA = "ROMA", "Ρομά (αυτοπροσδιορισμός)", "Roma (self-declared)"
    MIGR = "MIGR", "Μετανάστες / πολίτες τρίτων χωρών", "Migrants"
    RETURN = "RETURN", "Παλιννοστούντες", "Repatriated"
    IP = "IP", "Δικαιούχοι διεθνούς προστασίας", "Beneficiaries of international protection"
    ASYL = "ASYL", "Αιτούντες άσυλο", "Asylum seekers"
    ELDER = "ELDER", "Ηλικιωμένοι", "Elderly"
    AMEA = "AMEA", "ΑμεΑ", "Persons with disabilities"
    CHILD = "CHILD", "Παιδιά σε κατάσταση αποκλεισμού", "Children in exclusion"
    LEARN = "LEARN", "Μαθητές με μαθησιακές δυσκολίες", "Pupils with learning difficulties"
    SINGLE = "SINGLE", "Μονογονεϊκές οικογένειες", "Single-parent families"
    LARGE = "LARGE", "Πολύτεκνες/τρίτεκνες οικογένειες", "Large families"
    HOMELESS = "HOMELESS", "Άστεγοι", "Homeless"
    GBV = "GBV", "Θύματα έμφυλης/ενδοοικογενειακής βίας", "Victims of gender/domestic violence"
    ADDICT = "ADDICT", "Απεξαρτημένοι ή υπό απεξάρτηση", "In or after addiction treatment"
    EXPRIS = "EXPRIS", "Αποφυλακισμένοι", "Ex-prisoners"
    UNINS = "UNINS", "Ανασφάλιστοι", "Uninsured"
    OTHER = "OTHER", "Άλλη ευάλωτη ομάδα", "Other vulnerable group"


class Sex(Code):
    """Sex as ESF+ reports break it down (Regulation 2021/1057, Annex I)."""

    F = "F", "Θήλυ", "Female"
    M = "M", "Άρρεν", "Male"
    X = "X", "Μη δυαδικό / Άλλο", "Non-binary / other"
    U = "U", "Δεν δηλώθηκε", "Not stated"


class EmploymentStatus(Code):
    """Employment status; the classes add up to the ESF+ indicators EECO02 to EECO05."""

    UNEMP_ST = "UNEMP_ST", "Άνεργος/η έως 12 μήνες", "Unemployed, under 12 months"
    UNEMP_LT = "UNEMP_LT", "Μακροχρόνια άνεργος/η", "Long-term unemployed"
    INACT_PUPIL = "INACT_PUPIL", "Μαθητής/τρια – φοιτητής/τρια", "Pupil, student"
    INACT_PENS = "INACT_PENS", "Συνταξιούχος", "Pensioner"
    INACT_HOME = "INACT_HOME", "Οικιακά", "Housework"
    INACT_UNABLE = "INACT_UNABLE", "Ανίκανος/η για εργασία", "Unable to work"
    INACT_PRESCH = "INACT_PRESCH", "Παιδί προσχολικής ηλικίας", "Pre-school child"
    EMP = "EMP", "Μισθωτός/ή", "Employee"
    SELF = "SELF", "Αυτοαπασχολούμενος/η", "Self-employed"
    SEASON = "SEASON", "Εποχικά απασχολούμενος/η", "Seasonal worker"
    UNK = "UNK", "Δεν δηλώθηκε", "Not stated"


class Education(Code):
    """Highest education completed, by ISCED 2011 level."""

    ISCED_0A = "0A", "Δεν έχει φοιτήσει ποτέ σε σχολείο", "Never attended school"
    ISCED_0B = "0B", "Δεν ολοκλήρωσε το Δημοτικό", "Some primary"
    ISCED_1 = "1", "Απολυτήριο Δημοτικού", "Primary"
    ISCED_2 = "2", "Απολυτήριο Γυμνασίου", "Lower secondary"
    ISCED_3G = "3G", "Γενικό Λύκειο", "Upper secondary, general"
    ISCED_3V = "3V", "ΕΠΑΛ / ΤΕΛ / ΤΕΕ / ΕΠΑΣ", "Upper secondary, vocational"
    ISCED_4 = "4", "ΙΕΚ–ΣΑΕΚ / Μεταλυκειακό έτος μαθητείας", "Post-secondary non-tertiary"
    ISCED_5 = "5", "Ανώτερη σχολή (σύντομος κύκλος)", "Short-cycle tertiary"
    ISCED_6 = "6", "ΑΕΙ / ΤΕΙ (πτυχίο)", "Bachelor"
    ISCED_7 = "7", "Μεταπτυχιακό", "Master"
    ISCED_8 = "8", "Διδακτορικό", "Doctorate"
    U = "U", "Δεν δηλώθηκε", "Not stated"


class MaritalStatus(Code):
    """Civil status."""

    SGL = "SGL", "Άγαμος/η", "Single"
    MAR = "MAR", "Έγγαμος/η", "Married"
    CIV = "CIV", "Σύμφωνο συμβίωσης", "Civil partnership"
    COH = "COH", "Σε συμβίωση", "Cohabiting"
    SEP = "SEP", "Σε διάσταση", "Separated"
    DIV = "DIV", "Διαζευγμένος/η", "Divorced"
    WID = "WID", "Χήρος/α", "Widowed"
    UNK = "UNK", "Δεν δηλώθηκε", "Not stated"


class HouseholdRelation(Code):
    """A member's relation to the reference person of the household."""

    HEAD = "HEAD", "Υπεύθυνος/η νοικοκυριού (αιτών/ούσα)", "Reference person"
    SPOUSE = "SPOUSE", "Σύζυγος", "Spouse"
    PARTNER = "PARTNER", "Σύντροφος", "Partner"
    CHILD = "CHILD", "Τέκνο", "Child"
    STEPCHILD = "STEPCHILD", "Τέκνο συζύγου/συντρόφου", "Step-child"
    FOSTER = "FOSTER", "Ανάδοχο τέκνο", "Foster child"
    PARENT = "PARENT", "Γονέας", "Parent"
    INLAW = "INLAW", "Πεθερός/ά – γαμπρός – νύφη", "In-law"
    SIBLING = "SIBLING", "Αδελφός/ή", "Sibling"
    GRANDPARENT = "GRANDPARENT", "Παππούς/γιαγιά", "Grandparent"
    GRANDCHILD = "GRANDCHILD", "Εγγόνι", "Grandchild"
    OTHERREL = "OTHERREL", "Άλλος συγγενής", "Other relative"
    HOSTED = "HOSTED", "Φιλοξενούμενος/η", "Hosted person"
    NONREL = "NONREL", "Μη συγγενής", "Non-relative"


class HouseholdType(Code):
    """Types of household."""

    ONE = "ONE", "Μονοπρόσωπο", "One-person"
    COUPLE = "COUPLE", "Ζεύγος χωρίς τέκνα", "Couple"
    COUPLE_CH = "COUPLE_CH", "Ζεύγος με τέκνα", "Couple with children"
    SINGLE_PAR = "SINGLE_PAR", "Μονογονεϊκή οικογένεια", "Single parent"
    MULTI = "MULTI", "Πολυπρόσωπο / εκτεταμένη οικογένεια", "Multi-person / extended"
    UNPROT = "UNPROT", "Απροστάτευτα τέκνα", "Unprotected children"


class Housing(Code):
    """Tenure and housing exclusion, close to ETHOS."""

    OWN = "OWN", "Ιδιόκτητη κατοικία", "Owned"
    RENT = "RENT", "Ενοικιαζόμενη", "Rented"
    FREE = "FREE", "Δωρεάν παραχωρημένη", "Free of charge"
    HOST = "HOST", "Φιλοξενία σε συγγενείς/φίλους", "Hosted"
    SOCIAL = "SOCIAL", "Κοινωνική κατοικία / επιδοτούμενο πρόγραμμα", "Social housing"
    SHELTER = "SHELTER", "Ξενώνας / Υπνωτήριο", "Shelter"
    INST = "INST", "Ίδρυμα / κλειστή δομή", "Institution"
    MAKESHIFT = "MAKESHIFT", "Αυτοσχέδιο κατάλυμα – παράπηγμα – σκηνή", "Makeshift dwelling"
    PREFAB = "PREFAB", "Λυόμενο – οικίσκος", "Prefab"
    UNFIT = "UNFIT", "Ακατάλληλο κατάλυμα", "Unfit dwelling"
    STREET = "STREET", "Στον δρόμο", "Street"
    CAMP = "CAMP", "Δομή φιλοξενίας αιτούντων", "Reception facility"
    UNK = "UNK", "Δεν δηλώθηκε", "Not stated"


class LegalStatus(Code):
    """Nationality and residence titles (ν. 5038/2023)."""

    GR = "GR", "Έλληνας/ίδα πολίτης", "Greek citizen"
    EU = "EU", "Πολίτης ΕΕ", "EU citizen"
    HOMOG = "HOMOG", "Ομογενής (ΕΔΤΟ)", "Ethnic Greek alien"
    WORK = "WORK", "Άδεια διαμονής για εργασία", "Residence permit – work"
    FAM3 = "FAM3", "Μέλος οικογένειας πολίτη τρίτης χώρας", "Family member of third-country national"
    FAMGR = "FAMGR", "Μέλος οικογένειας Έλληνα/ίδας", "Family member of Greek citizen"
    FAMEU = "FAMEU", "Μέλος οικογένειας πολίτη ΕΕ", "Family member of EU citizen"
    LONG = "LONG", "Επί μακρόν διαμένων – άδεια μακράς διάρκειας", "Long-term resident"
    HUM = "HUM", "Εξαιρετικοί/ανθρωπιστικοί λόγοι", "Exceptional/humanitarian grounds"
    STUDY = "STUDY", "Σπουδές – κατάρτιση – έρευνα", "Study, training, research"
    REF = "REF", "Αναγνωρισμένος πρόσφυγας (ΑΔΕΤ)", "Recognised refugee"
    SUBS = "SUBS", "Επικουρική προστασία (ΑΔΕΤ)", "Subsidiary protection"
    TEMP = "TEMP", "Προσωρινή προστασία", "Temporary protection"
    ASYL = "ASYL", "Αιτών/ούσα διεθνή προστασία (Δελτίο Αιτούντος)", "Asylum applicant"
    BLUE = "BLUE", "Βεβαίωση κατάθεσης αίτησης", "Application receipt"
    STATELESS = "STATELESS", "Ανιθαγενής", "Stateless"
    NODOC = "NODOC", "Χωρίς νομιμοποιητικά έγγραφα / αδήλωτος", "Undocumented / unregistered"
    UNK = "UNK", "Δεν δηλώθηκε", "Not stated"


class Insurance(Code):
    """Health insurance."""

    DIRECT = "DIRECT", "Άμεσα ασφαλισμένος/η", "Directly insured"
    INDIRECT = "INDIRECT", "Έμμεσα ασφαλισμένος/η", "Insured as family member"
    UNINS = "UNINS", "Ανασφάλιστος/η με ΑΜΚΑ (ν. 4368/2016 άρθρο 33)", "Uninsured with AMKA"
    PAAYPA = "PAAYPA", "ΠΑΑΥΠΑ", "Temporary number for applicants"
    EKAA = "EKAA", "ΕΚΑΑ", "European health card"
    NONE = "NONE", "Καμία κάλυψη", "None"
    UNK = "UNK", "Δεν δηλώθηκε", "Not stated"


class DisabilityDegree(Code):
    """Certified degree of disability (ΚΕΠΑ thresholds 67 % and 80 %)."""

    NO = "NO", "Όχι", "No"
    CERT_LT50 = "CERT_LT50", "Πιστοποιημένη ΚΕΠΑ <50%", "KEPA under 50%"
    CERT_50_66 = "CERT_50_66", "ΚΕΠΑ 50–66%", "KEPA 50-66%"
    CERT_67_79 = "CERT_67_79", "ΚΕΠΑ 67–79%", "KEPA 67-79%"
    CERT_80 = "CERT_80", "ΚΕΠΑ ≥80%", "KEPA 80%+"
    PENDING = "PENDING", "Εκκρεμεί εξέταση ΚΕΠΑ", "Assessment pending"
    SELF = "SELF", "Δηλωθείσα, χωρίς πιστοποίηση", "Self-declared"
    REFUSED = "REFUSED", "Δεν επιθυμεί να δηλώσει", "Declined"


class ReferralStatus(Code):
    """States of a referral."""

    DRAFT = "DRAFT", "Πρόχειρη", "Draft"
    SENT = "SENT", "Εστάλη", "Sent"
    RECEIVED = "RECEIVED", "Παρελήφθη", "Received"
    APPT = "APPT", "Ορίστηκε ραντεβού", "Appointment set"
    ACCEPTED = "ACCEPTED", "Έγινε δεκτή", "Accepted"
    WAITING = "WAITING", "Λίστα αναμονής", "Waiting list"
    REJECTED = "REJECTED", "Απορρίφθηκε", "Rejected"
    NOSHOW = "NOSHOW", "Μη προσέλευση", "Did not attend"
    DONE = "DONE", "Ολοκληρώθηκε – εξυπηρετήθηκε", "Completed"
    PARTIAL = "PARTIAL", "Μερική εξυπηρέτηση", "Partly served"
    WITHDRAWN = "WITHDRAWN", "Ανακλήθηκε", "Withdrawn"
    NOREPLY = "NOREPLY", "Χωρίς απάντηση", "No reply"


class ApplicationStatus(Code):
    """States of an application to a programme."""

    INFO = "INFO", "Ενημέρωση μόνο", "Information only"
    DOCS = "DOCS", "Αναμονή δικαιολογητικών", "Waiting for documents"
    DRAFT = "DRAFT", "Προσωρινή αποθήκευση", "Saved, not final"
    SUBMITTED = "SUBMITTED", "Οριστική υποβολή", "Submitted"
    REVIEW = "REVIEW", "Σε έλεγχο", "Under review"
    APPROVED = "APPROVED", "Εγκρίθηκε", "Approved"
    REJECTED = "REJECTED", "Απορρίφθηκε", "Rejected"
    OBJECTION = "OBJECTION", "Ένσταση", "Objection"
    SUSPENDED = "SUSPENDED", "Αναστολή", "Suspended"
    ENDED = "ENDED", "Διακοπή / λήξη", "Ended"
    RENEW = "RENEW", "Προς ανανέωση", "Due for renewal"


class PartnerCategory(Code):
    """Kinds of partner organisation."""

    DYPA = "DYPA", "ΔΥΠΑ (πρώην ΟΑΕΔ)", "Public employment service"
    OPEKA = "OPEKA", "ΟΠΕΚΑ", "Welfare benefits organisation"
    EFKA = "EFKA", "e-ΕΦΚΑ", "Social insurance"
    KEPA = "KEPA", "ΚΕΠΑ", "Disability certification"
    KEP = "KEP", "ΚΕΠ", "Citizen service centre"
    SOCSERV = "SOCSERV", "Κοινωνική Υπηρεσία Δήμου", "Municipal social service"
    MUNSTRUCT = (
        "MUNSTRUCT",
        "Δημοτική δομή (ΚΑΠΗ, ΚΗΦΗ, ΚΔΑΠ, Βοήθεια στο Σπίτι, Κοινωνικό Παντοπωλείο/Φαρμακείο)",
        "Municipal structure",
    )
    HOSP = "HOSP", "Νοσοκομείο", "Hospital"
    PHC = "PHC", "Κέντρο Υγείας / ΤΟΜΥ", "Health centre"
    EODY = "EODY", "ΕΟΔΥ – κινητή μονάδα", "Public health organisation"
    MENTAL = "MENTAL", "Κέντρο Ψυχικής Υγείας", "Mental health centre"
    SCHOOL = "SCHOOL", "Σχολείο", "School"
    EDUDIR = "EDUDIR", "Διεύθυνση Εκπαίδευσης / ΚΕΔΑΣΥ", "Education directorate"
    POLICE = "POLICE", "Αστυνομία", "Police"
    PROS = "PROS", "Εισαγγελία", "Prosecutor"
    REGISTRY = "REGISTRY", "Ληξιαρχείο / Δημοτολόγιο", "Registry"
    AADE = "AADE", "ΔΟΥ / ΑΑΔΕ", "Tax office"
    ASYLUM = "ASYLUM", "Υπηρεσία Ασύλου", "Asylum service"
    DECENTR = "DECENTR", "Αποκεντρωμένη Διοίκηση", "Decentralised administration"
    EKKA = "EKKA", "ΕΚΚΑ", "Social solidarity centre"
    WOMEN = "WOMEN", "Συμβουλευτικό Κέντρο / Ξενώνας Γυναικών", "Women's centre or shelter"
    NGO = "NGO", "ΜΚΟ / Φορέας ΚΑΛΟ", "NGO"
    ROMASSOC = "ROMASSOC", "Σύλλογος Ρομά", "Roma association"
    CHURCH = "CHURCH", "Ενορία / Μητρόπολη", "Church"
    PREF = "PREF", "Περιφέρεια", "Region"
    BUSINESS = "BUSINESS", "Επιχείρηση", "Business"
    OTHER = "OTHER", "Άλλο", "Other"


class DocumentType(Code):
    """Supporting documents of applications."""

    ID = "ID", "Δελτίο ταυτότητας", "Identity card"
    PASS = "PASS", "Διαβατήριο", "Passport"
    RESPERM = "RESPERM", "Άδεια διαμονής", "Residence permit"
    ASYLCARD = "ASYLCARD", "Δελτίο αιτούντος διεθνή προστασία", "Asylum card"
    E1 = "E1", "Έντυπο Ε1", "Tax form E1"
    EKK = "EKK", "Εκκαθαριστικό", "Tax assessment"
    E9 = "E9", "Ε9", "Property form"
    FAMCERT = "FAMCERT", "Πιστοποιητικό οικογενειακής κατάστασης", "Family-status certificate"
    BIRTHCERT = "BIRTHCERT", "Ληξιαρχική πράξη γέννησης", "Birth act"
    LEASE = "LEASE", "Ηλεκτρονικό μισθωτήριο", "Lease"
    DEH = "DEH", "Λογαριασμός ΔΕΗ/ΔΕΚΟ", "Utility bill"
    IBAN = "IBAN", "Αντίγραφο τραπεζικού λογαριασμού (IBAN)", "IBAN"
    UNEMP = "UNEMP", "Βεβαίωση ανεργίας", "Unemployment certificate"
    SCHOOL = "SCHOOL", "Βεβαίωση φοίτησης", "School attendance"
    KEPA = "KEPA", "Γνωστοποίηση ΚΕΠΑ", "KEPA result"
    CONSENT = "CONSENT", "Έντυπο συναίνεσης", "Consent form"
    AUTH = "AUTH", "Εξουσιοδότηση", "Authorisation"
    HOMELESS = "HOMELESS", "Βεβαίωση αστεγίας", "Homelessness certificate"
    SOCREP = "SOCREP", "Κοινωνική έκθεση", "Social report"


class EventType(Code):
    """Kinds of event."""

    INFO = "INFO", "Ενημερωτική δράση – ημερίδα", "Information event"
    AWARE = "AWARE", "Δράση ευαισθητοποίησης", "Awareness"
    HEALTH = "HEALTH", "Δράση υγείας – εμβολιασμός – στοματική υγιεινή", "Health action"
    SCHOOL = "SCHOOL", "Σχολική/εκπαιδευτική δράση", "School action"
    WORKSHOP = "WORKSHOP", "Εργαστήριο", "Workshop"
    GROUP = "GROUP", "Ομάδα (γονέων, αυτοβοήθειας)", "Group"
    CULTURE = "CULTURE", "Πολιτιστική εκδήλωση", "Cultural"
    WORLDDAY = "WORLDDAY", "Παγκόσμια ημέρα (π.χ. Ρομά 8 Απριλίου)", "World day (Roma, 8 April)"
    COLLECT = "COLLECT", "Συγκέντρωση ειδών", "Collection"
    DISTRIB = "DISTRIB", "Διανομή αγαθών", "Distribution"
    OUTREACH = "OUTREACH", "Επίσκεψη σε οικισμό – πόρτα-πόρτα", "Outreach"
    NETWORK = "NETWORK", "Συνάντηση δικτύωσης", "Networking"
    TRAIN = "TRAIN", "Επιμόρφωση στελεχών/εθελοντών", "Training"
    MOBILE = "MOBILE", "Δρομολόγιο κινητής μονάδας", "Mobile-unit round"


class Channel(Code):
    """How a person came into contact."""

    INPERSON = "INPERSON", "Διά ζώσης", "In person"
    PHONE = "PHONE", "Τηλεφωνικά", "Phone"
    EMAIL = "EMAIL", "Ηλεκτρονικά", "E-mail"
    VIDEO = "VIDEO", "Τηλεδιάσκεψη", "Video"
    HOME = "HOME", "Κατ’ οίκον", "Home"
    FIELD = "FIELD", "Στο πεδίο / οικισμό", "Field"
    MOBILE = "MOBILE", "Κινητή μονάδα", "Mobile unit"


ANSWERED_GROUPS = (TargetGroup.ROMA, TargetGroup.AMEA)
"""Groups that a person's own answer establishes, never a tick of the staff."""
PROTECTED_GROUPS = (TargetGroup.LEARN, TargetGroup.GBV, TargetGroup.ADDICT, TargetGroup.EXPRIS)
"""Groups that speak of health, violence or convictions (Regulation 2016/679, articles 9 and 10)."""
ORDINARY_GROUPS = tuple(group for group in TargetGroup if group not in ANSWERED_GROUPS + PROTECTED_GROUPS)


class Role(Code):
    """What a user is; what each may do stands in policy.py and nowhere else."""

    RECEPTION = "reception", "Υποδοχή", "Reception"
    CASEWORKER = "caseworker", "Επιστημονικό προσωπικό", "Caseworker"
    MEDIATOR = "mediator", "Διαμεσολαβητής/τρια", "Mediator"
    COORDINATOR = "coordinator", "Συντονιστής/στρια", "Coordinator"
    SUPERVISOR = "supervisor", "Επόπτης/τρια", "Supervisor"
    ADMINISTRATOR = "administrator", "Διαχειριστής/τρια", "Administrator"


class Language(Code):
    """Languages of the screens."""

    EL = "el", "Ελληνικά", "Greek"
    EN = "en", "Αγγλικά", "English"


class Answer(Code):
    """A person's own answer to a special-category question; never inferred, and refusing is an answer."""

    YES = "YES", "Ναι", "Yes"
    NO = "NO", "Όχι", "No"
    DECLINED = "DECLINED", "Δεν επιθυμεί να δηλώσει", "Declines to say"
    NOT_ASKED = "NOT_ASKED", "Δεν ρωτήθηκε", "Not asked"


class Confidence(Code):
    """To whom a case note is confided (professional secrecy, ΠΔ 23/1992 article 6)."""

    AUTHOR = "AUTHOR", "Μόνο ο/η συντάκτης/τρια", "The author only"
    TEAM = "TEAM", "Η ομάδα που παρακολουθεί το άτομο", "The treating team"
    UNIT = "UNIT", "Η μονάδα", "The unit"


class TokenKind(Code):
    """What two records of one person may agree in."""

    AMKA = "AMKA", "ΑΜΚΑ", "AMKA"
    AFM = "AFM", "ΑΦΜ", "AFM"
    PAAYPA = "PAAYPA", "ΠΑΑΥΠΑ", "PAAYPA"
    DOCUMENT = "DOCUMENT", "Ταυτότητα / διαβατήριο", "Identity document"
    NAME = "NAME", "Ονοματεπώνυμο και ημερομηνία γέννησης", "Name and date of birth"


class SamePerson(Code):
    """What a coordinator decides of two records that agree in something."""

    SAME = "SAME", "Το ίδιο άτομο", "The same person"
    DIFFERENT = "DIFFERENT", "Διαφορετικά άτομα", "Not the same person"


class FilePart(Code):
    """Parts of a person's file that can be shared; ethnic origin is in none of them."""

    CONTACT = "CONTACT", "Στοιχεία επικοινωνίας", "Contact data"
    SERVICES = "SERVICES", "Υπηρεσίες και αιτήσεις", "Services and applications"
    HEALTH = "HEALTH", "Υγεία και αναπηρία", "Health and disability"
    NOTES = "NOTES", "Σημειώσεις υπόθεσης", "Case notes"


class GrantKind(Code):
    """How a file came to be open to somebody of another unit."""

    REQUEST = "REQUEST", "Αίτημα", "Request"
    EMERGENCY = "EMERGENCY", "Έκτακτη ανάγκη", "Emergency"


class GrantStatus(Code):
    """States of a request for a file. That a grant has ended is told by the clock, not by its state."""

    ASKED = "ASKED", "Εκκρεμεί", "Waiting"
    GRANTED = "GRANTED", "Εγκρίθηκε", "Granted"
    REFUSED = "REFUSED", "Δεν εγκρίθηκε", "Not granted"
    WITHDRAWN = "WITHDRAWN", "Ανακλήθηκε", "Withdrawn"


class SharingPurpose(Code):
    """What a file of another unit is asked for (Regulation 2016/679, article 5(1)(b): purpose limitation)."""

    SUPPORT = "SUPPORT", "Κοινό σχέδιο στήριξης του ατόμου", "Joint support of the person"
    BENEFIT = "BENEFIT", "Αίτηση σε παροχή ή πρόγραμμα", "Application for a benefit or programme"
    CONTINUITY = (
        "CONTINUITY",
        "Συνέχεια της φροντίδας μετά από αλλαγή μονάδας",
        "Continuity of care after a change of unit",
    )
    CHILD = "CHILD", "Προστασία ανηλίκου", "Protection of a minor"
    VIOLENCE = "VIOLENCE", "Προστασία από βία", "Protection from violence"
    ORDER = "ORDER", "Εισαγγελική παραγγελία ή δικαστική απόφαση", "Order of a prosecutor or court"
    LIFE = "LIFE", "Άμεσος κίνδυνος για ζωή ή υγεία", "Immediate danger to life or health"


class LegalBasis(Code):
    """What makes sharing lawful (Regulation 2016/679, article 6(1)); a public task does not rest on consent."""

    TASK = "TASK", "Δημόσιο καθήκον – ΓΚΠΔ 6§1(ε)", "Public task – GDPR 6(1)(e)"
    DUTY = "DUTY", "Έννομη υποχρέωση – ΓΚΠΔ 6§1(γ)", "Legal obligation – GDPR 6(1)(c)"
    VITAL = "VITAL", "Ζωτικό συμφέρον – ΓΚΠΔ 6§1(δ)", "Vital interests – GDPR 6(1)(d)"


class SpecialBasis(Code):
    """What makes sharing health data and notes lawful (Regulation 2016/679, article 9(2); Ν. 4624/2019, article 22)."""

    CARE = "CARE", "Κοινωνική φροντίδα – ΓΚΠΔ 9§2(η)", "Social care – GDPR 9(2)(h)"
    PROTECTION = "PROTECTION", "Δίκαιο κοινωνικής προστασίας – ΓΚΠΔ 9§2(β)", "Social protection law – GDPR 9(2)(b)"
    INTEREST = "INTEREST", "Ουσιαστικό δημόσιο συμφέρον – ΓΚΠΔ 9§2(ζ)", "Substantial public interest – GDPR 9(2)(g)"
    VITAL = "VITAL", "Ζωτικό συμφέρον – ΓΚΠΔ 9§2(γ)", "Vital interests – GDPR 9(2)(c)"


class NationalLaw(Code):
    """The Greek law that gives the task or duty (Regulation 2016/679, article 6(3)); sources are in decision 0020."""

    CENTRES = "CENTRES", "Ν. 4368/2016, άρθρο 4 – Κέντρα Κοινότητας", "Law 4368/2016, art. 4 – Community Centres"
    WELFARE = (
        "WELFARE",
        "Ν. 4445/2016, άρθρα 7 και 16 – κοινωνική ένταξη",
        "Law 4445/2016, art. 7, 16 – social inclusion",
    )
    CHILD = "CHILD", "Ν. 4837/2021, άρθρο 4 – κακοποίηση ανηλίκων", "Law 4837/2021, art. 4 – abuse of minors"
    VIOLENCE = "VIOLENCE", "Ν. 3500/2006 – ενδοοικογενειακή βία", "Law 3500/2006 – domestic violence"
    ORDER = "ORDER", "Εισαγγελική παραγγελία ή δικαστική απόφαση", "Order of a prosecutor or court"


class AppointmentStatus(Code):
    """States of an appointment."""

    BOOKED = "BOOKED", "Προγραμματισμένο", "Booked"
    ARRIVED = "ARRIVED", "Προσήλθε", "Arrived"
    DONE = "DONE", "Ολοκληρώθηκε", "Done"
    NOSHOW = "NOSHOW", "Δεν προσήλθε", "Did not attend"
    CANCELLED = "CANCELLED", "Ακυρώθηκε", "Cancelled"


class Attendance(Code):
    """Part of a person in an event."""

    ENROLLED = "ENROLLED", "Δήλωσε συμμετοχή", "Enrolled"
    ATTENDED = "ATTENDED", "Συμμετείχε", "Attended"
    ABSENT = "ABSENT", "Απουσίασε", "Absent"


class ItemCategory(Code):
    """Kinds of goods handed out."""

    FOOD = "FOOD", "Τρόφιμα", "Food"
    HYGIENE = "HYGIENE", "Είδη υγιεινής", "Hygiene"
    CLOTHING = "CLOTHING", "Ένδυση – υπόδηση", "Clothing and shoes"
    SCHOOL = "SCHOOL", "Σχολικά είδη", "School supplies"
    HOUSEHOLD = "HOUSEHOLD", "Οικιακά είδη", "Household goods"
    BABY = "BABY", "Βρεφικά είδη", "Baby goods"
    OTHER = "OTHER", "Άλλο", "Other"


class MovementKind(Code):
    """Why stock changed other than by a distribution to a person."""

    DONATION = "DONATION", "Δωρεά", "Donation"
    PURCHASE = "PURCHASE", "Αγορά", "Purchase"
    COLLECTION = "COLLECTION", "Συγκέντρωση ειδών", "Collection"
    RETURN = "RETURN", "Επιστροφή", "Return"
    LOSS = "LOSS", "Φθορά – λήξη", "Loss or expiry"
    COUNT = "COUNT", "Διόρθωση απογραφής", "Stocktaking correction"


class Availability(Code):
    """When a volunteer can come."""

    MORNING = "MORNING", "Πρωινά", "Mornings"
    AFTERNOON = "AFTERNOON", "Απογεύματα", "Afternoons"
    WEEKEND = "WEEKEND", "Σαββατοκύριακα", "Weekends"
    ON_CALL = "ON_CALL", "Κατόπιν συνεννόησης", "On call"


class Skill(Code):
    """What a volunteer offers."""

    TEACHING = "TEACHING", "Ενισχυτική διδασκαλία", "Tutoring"
    LANGUAGES = "LANGUAGES", "Γλώσσες – διερμηνεία", "Languages, interpreting"
    HEALTH = "HEALTH", "Υγεία", "Health"
    LAW = "LAW", "Νομικά", "Law"
    CHILDREN = "CHILDREN", "Απασχόληση παιδιών", "Children's activities"
    ARTS = "ARTS", "Τέχνες – πολιτισμός", "Arts and culture"
    DIGITAL = "DIGITAL", "Υπολογιστές", "Computers"
    LOGISTICS = "LOGISTICS", "Μεταφορά – αποθήκη", "Transport and storage"
    OTHER = "OTHER", "Άλλο", "Other"


class RequestKind(Code):
    """What a person may ask about their own data (Regulation 2016/679, articles 15–18 and 21)."""

    ACCESS = "ACCESS", "Πρόσβαση – αντίγραφο (άρ. 15)", "Access, copy (art. 15)"
    RECTIFICATION = "RECTIFICATION", "Διόρθωση (άρ. 16)", "Rectification (art. 16)"
    ERASURE = "ERASURE", "Διαγραφή (άρ. 17)", "Erasure (art. 17)"
    RESTRICTION = "RESTRICTION", "Περιορισμός (άρ. 18)", "Restriction (art. 18)"
    OBJECTION = "OBJECTION", "Εναντίωση (άρ. 21)", "Objection (art. 21)"


class RequestOutcome(Code):
    """How such a request was answered."""

    GRANTED = "GRANTED", "Ικανοποιήθηκε", "Granted"
    PARTLY = "PARTLY", "Ικανοποιήθηκε εν μέρει", "Granted in part"
    REFUSED = "REFUSED", "Απορρίφθηκε", "Refused"
    WITHDRAWN = "WITHDRAWN", "Ανακλήθηκε", "Withdrawn"


class ConsentKind(Code):
    """What rests on consent. No service does: those are a public task (Regulation 2016/679, article 6(1)(e))."""

    PHOTO = "PHOTO", "Φωτογράφιση – βιντεοσκόπηση σε δράσεις", "Photographs and video at events"
    NEWSLETTER = "NEWSLETTER", "Ενημερωτικά μηνύματα", "Newsletters"
    NGO = "NGO", "Προαιρετική κοινοποίηση σε οργανώσεις", "Voluntary disclosure to organisations"


class ConsentForm(Code):
    """How a consent was given, so that it can be shown (article 7(1))."""

    PAPER = "PAPER", "Υπογεγραμμένο έντυπο", "Signed form"
    ELECTRONIC = "ELECTRONIC", "Ηλεκτρονικά", "Electronically"
    ORAL = "ORAL", "Προφορικά, με μάρτυρα", "Orally, before a witness"


class ErasureCause(Code):
    """Why records were erased."""

    REQUEST = "REQUEST", "Αίτημα του προσώπου (άρ. 17)", "The person's request (art. 17)"
    RETENTION = "RETENTION", "Λήξη χρόνου διατήρησης", "End of the time of keeping"


class AuditAction(Code):
    """What an entry of the trail records."""

    CREATE = "create", "Δημιουργία", "Created"
    UPDATE = "update", "Μεταβολή", "Changed"
    DELETE = "delete", "Διαγραφή", "Deleted"
    STATUS = "status", "Αλλαγή κατάστασης", "Changed status"
    VIEW = "view", "Προβολή", "Viewed"
    SEARCH = "search", "Αναζήτηση", "Searched"
    EXPORT = "export", "Εξαγωγή", "Exported"
    LOGIN = "login", "Σύνδεση", "Signed in"
    CONFIRMED = "confirmed", "Επιβεβαίωση ταυτότητας", "Confirmed identity"
    LOGOUT = "logout", "Αποσύνδεση", "Signed out"
    LOGIN_FAILED = "login_failed", "Αποτυχία σύνδεσης", "Sign-in failed"
    REFUSED = "refused", "Άρνηση πρόσβασης", "Refused"
    EMERGENCY = "emergency", "Άνοιγμα έκτακτης ανάγκης", "Emergency opening"
    SYSTEM = "system", "Εργασία συστήματος", "System task"
    ERASE = "erase", "Διαγραφή περιεχομένου ιστορικού", "Erased from the trail"


CHANGES = (AuditAction.CREATE, AuditAction.UPDATE, AuditAction.DELETE, AuditAction.STATUS)


class FindingKind(Code):
    """Why acts of a user on a day are unusual (oversight/findings.py says from when on)."""

    PEOPLE = "PEOPLE", "Πολλά άτομα σε μία ώρα", "Many people in an hour"
    HOURS = "HOURS", "Ανάγνωση εκτός ωραρίου", "Reading outside hours"
    SURNAME = "SURNAME", "Άνοιξε φάκελο με το δικό του επώνυμο", "File of the reader's own surname"
    CLOSED = "CLOSED", "Ανάγνωση κλειστών φακέλων", "Reading of closed files"
    REFUSALS = "REFUSALS", "Επανειλημμένες αρνήσεις", "Repeated refusals"
    EXPORTS = "EXPORTS", "Εξαγωγή χωρίς φίλτρο", "Export of everything"
    EMERGENCY = "EMERGENCY", "Άνοιγμα έκτακτης ανάγκης", "Emergency opening"


class Verdict(Code):
    """A supervisor's mark on an entry of the trail."""

    REVIEWED = "REVIEWED", "Ελέγχθηκε", "Reviewed"
    QUESTION = "QUESTION", "Χρειάζεται εξήγηση", "Needs an explanation"
