"""Read all objects of a drop and judge them: the checks of the export."""

from __future__ import annotations

from typing import Any

import polars as pl

from crm_pipeline.exports import Drop, ExportAudit
from crm_pipeline.exports.audit import audit_object
from crm_pipeline.exports.object_files import read_files
from crm_pipeline.migration.inputs import reading_of
from crm_pipeline.specs import Mapping, SourceSpec, TargetSpec
from crm_pipeline.staging.custom_fields import CustomFieldReader
from crm_pipeline.staging.decision_outcomes import conclude_decisions
from crm_pipeline.staging.decisions import decided, forget_decided
from crm_pipeline.staging.deletions import mark_deletions
from crm_pipeline.staging.entries import read_entries
from crm_pipeline.staging.files import attach_files
from crm_pipeline.staging.kept import KeptObjects, digest_of
from crm_pipeline.staging.references import check_references
from crm_pipeline.staging.restaging import note_inputs
from crm_pipeline.staging.rules import apply_rules
from crm_pipeline.staging.schemas import validate_typed
from crm_pipeline.staging.staged import StagedCounts
from crm_pipeline.staging.staged_schemas import validate_staged
from crm_pipeline.staging.store import StagingStore, literal
from crm_pipeline.staging.texts import attach_texts
from crm_pipeline.staging.typed import type_object
from crm_pipeline.verification.checks import SHOWN_ROWS, CheckResult, CheckSpec


def read_objects(store: StagingStore, mapping: Mapping, drop: Drop, *, again: bool = False) -> tuple[dict[str, ExportAudit], Mapping]:
    """Read and type every object of a drop, then check the references between them and the rules over whole objects.

    An object that is made of the same as last time is taken as it was read then, unless ``again`` asks for all.

    Returns what was delivered for each object, and the mapping in force: the confirmed one with the export's custom fields.
    """
    custom, kept = CustomFieldReader(store, mapping), KeptObjects(store)
    if again:
        kept.forget_all()
    audits = {}
    forget_decided(store)
    for name in custom.order():
        audits[name] = _read_object(store, mapping, drop, name, custom, kept)
        if name == custom.inventory:
            custom.take_inventory()
    mapping = custom.conclude()
    mark_deletions(store, mapping.source, drop)
    check_references(store, mapping.source)
    if apply_rules(store, mapping.source):
        check_references(store, mapping.source)
    conclude_decisions(store, mapping)
    return audits, mapping


def _read_object(store: StagingStore, mapping: Mapping, drop: Drop, name: str, custom: CustomFieldReader, kept: KeptObjects) -> ExportAudit:
    inputs = reading_of(drop, mapping, name)
    known = kept.find(name, inputs)
    if known is not None:
        spec, audit = custom.source(name, audit_object(mapping.source, name, drop, known.files))
        if known.spec == digest_of(spec.objects[name]):
            kept.restore(known)
            return audit
    kept.forget(name)
    is_list = mapping.source.objects[name].listed_in is not None
    files = read_entries(store, mapping.source, name) if is_list else read_files(store, mapping.source, name, drop)
    spec, audit = custom.source(name, audit_object(mapping.source, name, drop, files))
    custom.add_columns(spec, name)
    with decided(store, spec, name):
        type_object(store, spec, name, audit)
    attach_texts(store, spec, name, drop)
    attach_files(store, spec, name, drop)
    kept.keep(name, inputs, spec.objects[name], files)
    return audit


