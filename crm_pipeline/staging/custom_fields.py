"""Custom fields of an export: the inventory is read, its columns are added to the raw tables, the definitions are kept.

``derived.custom_field_definitions``: one row for each field (``_row_id`` of the inventory, ``position``, ``object``,
``column``, ``heading``, ``label``, ``kind``, ``model``, ``name``, ``ttype``, ``help``, ``options``), which later steps and
other processes read back. ``derived.custom_field_options``: one row for each option of a choice.
"""

from __future__ import annotations

import unicodedata
from dataclasses import replace
from typing import Any, cast

import polars as pl

from crm_pipeline.exports import ExportAudit
from crm_pipeline.specs import ColumnSpec, Mapping, SourceSpec
from crm_pipeline.specs.custom_fields import (
    DEFINITIONS,
    OPTIONS,
    CustomField,
    Finding,
    InventoryRow,
    define,
    extend,
    extend_source,
)
from crm_pipeline.specs.source import CustomFieldsSpec, CustomKind, folded
from crm_pipeline.staging.aside import set_aside
from crm_pipeline.staging.store import StagingStore, literal, quote
from crm_pipeline.staging.typed import CURRENCY

_DEFINITION: dict[str, Any] = {
    "_row_id": pl.Int64, "position": pl.Int64, "object": pl.String, "column": pl.String, "heading": pl.String,
    "label": pl.String, "kind": pl.String, "model": pl.String, "name": pl.String, "ttype": pl.String, "help": pl.String,
    "options": pl.List(pl.String),
}  # fmt: skip
_OPTION: dict[str, Any] = {
    "_row_id": pl.Int64, "model": pl.String, "field": pl.String, "ttype": pl.String, "option": pl.String, "position": pl.Int64,
}  # fmt: skip


