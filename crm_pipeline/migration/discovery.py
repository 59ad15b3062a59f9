"""Discovery: the newest export is read into a store of its own, audited, and written up as documents.

A store of its own, thrown away afterwards: what a running migration has staged is never touched, and an export can be
audited while another run works.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from crm_pipeline.discovery.automations import ACTIVE, AutomationSheet, UnknownMeaningError, translate
from crm_pipeline.discovery.effort import MeasuredRate
from crm_pipeline.discovery.findings import Finding
from crm_pipeline.discovery.scope import ReadExport, Scope, scope_of
from crm_pipeline.exports import Drop, ExportError
from crm_pipeline.exports.drops import list_drops, open_drop
from crm_pipeline.migration.errors import MigrationError
from crm_pipeline.migration.migration import Migration
from crm_pipeline.odoo.schemas import bundled_versions
from crm_pipeline.reports.automations import write_automations
from crm_pipeline.reports.facts import inventory_facts
from crm_pipeline.reports.scope import write_scope
from crm_pipeline.settings import Settings
from crm_pipeline.specs import SourceSpec, load_automations, load_discovery
from crm_pipeline.staging.places import Place
from crm_pipeline.staging.store import StagingStore, StoreInUseError, literal, quote
from crm_pipeline.verification.checks import SHOWN_ROWS, CheckResult, CheckSpec

#: Folder of the documents among a source's reports.
FOLDER = "discovery"
#: Loads of fewer records, or within so short a time, say nothing about a rate.
_LEAST_RECORDS, _LEAST_SECONDS = 100, 0.5


@dataclass(frozen=True)
class DiscoveryOutcome:
    """What was found, and the documents that say so: path of each by its kind."""

    scope: Scope
    documents: dict[str, Path]
    check: CheckResult

    @property
    def ok(self) -> bool:
        """Whether nothing blocks the migration."""
        return not self.scope.blocking


def check_of(source: str) -> CheckSpec:
    """What discovery proves of an export."""
    return CheckSpec(f"{source}/discovery", "export_can_be_migrated", "Nothing in the export must be mended before the migration can begin.", blocking=False)


def discover(
    settings: Settings, source: str, *, drop_name: str | None = None,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC).replace(tzinfo=None),
) -> DiscoveryOutcome:  # fmt: skip
    """Audit an export and write the scope document and the automation inventory.

    The documents are written however broken the export is.

    Args:
        settings: data root, specs and environments.
        source: name of the source CRM.
        drop_name: an export drop; the newest full one when not given.
        clock: current time, UTC.

    Raises:
        MigrationError: there is no such export.
    """
    measured, last_version = _earlier_loads(settings, source)
    version, note = _odoo_version(settings, source, last_version)
    staging = settings.data.store(source).parent
    staging.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(dir=staging, prefix=f"{source}-discovery-") as scratch,
        Migration(settings, source, clock=clock, store_path=Path(scratch) / "audit.duckdb") as migration,
    ):
        export = _read(migration, *_open(settings, migration.confirmed.source, drop_name))
        sheets = _automations(settings, export, version)
        spec = load_discovery(settings.specs_root / source)
        scope = scope_of(export, spec, version, note, measured, sheets)
        lists = inventory_facts(export.store, export.mapping)
    folder = settings.data.reports(source, FOLDER)
    documents = write_scope(scope, lists, folder, clock()) | write_automations(scope, folder, clock())
    return DiscoveryOutcome(scope, documents, _check(scope))


def _check(scope: Scope) -> CheckResult:
    rows = tuple({"about": f.about, "code": f.code, "file": f.file, "problem": f.message} for f in scope.blocking[:SHOWN_ROWS])
    message = f"{len(scope.blocking)} problems block the migration" if rows else "nothing blocks the migration"
    return CheckResult(check_of(scope.source), not rows, message, rows)


def as_result(outcome: DiscoveryOutcome, data_root: Path) -> dict[str, Any]:
    """The outcome as plain data, for the result file; paths are told from the data root."""
    return {
        "source": outcome.scope.source, "drop": outcome.scope.drop, "ok": outcome.ok,
        "documents": {kind: str(path.relative_to(data_root)) for kind, path in outcome.documents.items()},
        "compatibility": {"direct": outcome.scope.compatibility.direct, "objects": len(outcome.scope.compatibility.objects)},
        "grade": outcome.scope.effort.grade, "scope": asdict(outcome.scope),
    }  # fmt: skip


def _open(settings: Settings, spec: SourceSpec, name: str | None) -> tuple[Drop, tuple[Finding, ...]]:
    """The drop, without its manifest where that can't be used, and what makes it unusable."""
    folder = settings.data.exports(spec.source)
    names = list_drops(folder)
    if name is not None and name not in names:
        raise MigrationError(f"no drop '{name}' in {folder}; there are: {', '.join(names) or 'none'}")
    for candidate in [name] if name else reversed(names):
        unusable: tuple[Finding, ...] = ()
        try:
            drop = open_drop(spec, folder / str(candidate))
        except ExportError as error:
            message = f"The list of record counts can't be used, so no count was compared and files may be cut unnoticed. {error}"
            unusable = (Finding(is_blocking=True, about="Export", code="manifest_unusable", message=message),)
            drop = open_drop(spec.model_copy(update={"manifest": None}), folder / str(candidate))
        if name is not None or not drop.is_delta:
            return drop, unusable
    raise MigrationError(f"no export found: put the files of one full export into {folder}/<drop name>/")


