"""The facts of a migration's scope: what one export holds, what becomes of it, and what stands in the way."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from crm_pipeline.discovery import contents
from crm_pipeline.discovery.alike import AlikePair, alike_names
from crm_pipeline.discovery.automations import AutomationSheet
from crm_pipeline.discovery.compatibility import Compatibility, ObjectMapping, compatibility
from crm_pipeline.discovery.effort import Effort, MeasuredRate, estimate
from crm_pipeline.discovery.findings import Finding, cut_files, data_findings, export_findings
from crm_pipeline.discovery.profile import ObjectProfile, profile_object
from crm_pipeline.discovery.usage import ColumnUsage
from crm_pipeline.exports import Drop, ExportAudit
from crm_pipeline.exports.audit import FileAudit
from crm_pipeline.exports.drops import DropFile
from crm_pipeline.specs import Mapping, ObjectSpec
from crm_pipeline.specs.discovery import DiscoverySpec
from crm_pipeline.staging.store import StagingStore, quote

#: 'listed': its rows stand in no file of their own, so nothing counts them.
CountState = Literal["agrees", "differs", "not stated", "no file", "unreadable", "listed"]

#: Derived tables that hold about as many records as the object they are made of; others hold its different values.
_AS_MANY = frozenset({"companies_by_domain", "people_by_email"})


@dataclass(frozen=True)
class FileFact:
    """One delivered file of an object; ``delimiter`` is a workbook's sheet."""

    name: str
    encoding: str
    delimiter: str
    rows: int
    bytes: int


@dataclass(frozen=True)
class ObjectScope:
    """One source object in the export.

    Attributes:
        in_crm: records its manifest says the CRM has; ``None`` where it is silent.
        in_manifest: rows its manifest says the files have.
        row_cap: rows one export of it can have; ``None`` where nobody says.
        full_files: files with exactly as many rows as that.
        first, last: range of its times, as ISO dates.
        not_carried: headings in the files that go into no field of Odoo.
    """

    name: str
    label: str
    file_name: str
    is_required: bool
    files: tuple[FileFact, ...]
    rows: int
    in_crm: int | None
    in_manifest: int | None
    count_state: CountState
    row_cap: int | None
    full_files: tuple[str, ...]
    first: str | None
    last: str | None
    mapping: ObjectMapping
    profile: ObjectProfile
    not_carried: tuple[str, ...]


@dataclass(frozen=True)
class Limit:
    """A limit of the account, what it is compared with, and whether that is within it."""

    name: str
    says: str
    is_kept: bool


@dataclass(frozen=True)
class Scope:
    """Everything the scope document says; see the fields' types."""

    source: str
    label: str
    description: str
    drop: str
    fingerprint: str
    manifest: str | None
    exported_at: datetime | None
    time_zone: str
    date_order: str
    odoo_version: str
    odoo_note: str
    objects: tuple[ObjectScope, ...]
    findings: tuple[Finding, ...]
    limits: tuple[Limit, ...]
    compatibility: Compatibility
    effort: Effort
    owners: tuple[contents.OwnerFact, ...]
    references: tuple[contents.LostReference, ...]
    files: tuple[contents.FilesFact, ...]
    custom_fields: tuple[contents.CustomFieldFact, ...]
    refused_fields: tuple[str, ...]
    set_aside: tuple[contents.SetAside, ...]
    alike: tuple[AlikePair, ...]
    automations: tuple[AutomationSheet, ...]

    @property
    def rows(self) -> int:
        """Rows of all objects."""
        return sum(each.rows for each in self.objects)

    @property
    def rows_set_aside(self) -> int:
        """Rows that would make no record as the export is now, or wait."""
        return sum(each.rows for each in self.set_aside)

    @property
    def blocking(self) -> tuple[Finding, ...]:
        """What must be mended before the migration can begin."""
        return tuple(each for each in self.findings if each.is_blocking)

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """What somebody should look at."""
        return tuple(each for each in self.findings if not each.is_blocking)


@dataclass(frozen=True)
class ReadExport:
    """An export that was read into a store."""

    store: StagingStore
    mapping: Mapping
    drop: Drop
    audits: dict[str, ExportAudit]
    exported_at: datetime | None
    unusable: tuple[Finding, ...] = ()


def scope_of(
    export: ReadExport, spec: DiscoverySpec, odoo_version: str, odoo_note: str, measured: list[MeasuredRate],
    automations: list[AutomationSheet],
) -> Scope:  # fmt: skip
    """Collect the facts.

    Args:
        export: what was read.
        spec: the source's ``discovery.yaml``.
        odoo_version: the version automations are described for, and where that is known from in ``odoo_note``.
        measured: rates of earlier loads.
        automations: the sheets of the CRM's automations.
    """
    store, mapping, drop = export.store, export.mapping, export.drop
    table, usage = compatibility(mapping), ColumnUsage(mapping)
    mapped = {each.object: each for each in table.objects}
    objects = tuple(
        _object(export, name, each, mapped[name], usage) for name, each in mapping.source.objects.items() if name in export.audits
    )
    profiles = {each.name: each.profile for each in objects}
    fields = tuple(contents.custom_fields_found(store, profiles)) if objects else ()
    columns = sum(sum(c.state != "missing" for c in each.profile.columns) for each in objects if each.files)
    unmapped = sum(len(each.not_carried) for each in objects if each.mapping.relation != "documented")
    rows = sum(each.rows for each in objects)
    effort = estimate(table, spec.access, spec.access_note, rows, unmapped, columns, _staged(store, mapping), measured)
    source = mapping.source
    return Scope(
        source=mapping.name, label=source.label, description=source.description, drop=drop.name, fingerprint=drop.fingerprint,
        manifest=drop.manifest.file if drop.manifest else None, exported_at=export.exported_at, time_zone=drop.time_zone,
        date_order=drop.date_order, odoo_version=odoo_version, odoo_note=odoo_note, objects=objects,
        findings=(*_export_findings(export), *cut_files(store, mapping, {each.name for each in objects if each.count_state == "agrees"}), *data_findings(profiles, mapping, export.exported_at)),
        limits=tuple(_limits(drop, mapping)), compatibility=table, effort=effort,
        owners=tuple(contents.owners_named(store, mapping)) if objects else (),
        references=tuple(contents.lost_references(store, mapping, usage)), files=tuple(contents.files_named(store, mapping)) if objects else (),
        custom_fields=fields, refused_fields=tuple(contents.refused_fields(store, mapping)),
        set_aside=tuple(contents.rows_set_aside(store, mapping)), alike=tuple(alike_names(store, spec.names)),
        automations=tuple(automations),
    )  # fmt: skip