class CustomFieldReader:
    """Finds an export's custom fields while its objects are read, the inventory first.

    Args:
        store: the staging store.
        mapping: the confirmed mapping.
    """

    def __init__(self, store: StagingStore, mapping: Mapping) -> None:
        self._store, self._mapping, self._spec = store, mapping, mapping.source.custom_fields
        self._inventory: list[InventoryRow] = []

    @property
    def inventory(self) -> str | None:
        """The source object that lists the fields."""
        return self._spec.inventory if self._spec is not None else None

    def order(self) -> list[str]:
        """The source objects in the order they must be read in."""
        names = list(self._mapping.source.objects)
        return sorted(names, key=lambda name: name != self.inventory)

    def source(self, name: str, audit: ExportAudit) -> tuple[SourceSpec, ExportAudit]:
        """The source spec an object is typed with, and its audit without the columns that are custom fields."""
        source = self._mapping.source
        if self._spec is None or name not in self._spec.objects.values():
            return source, audit
        labels = self._labels(name)
        listed = [self._in_export(row, labels) for row in self._inventory]
        unlisted = [
            InventoryRow(None, self._word(name), self._plain(name, label), label, "")
            for label in audit.custom_columns
            if all(_object(self._spec, row) != name or row.heading != label for row in listed)
        ]  # fmt: skip
        self._inventory = [*(self._with_seen_options(row, name) for row in listed), *unlisted]
        source = extend_source(source, self._defined()[0])
        mapped = {spec.heading for spec in self._added(source, name).values()}
        return source, replace(
            audit,
            unknown_columns=tuple(label for label in audit.unknown_columns if label not in mapped),
            custom_columns=tuple(label for label in audit.custom_columns if label not in mapped),
        )

    def add_columns(self, source: SourceSpec, name: str) -> None:
        """Add the custom columns of an object, of the spec it is typed with, to ``raw.<object>``."""
        columns = [f"_extra[{literal(spec.heading)}] AS {quote(column)}" for column, spec in self._added(source, name).items()]
        if columns:
            table = quote(f"raw.{name}")
            self._store.execute(f"CREATE OR REPLACE TABLE {table} AS SELECT * EXCLUDE (_extra), {', '.join(columns)}, _extra FROM {table}")

    def _added(self, source: SourceSpec, name: str) -> dict[str, ColumnSpec]:
        contract = self._mapping.source.objects[name].columns
        return {column: spec for column, spec in source.objects[name].columns.items() if column not in contract}

    def take_inventory(self) -> None:
        """Read the typed inventory."""
        spec = self._spec
        if spec is None:
            return
        columns = [spec.object, spec.label, spec.heading or spec.label, spec.type, spec.options]
        select = ", ".join(f"coalesce({quote(column)}::VARCHAR, '')" for column in columns)
        help_ = f"coalesce({quote(spec.help)}::VARCHAR, '')" if spec.help else "''"
        rows = self._store.rows(f"SELECT _row_id, {select}, {help_} FROM {quote(f'typed.{spec.inventory}')} ORDER BY _row_id")
        self._inventory = [
            InventoryRow(row_id, object_, label, heading or label, kind, _options(options, spec.separator), text)
            for row_id, object_, label, heading, kind, options, text in rows
        ]

    def conclude(self) -> Mapping:
        """Keep the definitions, report what is odd, and give the mapping in force."""
        fields, findings = self._defined()
        keep_definitions(self._store, fields)
        if self._spec is not None:
            _report(self._store, self._mapping.source, self._spec, findings)
            _report_currencies(self._store, self._mapping.source, fields)
        return extend(self._mapping, fields)

    def _defined(self) -> tuple[tuple[CustomField, ...], tuple[Finding, ...]]:
        return define(self._mapping, self._inventory)

    def _labels(self, name: str) -> dict[str, str]:
        """Headings beside those of the contract, by their folded text."""
        rows = self._store.rows(
            f"SELECT DISTINCT unnest(map_keys(arg_min(_extra, _row_id))) FROM {quote(f'raw.{name}')} GROUP BY _file ORDER BY 1"
        )
        return {folded(label): label for (label,) in rows}

    def _in_export(self, row: InventoryRow, labels: dict[str, str]) -> InventoryRow:
        """The row with its heading as the export spells it, with or without the object's prefix."""
        assert self._spec is not None  # noqa: S101 - the caller's condition
        name = _object(self._spec, row)
        prefix = (self._mapping.source.objects[name].custom_prefix if name else None) or ""
        found = labels.get(folded(row.heading)) or labels.get(folded(prefix + row.heading))
        return replace(row, heading=found) if found is not None and name is not None else row

    def _with_seen_options(self, row: InventoryRow, name: str) -> InventoryRow:
        """With the values of the export that are no option yet, where the spec adds them."""
        spec = self._spec
        if spec is None or spec.on_illegal != "add" or not row.options or _object(spec, row) != name:
            return row
        text = f"_trim(_extra[{literal(row.heading)}])"
        several = spec.kind(row.type) == "choices"
        values = f"unnest(_listed({text}))" if several else text
        whole = ", ".join(f"_fold({literal(option)})" for option in row.options)
        seen = self._store.rows(
            f"SELECT DISTINCT {values} AS value FROM {quote(f'raw.{name}')} WHERE _fold({text}) NOT IN ({whole}) ORDER BY 1"
        )
        return replace(row, options=_each_once([*row.options, *(value for (value,) in seen if value)]))

    def _word(self, name: str) -> str:
        """What the inventory calls an object."""
        assert self._spec is not None  # noqa: S101 - the caller's condition
        return next(word for word, other in self._spec.objects.items() if other == name)

    def _plain(self, name: str, label: str) -> str:
        prefix = self._mapping.source.objects[name].custom_prefix or ""
        return label[len(prefix) :].strip() if label.casefold().startswith(prefix.casefold()) else label


def keep_definitions(store: StagingStore, fields: tuple[CustomField, ...]) -> None:
    """Write ``derived.custom_field_definitions`` and ``derived.custom_field_options``."""
    rows = [
        [f.row_id, position, f.object, f.column, f.heading, f.label, f.kind, f.model, f.name, f.ttype, f.help, list(f.options)]
        for position, f in enumerate(fields, 1)
    ]
    options = [
        [number, f.model, f.name, f.ttype, option, position]
        for number, (f, position, option) in enumerate(((f, p, o) for f in fields for p, o in enumerate(f.options)), 1)
    ]
    for table, schema, data in ((DEFINITIONS, _DEFINITION, rows), (OPTIONS, _OPTION, options)):
        frame = pl.DataFrame(data, schema=schema, orient="row")
        store.connection.register("_kept", frame)
        store.execute(f"CREATE OR REPLACE TABLE {quote(f'derived.{table}')} AS SELECT * FROM _kept")
        store.connection.unregister("_kept")