def check_object(
    store: StagingStore, spec: SourceSpec, checks: dict[str, CheckSpec], audit: ExportAudit, typed_digest: str
) -> list[CheckResult]:
    """The checks of one source object after all objects were read; ``typed_digest`` is of its typed table."""
    name = audit.object
    files = ", ".join(f"{file.name} ({file.rows} rows, {file.encoding})" for file in audit.files) or "no file"
    problems = tuple({"code": p.code, "file": p.file, "problem": p.message} for p in audit.problems)
    failures = _typed_failures(store, spec, name, typed_digest)
    odd = tuple(
        {"code": p.code, "file": p.file, "warning": p.message}
        for p in audit.warnings if p.code != "unmapped_column" and (audit.files or p.code != "no_manifest")
    )  # fmt: skip
    unmapped = tuple({"column": label} for label in (*audit.unknown_columns, *audit.custom_columns))
    quarantine = f"SELECT file, \"row\", key, reason, detail FROM ops.fate WHERE object = {literal(name)} AND fate = 'quarantined'"
    warnings = f'SELECT file, "row", "column", value, reason, message FROM ops.issue WHERE object = {literal(name)} AND severity = \'warning\''
    return [
        CheckResult(
            checks["export_is_complete"], not problems, files if not problems else str(problems[0]["problem"]), problems
        ),
        CheckResult(
            checks["typed_schema_holds"], failures.is_empty(),
            f"{failures.height} violations" if failures.height else "no violation", tuple(failures.head(SHOWN_ROWS).to_dicts()),
        ),
        CheckResult(
            checks["export_is_proven"], not odd, "; ".join(str(w["warning"]) for w in odd) or "the manifest agrees", odd
        ),
        CheckResult(
            checks["columns_are_mapped"], not unmapped,
            f"kept as text, not migrated: {', '.join(c['column'] for c in unmapped)}" if unmapped else "all columns are known",
            unmapped,
        ),
        _listed(store, checks["rows_are_accepted"], quarantine, "in quarantine"),
        _listed(store, checks["values_are_readable"], warnings, "values to look at", accepted=f"object = {literal(name)}"),
    ]  # fmt: skip


def _typed_failures(store: StagingStore, spec: SourceSpec, name: str, typed_digest: str) -> pl.DataFrame:
    """What in a typed table is not as its schema says; a table that was found good is not looked at again while it is the same."""
    known = f"{digest_of(spec.objects[name])} {typed_digest}"
    if store.value("SELECT digest FROM ops.valid_table WHERE name = ?", [name]) == known:
        return pl.DataFrame()
    failures = validate_typed(store, spec, name)
    store.execute("DELETE FROM ops.valid_table WHERE name = ?", [name])
    if failures.is_empty():
        store.execute("INSERT INTO ops.valid_table VALUES (?, ?)", [name, known])
    return failures


def check_staged(store: StagingStore, target: TargetSpec, checks: dict[str, CheckSpec], counts: StagedCounts) -> list[CheckResult]:
    """The checks of one target-shaped table; one that was taken again was found good when it was made."""
    failures = pl.DataFrame()
    if counts.is_new:
        failures = validate_staged(store, target)
        note_inputs(store, target.table, counts.made_of if failures.is_empty() else None)
    stated = [(b.accounts_for, w.reason) for b in target.sources for w in b.warn]
    where = " OR ".join(f"(object = {literal(name)} AND reason = {literal(reason)})" for name, reason in stated) or "FALSE"
    warnings = f'SELECT file, "row", key, "column", value, reason, message FROM ops.issue WHERE {where}'
    return [
        CheckResult(
            checks["staged_schema_holds"], failures.is_empty(),
            f"{counts.rows} records staged" if failures.is_empty() else f"{failures.height} violations",
            tuple(failures.head(SHOWN_ROWS).to_dicts()),
        ),
        _listed(store, checks["rows_without_warning"], warnings, "rows to look at", accepted=where),
    ]  # fmt: skip


def _listed(store: StagingStore, spec: CheckSpec, query: str, what: str, accepted: str = "FALSE") -> CheckResult:
    """A check that is green when a query gives nothing; says how many warnings of ``accepted`` were accepted."""
    fine, count = store.counts([f"FROM ops.decided WHERE decision = 'accept' AND ({accepted})", query])
    rows: tuple[dict[str, Any], ...] = tuple(store.frame(f"{query} LIMIT {SHOWN_ROWS}").to_dicts()) if count else ()
    return CheckResult(spec, count == 0, f"{what}: {count}{f'; accepted by decision: {fine}' if fine else ''}", rows, query)