def _export_findings(export: ReadExport) -> list[Finding]:
    """Findings about the files; a list of counts that can't be used is there, if of no use."""
    found = export_findings(export.mapping, export.drop, export.audits)
    if export.unusable:
        spec = export.mapping.source.manifest
        own = spec.file.casefold() if spec is not None else ""
        found = [each for each in found if each.code != "no_manifest" and not (own and each.file.casefold().startswith(f"{own}."))]
    return [*export.unusable, *found]


def _object(export: ReadExport, name: str, spec: ObjectSpec, mapped: ObjectMapping, usage: ColumnUsage) -> ObjectScope:
    audit, drop = export.audits[name], export.drop
    sizes = {file.name: file for file in drop.files.get(name, ())}
    files = tuple(_file(each, sizes) for each in audit.files)
    stated = drop.manifest.rows_of(name) if drop.manifest is not None else ()
    in_crm = next((row.records_in_ui for row in stated if row.records_in_ui is not None), None)
    given = [row.rows_in_file for row in stated if row.rows_in_file is not None]
    cap = next((row.row_cap for row in stated if row.row_cap is not None), export.mapping.source.row_cap if spec.sheet is None else None)
    profile = profile_object(export.store, spec, audit)
    times = [c for c in profile.dates if c.type == "dt"] or list(profile.dates)
    unused = {spec.columns[c].heading for c in usage.unused(name)}
    in_files = [c.heading for c in profile.columns if c.state != "missing" and (c.state == "unknown" or c.heading in unused)]
    return ObjectScope(
        name, spec.label, spec.file_name, spec.required, files, audit.rows, in_crm, sum(given) if given else None,
        "listed" if spec.listed_in else _count_state(audit, in_crm, sum(given) if given else None, has_file=bool(sizes)), cap,
        tuple(file.name for file in files if cap and file.rows == cap), min((c.first for c in times if c.first), default=None),
        max((c.last for c in times if c.last), default=None), mapped, profile, tuple(in_files) if files else (),
    )  # fmt: skip


def _file(audit: FileAudit, sizes: dict[str, DropFile]) -> FileFact:
    size = sizes[audit.name].size if audit.name in sizes else 0
    return FileFact(audit.name, audit.encoding, audit.delimiter, audit.rows, size)


def _count_state(audit: ExportAudit, in_crm: int | None, in_manifest: int | None, *, has_file: bool) -> CountState:
    if not has_file:
        return "no file"
    if not audit.files:
        return "unreadable"
    stated = [each for each in (in_crm, in_manifest) if each is not None]
    if not stated:
        return "not stated"
    return "agrees" if all(each == audit.rows for each in stated) else "differs"


def _limits(drop: Drop, mapping: Mapping) -> list[Limit]:
    """The account's limits, as far as the export's list states them."""
    if drop.manifest is None:
        return []
    rows = drop.manifest.rows
    found = [Limit("Tier", tier, is_kept=True) for tier in dict.fromkeys(row.tier for row in rows if row.tier)]
    for limit in dict.fromkeys(row.tier_limit for row in rows if row.tier_limit is not None):
        named = [(row, mapping.source.objects[row.object].label if row.object else row.object_text or row.file) for row in rows]
        counts = {name: row.records_in_ui or row.rows_in_file or 0 for row, name in named if row.tier_limit == limit}
        above = [f"{name} ({count:,})" for name, count in counts.items() if count > limit]
        says = f"{limit:,} records; above it: {', '.join(above)}" if above else f"{limit:,} records; none of the {len(counts)} listed objects is above"
        found.append(Limit("Record limit of the tier", says, is_kept=not above))
    storage = {(row.storage_used, row.storage_limit) for row in rows if row.storage_used is not None and row.storage_limit is not None}
    for used, allowed in sorted(storage, key=str):
        if used is not None and allowed is not None:
            found.append(Limit("Storage", f"{used:,} of {allowed:,} MB used", is_kept=used <= allowed))
    return found


def _staged(store: StagingStore, mapping: Mapping) -> list[tuple[str, str, int]]:
    """Model, title and records that are loaded into it at most: accepted rows of what its blocks take."""
    accepted = {
        name: int(store.value(f"SELECT count(*) FROM {quote(f'typed.{name}')}")) if store.has_table(f"typed.{name}") else 0
        for name in mapping.source.objects
    }
    found = []
    for target in mapping.targets:
        records = 0
        for block in target.sources:
            derived = mapping.source.derived.get(block.object or "")
            if block.one_per:
                continue
            if block.object in accepted and block.accounts_for in (None, block.object):
                records += accepted[str(block.object)]
            elif derived is not None and derived.policy in _AS_MANY:
                records += accepted.get(str(derived.options.get("object")), 0)
        found.append((target.model, target.title, records))
    return found
