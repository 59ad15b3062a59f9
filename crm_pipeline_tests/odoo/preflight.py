"""What the tests of preflight share: an export staged once, examined against any destination."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from crm_pipeline.migration.migration import Migration
from crm_pipeline.odoo.destination import QUIET, Destination
from crm_pipeline.odoo.embedded import EmbeddedOdoo
from crm_pipeline.odoo.preflight import Examination, examine
from crm_pipeline.settings import Settings
from crm_pipeline.specs import Mapping
from crm_pipeline_tests.small_documents import document_export
from crm_pipeline_tests.small_export import TYPICAL_DECISIONS, SmallExport, decide_owners


class Staged:
    """An export with files, documents and custom fields, staged; ``examine`` may be called as often as one likes."""

    def __init__(self, root: Path) -> None:
        export_with_custom_fields().write(root)
        decide_owners(root, TYPICAL_DECISIONS)
        self.migration = Migration(Settings.load(root, {"ODOO_SANDBOX_VERSION": "18.0"}), "leadforce")
        self.migration.read(self.migration.newest_drop())
        self.migration.stage()

    @property
    def store(self) -> Any:
        return self.migration.store

    def examine(self, destination: Destination, mapping: Mapping | None = None) -> Examination:
        return examine(self.store, mapping or self.migration.mapping, destination, "sandbox")

    @contextmanager
    def changed(self, sql: str) -> Iterator[None]:
        """The staged rows with a change, taken back afterwards."""
        self.store.execute("BEGIN")
        try:
            self.store.execute(sql)
            yield
        finally:
            self.store.execute("ROLLBACK")


def export_with_custom_fields() -> SmallExport:
    """The documents' export with one custom field of each kind that can clash."""
    export = document_export()
    export.custom_fields = [
        {"Field ID": "C1", "Object": "Lead", "Label": "Region", "Export Column": "CF: Region", "Type": "Select", "Options": "North|South"},
        {"Field ID": "C2", "Object": "Lead", "Label": "Topics", "Export Column": "CF: Topics", "Type": "Multiselect", "Options": "A|B"},
    ]
    for row in export.leads:
        row |= {"CF: Region": "North", "CF: Topics": "A|B"}
    return export


def open_embedded(path: Path, version: str) -> EmbeddedOdoo:
    return EmbeddedOdoo(path, version, now=lambda: datetime.now(UTC))


def found(examination: Examination, check: str) -> dict[str, str]:
    """Where → what is wrong, of one check."""
    return {finding.where: finding.problem for finding in examination.verdicts[check].findings}


def stopping(examination: Examination, stops: set[str]) -> set[str]:
    """The checks that would stop the load."""
    return {name for name, verdict in examination.verdicts.items() if name in stops and not verdict.passed}


def new(destination: Destination, model: str, **vals: Any) -> int:
    (key,) = destination.create(model, [vals], context=QUIET)
    return key


def model_id(destination: Destination, model: str) -> int:
    (record,) = destination.search_read("ir.model", [("model", "=", model)], ["model"])
    return int(record["id"])