def mapping_in_force(store: StagingStore, mapping: Mapping) -> Mapping:
    """The confirmed mapping with the custom fields of the export that was read last."""
    if mapping.source.custom_fields is None or not store.has_table(f"derived.{DEFINITIONS}"):
        return mapping
    rows = store.rows(
        f'SELECT _row_id, object, "column", heading, label, kind, model, name, ttype, options, help '
        f"FROM {quote(f'derived.{DEFINITIONS}')} ORDER BY position"
    )
    fields = tuple(
        CustomField(
            row_id, object_, column, heading, label, cast("CustomKind", kind), model, name, ttype, tuple(options), text
        )
        for row_id, object_, column, heading, label, kind, model, name, ttype, options, text in rows
        if object_ in mapping.source.objects
    )
    return extend(mapping, fields)


def _object(spec: CustomFieldsSpec, row: InventoryRow) -> str | None:
    return spec.object_of(row.object)


def _options(text: str, separator: str) -> tuple[str, ...]:
    """The options of a choice."""
    return _each_once([" ".join(option.split()) for option in text.split(separator) if option.strip()])


def _each_once(options: list[str]) -> tuple[str, ...]:
    """Options without those that differ in case and spacing only; the first spelling counts."""
    found: dict[str, str] = {}
    for option in options:
        found.setdefault(unicodedata.normalize("NFC", " ".join(option.split())).casefold(), option)
    return tuple(found.values())


def _report(store: StagingStore, source: SourceSpec, spec: CustomFieldsSpec, findings: tuple[Finding, ...]) -> None:
    """Issues of the inventory; its rows that give no field are set aside."""
    name = spec.inventory
    table, key = quote(f"typed.{name}"), quote(source.objects[name].key)
    for finding in findings:
        severity = "error" if finding.is_error else "warning"
        if finding.row_id is None:
            store.execute(
                "INSERT INTO ops.issue VALUES (?, NULL, NULL, NULL, NULL, NULL, NULL, ?, ?, ?)",
                [name, finding.reason, severity, finding.message],
            )
            continue
        among = f"{table} AS t WHERE t._row_id = {finding.row_id}"
        message = f"t._file || ', row ' || t._row || {literal(': ' + finding.message)}"
        store.execute(
            f"INSERT INTO ops.issue SELECT {literal(name)}, t._row_id, t.{key}::VARCHAR, t._file, t._row, NULL, NULL, "
            f"{literal(finding.reason)}, {literal(severity)}, {message} FROM {among}"
        )
        if finding.is_error:
            rows = f"SELECT t._row_id, 'quarantined', {literal(finding.reason)}, {message} FROM {among}"
            set_aside(store, name, source.objects[name].key, rows)


def _report_currencies(store: StagingStore, source: SourceSpec, fields: tuple[CustomField, ...]) -> None:
    """Warn of amounts in another currency than the account's: Odoo gets the number, and no currency beside it.

    Where the record has a currency column, that counts, and typing has compared them.
    """
    for field in fields:
        spec = source.objects[field.object]
        if field.kind != "money":
            continue
        stated, typed = quote(f"{field.column}__currency"), quote(f"typed.{field.object}")
        without_own = f"AND t.{quote(CURRENCY)} IS NULL" if CURRENCY in spec.columns else ""
        place = literal(f": column '{field.heading}' states ")
        advice = literal(
            f", and Odoo keeps the number only, which people will take for {source.account_currency}. Convert it in the CRM, or "
            "keep the currency in a custom field of its own."
        )
        store.execute(
            f"INSERT INTO ops.issue SELECT {literal(field.object)}, t._row_id, t.{quote(spec.key)}::VARCHAR, t._file, t._row, "
            f"{literal(field.column)}, t.{stated}, 'currency_not_kept', 'warning', "
            f"t._file || ', row ' || t._row || {place} || t.{stated} || {advice} "
            f"FROM {typed} AS t WHERE t.{stated} <> {literal(source.account_currency)} {without_own}"
        )
