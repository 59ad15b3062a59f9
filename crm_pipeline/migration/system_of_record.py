"""Which side is the system of record: the source until the cutover, Odoo from then on.

Odoo itself keeps the note too (a system parameter), so that a machine without the staging store knows.
"""

from __future__ import annotations

import json
from datetime import datetime

from crm_pipeline.migration.errors import MigrationError
from crm_pipeline.odoo.destination import QUIET, Destination, Record
from crm_pipeline.staging.store import StagingStore

_PARAMETER = "ir.config_parameter"


class CutOverError(MigrationError):
    """Odoo is the system of record; the migration must not write to it any more."""

    def __init__(self, source: str, env: str, by: str, at: str) -> None:
        super().__init__(
            f"Odoo is the system of record of '{source}' since {by} cut over on {at}: the {env} is not written to any more. If that must "
            f'be, reopen it: crm-pipeline reopen {source} --by "Name <mail>" --why "…"'
        )


def require_open(store: StagingStore, source: str, env: str, destination: Destination | None = None) -> None:
    """Raise ``CutOverError`` when an environment was cut over and not reopened, by the store or by Odoo's own note."""
    found = store.rows(
        "SELECT cut_over_by, cut_over_at FROM ops.cutover WHERE env = ? AND reopened_at IS NULL ORDER BY cut_over_at DESC LIMIT 1", [env]
    )
    if found:
        raise CutOverError(source, env, found[0][0], f"{found[0][1]:%Y-%m-%d %H:%M} UTC")
    if destination is not None and env == "production":
        for record in _notes(destination, source):
            note = json.loads(record["value"])
            raise CutOverError(source, env, note["by"], f"{note['at']} UTC")


def note_in_odoo(destination: Destination, source: str, by: str, at: datetime) -> None:
    """Write the note into Odoo; writing it again changes nothing."""
    if not _notes(destination, source):
        value = json.dumps({"by": by, "at": f"{at:%Y-%m-%d %H:%M}"}, ensure_ascii=False)
        destination.create(_PARAMETER, [{"key": _key(source), "value": value}], context=QUIET)


def remove_from_odoo(destination: Destination, source: str) -> None:
    """Remove the note from Odoo."""
    ids = [record["id"] for record in _notes(destination, source)]
    if ids:
        destination.unlink(_PARAMETER, ids, context=QUIET)


def reopen_undone(store: StagingStore, destination: Destination, source: str, by: str, now: datetime) -> None:
    """A production that is rolled back is no system of record any more."""
    remove_from_odoo(destination, source)
    store.execute(
        "UPDATE ops.cutover SET reopened_by = ?, reopened_at = ?, reopened_why = 'rolled back' WHERE env = 'production' AND reopened_at IS NULL",
        [by, now],
    )


def _notes(destination: Destination, source: str) -> list[Record]:
    return destination.search_read(_PARAMETER, [("key", "=", _key(source))], ["value"])


def _key(source: str) -> str:
    return f"{source}.system_of_record"