def _read(migration: Migration, drop: Drop, unusable: tuple[Finding, ...]) -> ReadExport:
    try:
        migration.read(drop, again=True)
    except ExportError as error:
        unusable = (*unusable, Finding(is_blocking=True, about="Export", code="unreadable_export", message=str(error)))
    exported_at = migration.store.value("SELECT max(exported_at) FROM ops.reading")
    return ReadExport(migration.store, migration.mapping, drop, migration.audits, exported_at, unusable)


def _automations(settings: Settings, export: ReadExport, version: str) -> list[AutomationSheet]:
    """Sheets of the listed automations; none where the source has no ``automations.yaml`` or the list was not read."""
    store, mapping = export.store, export.mapping
    spec = load_automations(settings.specs_root / mapping.name, mapping)
    if spec is None or spec.object not in export.audits:
        return []
    columns = list(mapping.source.objects[spec.object].columns)
    texts = ", ".join(f"coalesce(trim({quote(column)}), '') AS {quote(column)}" for column in columns)
    active = spec.columns.get("active")
    said = f"_bool(trim({quote(active)}))::VARCHAR" if active else "NULL"
    listed = store.frame(f"SELECT {texts}, {said} AS {quote(ACTIVE)} FROM {quote(f'raw.{spec.object}')} ORDER BY _row_id").to_dicts()

    def counted(name: str, column: str, value: str) -> int:
        cell = quote(column)
        return int(store.value(f"SELECT count(*) FROM {quote(f'raw.{name}')} WHERE _fold({cell}) = _fold(?)", [value]))

    try:
        return translate(spec, mapping, version, listed, counted)
    except UnknownMeaningError as error:
        raise MigrationError(str(error)) from error


def _odoo_version(settings: Settings, source: str, last: str | None) -> tuple[str, str]:
    """The Odoo version automations are described for, and where it is known from."""
    environment = settings.environment("sandbox", source)
    if environment.is_embedded:
        return str(environment.version), "the version the sandbox is set to"
    if last is not None:
        return last, "the version of the server that was loaded last"
    newest = max(bundled_versions(), key=float)
    return newest, "the newest version known; the destination was not asked yet"


def _earlier_loads(settings: Settings, source: str) -> tuple[list[MeasuredRate], str | None]:
    """Rates of earlier loads into real servers, and the version of the newest of these servers."""
    with _opened(settings.store(source)) as store:
        if store is None:
            return [], None
        rows = store.rows(
            f"""SELECT count.model, (coalesce(created, 0) + coalesce(updated, 0)) / seconds, run.odoo_version, run.started_at
                FROM ops.load_count AS count JOIN (SELECT env, max_by(odoo_version, started_at) AS odoo_version,
                     max_by(odoo_kind, started_at) AS odoo_kind, max(started_at) AS started_at FROM ops.run GROUP BY env) AS run USING (env)
                WHERE odoo_kind <> {literal("embedded")} AND seconds >= {_LEAST_SECONDS}
                AND coalesce(created, 0) + coalesce(updated, 0) >= {_LEAST_RECORDS} ORDER BY run.started_at DESC"""
        )
        version = store.value("SELECT odoo_version FROM ops.run WHERE odoo_kind <> 'embedded' ORDER BY started_at DESC LIMIT 1")
    return [MeasuredRate(model, rate, f"measured on {at:%Y-%m-%d}, Odoo {odoo}") for model, rate, odoo, at in rows], version


@contextmanager
def _opened(place: Place) -> Iterator[StagingStore | None]:
    """The migration's own store, if there is one and no other process has it open."""
    try:
        store = StagingStore(place) if place.exists() else None
    except StoreInUseError:
        store = None
    try:
        yield store
    finally:
        if store is not None:
            store.close()
