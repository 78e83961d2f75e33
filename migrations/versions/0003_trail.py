"""The trail's guards know lawful erasure, and guard the chain's end too.

Revises: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

STATEMENTS = {
    "sqlite": [
        'DROP TRIGGER audit_entry_no_update',
        'DROP TRIGGER audit_entry_no_delete',
        'CREATE TRIGGER audit_entry_no_update BEFORE UPDATE ON audit_entry WHEN NOT (NEW.salt IS \'\' AND coalesce(NEW.subject_id, NEW.subject_label, NEW.person_id, NEW.changes, NEW.details) IS NULL AND (NEW.seq, NEW.at, NEW.actor_id, NEW.actor_name, NEW.actor_role, NEW.unit_id, NEW.unit_name, NEW.action, NEW.subject_type, NEW.session_ref, NEW.request_id, NEW.ip, NEW.digest, NEW.chain) IS (OLD.seq, OLD.at, OLD.actor_id, OLD.actor_name, OLD.actor_role, OLD.unit_id, OLD.unit_name, OLD.action, OLD.subject_type, OLD.session_ref, OLD.request_id, OLD.ip, OLD.digest, OLD.chain) AND OLD.action IS NOT \'erase\' AND EXISTS (SELECT 1 FROM audit_entry AS record JOIN audit_head ON record.seq = audit_head.seq WHERE record.action = \'erase\' AND record.seq > OLD.seq AND json_extract(record.details, \'$.erased."\' || OLD.seq || \'"\') IS NOT NULL)) BEGIN SELECT RAISE(ABORT, \'the trail is append-only\'); END',
        "CREATE TRIGGER audit_entry_no_delete BEFORE DELETE ON audit_entry BEGIN SELECT RAISE(ABORT, 'the trail is append-only'); END",
        "CREATE TRIGGER audit_head_forward BEFORE UPDATE ON audit_head WHEN NOT EXISTS (SELECT 1 FROM audit_entry WHERE seq = NEW.seq AND seq > OLD.seq AND chain = NEW.chain) BEGIN SELECT RAISE(ABORT, 'the trail is append-only'); END",
        "CREATE TRIGGER audit_head_no_delete BEFORE DELETE ON audit_head BEGIN SELECT RAISE(ABORT, 'the trail is append-only'); END",
    ],
    "postgresql": [
        'DROP TRIGGER audit_entry_append_only ON audit_entry',
        'DROP TRIGGER audit_entry_no_truncate ON audit_entry',
        "CREATE OR REPLACE FUNCTION audit_entry_append_only() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF TG_OP = 'UPDATE' THEN IF NEW.salt = '' AND num_nonnulls(NEW.subject_id, NEW.subject_label, NEW.person_id, NEW.changes, NEW.details) = 0 AND (NEW.seq, NEW.at, NEW.actor_id, NEW.actor_name, NEW.actor_role, NEW.unit_id, NEW.unit_name, NEW.action, NEW.subject_type, NEW.session_ref, NEW.request_id, NEW.ip, NEW.digest, NEW.chain) IS NOT DISTINCT FROM (OLD.seq, OLD.at, OLD.actor_id, OLD.actor_name, OLD.actor_role, OLD.unit_id, OLD.unit_name, OLD.action, OLD.subject_type, OLD.session_ref, OLD.request_id, OLD.ip, OLD.digest, OLD.chain) AND OLD.action <> 'erase' AND EXISTS (SELECT 1 FROM audit_entry AS record JOIN audit_head ON record.seq = audit_head.seq WHERE record.action = 'erase' AND record.seq > OLD.seq AND jsonb_exists(record.details::jsonb -> 'erased', OLD.seq::text)) THEN RETURN NEW; END IF; END IF; RAISE EXCEPTION 'the trail is append-only'; END $$",
        "CREATE OR REPLACE FUNCTION audit_head_append_only() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF TG_OP = 'UPDATE' THEN IF EXISTS (SELECT 1 FROM audit_entry WHERE seq = NEW.seq AND seq > OLD.seq AND chain = NEW.chain) THEN RETURN NEW; END IF; END IF; RAISE EXCEPTION 'the trail is append-only'; END $$",
        'CREATE TRIGGER audit_entry_append_only BEFORE UPDATE OR DELETE ON audit_entry FOR EACH ROW EXECUTE FUNCTION audit_entry_append_only()',
        'CREATE TRIGGER audit_entry_no_truncate BEFORE TRUNCATE ON audit_entry FOR EACH STATEMENT EXECUTE FUNCTION audit_entry_append_only()',
        'CREATE TRIGGER audit_head_append_only BEFORE UPDATE OR DELETE ON audit_head FOR EACH ROW EXECUTE FUNCTION audit_head_append_only()',
        'CREATE TRIGGER audit_head_no_truncate BEFORE TRUNCATE ON audit_head FOR EACH STATEMENT EXECUTE FUNCTION audit_head_append_only()',
    ],
}
BACK = {
    "sqlite": [
        "DROP TRIGGER audit_entry_no_update",
        "DROP TRIGGER audit_head_forward",
        "DROP TRIGGER audit_head_no_delete",
        "CREATE TRIGGER audit_entry_no_update BEFORE UPDATE ON audit_entry BEGIN SELECT RAISE(ABORT, 'the trail is append-only'); END",
    ],
    "postgresql": [
        "DROP TRIGGER audit_head_append_only ON audit_head",
        "DROP TRIGGER audit_head_no_truncate ON audit_head",
        "DROP FUNCTION audit_head_append_only()",
        "CREATE OR REPLACE FUNCTION audit_entry_append_only() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'the trail is append-only'; END $$",
    ],
}


def upgrade() -> None:
    _run(STATEMENTS)


def downgrade() -> None:
    _run(BACK)


def _run(statements: dict[str, list[str]]) -> None:
    for statement in statements[op.get_bind().dialect.name]:
        op.execute(sa.text(statement.replace(":", "\\:")))
