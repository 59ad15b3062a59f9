"""The cutover: the final delta into production, everything verified, a certificate; from then on Odoo is the system of record."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from crm_pipeline.migration import records, run
from crm_pipeline.migration.errors import MigrationError
from crm_pipeline.migration.migration import Migration
from crm_pipeline.migration.sign_off import is_person, newest_sign_off
from crm_pipeline.migration.system_of_record import note_in_odoo, remove_from_odoo
from crm_pipeline.reports.cutover import CUTOVER_FOLDER, build_certificate, build_runbook
from crm_pipeline.specs import SourceSpec
from crm_pipeline.staging.store import StagingStore, quote
from crm_pipeline.verification.checks import CheckResult

#: The environment that is cut over.
PRODUCTION = "production"


@dataclass(frozen=True)
class Cutover:
    """A cutover that came to its end. Times in UTC."""

    env: str
    cut_over_by: str
    cut_over_at: datetime
    frozen_at: datetime
    run_id: str
    drop: str
    fingerprint: str
    mapping_hash: str
    report_sha256: str


@dataclass(frozen=True)
class CutoverOutcome:
    """What a cutover came to: its run, and the certificate, which there is only when everything held."""

    run: run.RunOutcome
    certificate: Path | None


def parse_freeze(text: str, spec: SourceSpec) -> datetime:
    """The time the source was frozen, UTC without zone; without an offset it is in the account's time zone.

    Raises:
        MigrationError: the text is no ISO time.
    """
    try:
        stated = datetime.fromisoformat(text.strip())
    except ValueError:
        raise MigrationError(f"--freeze: '{text}' is no time; write it as 2026-11-30T18:00 or 2026-11-30T18:00+05:30") from None
    if stated.tzinfo is None:
        stated = stated.replace(tzinfo=ZoneInfo(spec.time_zone))
    return stated.astimezone(UTC).replace(tzinfo=None)


def cut_over(migration: Migration, *, freeze: str, by: str, drop_name: str | None = None) -> CutoverOutcome:
    """Apply the last export to production, verify everything, write the certificate and close production.

    Args:
        migration: the open migration.
        freeze: when people stopped working in the source, see :func:`parse_freeze`.
        by: who cuts over, as ``Name <mail>``.
        drop_name: the last export; the newest when not given.

    Raises:
        MigrationError: a word of the above can't be used, or nothing was loaded into production yet.
        ProductionLockedError, CutOverError: as :meth:`Migration.open`.
    """
    if not is_person(by):
        raise MigrationError(f"--by: '{by}' does not say who cuts over; write \"Name <mail@company>\"")
    frozen_at = parse_freeze(freeze, migration.mapping.source)

    def frozen() -> list[CheckResult]:
        return _check_frozen(migration, frozen_at)

    outcome = run.delta(migration, PRODUCTION, drop_name=drop_name, before_load=frozen, verify_all=True)
    if not outcome.ok or outcome.stopped_by or outcome.report is None:
        return CutoverOutcome(outcome, None)
    drop, fingerprint = migration.store.rows('SELECT "drop", fingerprint FROM ops.reading')[0]
    done = Cutover(
        env=PRODUCTION, cut_over_by=by.strip(), cut_over_at=migration.clock(), frozen_at=frozen_at, run_id=migration.run_id, drop=drop,
        fingerprint=fingerprint, mapping_hash=migration.confirmed.hash, report_sha256=hashlib.sha256(outcome.report.read_bytes()).hexdigest(),
    )  # fmt: skip
    destination = migration.reach(PRODUCTION)
    try:
        note_in_odoo(destination, migration.mapping.name, done.cut_over_by, done.cut_over_at)
    finally:
        destination.close()
    values = asdict(done)
    names = ", ".join(quote(name) for name in values)
    migration.store.execute(f"INSERT INTO ops.cutover ({names}) VALUES ({', '.join('?' * len(values))})", list(values.values()))
    folder = migration.settings.data.reports(migration.mapping.name, PRODUCTION) / CUTOVER_FOLDER
    signed = newest_sign_off(migration.store)
    certificate = build_certificate(
        migration.store, migration.mapping, values, asdict(signed) if signed is not None else {}, outcome.report, folder
    )
    return CutoverOutcome(outcome, certificate)


def reopen(migration: Migration, *, by: str, why: str) -> None:
    """Let the migration write to production again after a cutover.

    Raises:
        MigrationError: it is not said who reopens it or why, or nothing was cut over.
    """
    if not is_person(by):
        raise MigrationError(f"--by: '{by}' does not say who reopens it; write \"Name <mail@company>\"")
    if not why.strip():
        raise MigrationError("--why: say why production is to be written to again")
    destination = migration.reach(PRODUCTION)
    try:
        remove_from_odoo(destination, migration.mapping.name)
    finally:
        destination.close()
    migration.store.execute(
        "UPDATE ops.cutover SET reopened_by = ?, reopened_at = ?, reopened_why = ? WHERE env = ? AND reopened_at IS NULL",
        [by.strip(), migration.clock(), why.strip(), PRODUCTION],
    )


def write_runbook(migration: Migration) -> Path:
    """Write the runbook of the cutover as it stands; returns its path."""
    folder = migration.settings.data.reports(migration.mapping.name, PRODUCTION) / CUTOVER_FOLDER
    return build_runbook(migration.store, migration.mapping, folder, migration.clock())


def hypercare_ends(cut_over_at: datetime, days: int) -> date:
    """The last of so many business days (Monday to Friday) after the day of the cutover."""
    day = cut_over_at.date()
    while days:
        day += timedelta(days=1)
        days -= day.weekday() < 5
    return day


def hypercare(migration: Migration, env: str) -> tuple[run.RunOutcome, str]:
    """Look at everything that was loaded once more, and tell people's own changes from damage.

    Returns:
        the outcome, and a sentence about how long hypercare goes on.
    """
    outcome = run.verify(migration, env, edits_are_drift=True)
    at = migration.store.value("SELECT max(cut_over_at) FROM ops.cutover WHERE env = ? AND reopened_at IS NULL", [env])
    if at is None:
        return outcome, f"The {env} is not cut over yet; hypercare counts from then."
    last = hypercare_ends(at, migration.mapping.source.operations.hypercare_days)
    left = "is over" if migration.clock().date() > last else f"goes on until {last:%A, %d %B %Y}"
    return outcome, f"Cut over on {at:%d %B %Y}; hypercare {left}."


def _check_frozen(migration: Migration, frozen_at: datetime) -> list[CheckResult]:
    """Whether nothing in the last export is newer than the freeze, and whether it was exported after it."""
    store, specs = migration.store, migration.catalogue.cutover_checks()
    newer = _changes_after(store, migration.mapping.source, frozen_at)
    exported_at = store.value("SELECT max(exported_at) FROM ops.reading")
    first = newer[0] if newer else {}
    results = [
        CheckResult(
            specs["source_is_frozen"], not newer,
            f"nothing in the export is newer than {frozen_at:%Y-%m-%d %H:%M} UTC" if not newer
            else f"{len(newer)} rows were changed after {frozen_at:%Y-%m-%d %H:%M} UTC, the newest is {first['object']} '{first['key']}' of "
            f"{first['changed_at']:%Y-%m-%d %H:%M} UTC. Stop work in the source, export again, and name the new time of the freeze",
            tuple(newer),
        ),
        CheckResult(
            specs["exported_after_freeze"], exported_at is not None and exported_at >= frozen_at,
            f"the export was made {'after' if exported_at is not None and exported_at >= frozen_at else 'before'} the freeze "
            f"({exported_at:%Y-%m-%d %H:%M} UTC)" if exported_at is not None else "it is not known when the export was made",
        ),
    ]  # fmt: skip
    records.keep_checks(store, PRODUCTION, migration.run_id, results)
    return results


def _changes_after(store: StagingStore, spec: SourceSpec, frozen_at: datetime) -> list[dict[str, object]]:
    """Rows changed or deleted after a time, newest first."""
    found: list[dict[str, object]] = []
    for name, object_spec in spec.objects.items():
        if object_spec.newest_by is None:
            continue
        key, changed = quote(object_spec.key), quote(object_spec.newest_by)
        for table in (f"typed.{name}", f"typed.{name}__rejected"):
            if store.has_table(table):
                found += store.frame(
                    f"""SELECT ? AS object, {key}::VARCHAR AS key, {changed}::TIMESTAMP AS changed_at, _file AS file, _row AS "row"
                        FROM {quote(table)} WHERE {changed}::TIMESTAMP > ?""",
                    [name, frozen_at],
                ).to_dicts()
    found += store.frame(
        """SELECT coalesce(object, object_text) AS object, key, deleted_at AS changed_at, file, "row" FROM ops.deleted_row WHERE deleted_at > ?""",
        [frozen_at],
    ).to_dicts()
    return sorted(found, key=lambda row: str(row["changed_at"]), reverse=True)
