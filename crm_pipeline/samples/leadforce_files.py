"""The files of a Leadforce sample, written chunk by chunk."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl

from crm_pipeline.samples.attachments import write_attachments
from crm_pipeline.samples.dirt import soil
from crm_pipeline.samples.leadforce import Tables
from crm_pipeline.samples.leadforce_dirt import CLEAN_DIALECTS, DIALECTS, DIRT, MALFORMED, UNKNOWN_COLUMNS
from crm_pipeline.samples.leadforce_documents import invoices, proposals
from crm_pipeline.samples.sink import CsvSink, Dialect
from crm_pipeline.samples.world import World

CHUNK = 50_000
#: Objects as the screen names them.
_LABELS = {
    "users": "Users",
    "pipeline_stages": "Pipeline Stages",
    "leads": "Leads",
    "deals": "Deals",
    "activities": "Activities",
    "notes": "Notes",
    "attachments": "Attachments",
    "proposals": "Proposals",
    "proposal_items": "Proposal Items",
    "invoices": "Invoices",
    "invoice_items": "Invoice Items",
    "custom_fields": "Custom Fields",
    "auto_triggers": "Auto Triggers",
}


def write_leadforce(out: Path, *, scale: int, seed: int, clean: bool) -> dict[str, int]:
    """Write all files of an export of ``scale`` leads; returns file stem → data rows."""
    out.mkdir(parents=True, exist_ok=True)
    tables = Tables(World(scale, seed), clean=clean)
    files = _Files(out, clean=clean)
    files.write_table("users", tables.users())
    files.write_table("pipeline_stages", tables.pipeline_stages())
    files.write_chunks("leads", tables.sizes["leads"], tables.leads)
    first = tables.sizes["deals"] if clean else round(tables.sizes["deals"] * 0.6)
    files.write_chunks("deals", first, tables.deals)
    if not clean:
        files.write_chunks("deals_part2", tables.sizes["deals"], tables.deals, start=first, dirt="deals")
    for name, make in (("activities", tables.activities), ("notes", tables.notes), ("attachments", tables.attachments)):
        files.write_chunks(name, tables.sizes[name], make)
    files.write_documents(
        "proposals", "proposal_items", tables.sizes["proposals"], lambda rows: proposals(tables, rows)
    )
    files.write_documents("invoices", "invoice_items", tables.sizes["invoices"], lambda rows: invoices(tables, rows))
    files.write_table("custom_fields", _custom_fields())
    files.write_table("auto_triggers", _auto_triggers())
    write_attachments(out, decomposed=not clean)
    if not clean:
        (out / "attachments" / "empty.txt").write_bytes(b"")
        (out / "attachments" / "not indexed.txt").write_bytes(b"No row of attachments.csv names this file.\n")
        (out / "README from admin.txt").write_text(
            "Exported on a Saturday. Deals came in two files.\n", encoding="utf-8"
        )
    files.write_manifest()
    return files.rows


class _Files:
    """Writes files in their dialects and remembers their rows."""

    def __init__(self, out: Path, *, clean: bool) -> None:
        self._out, self._clean = out, clean
        self.rows: dict[str, int] = {}

    def _open(self, name: str) -> CsvSink:
        dialects = CLEAN_DIALECTS if self._clean else DIALECTS
        return CsvSink(self._out / f"{name}.csv", dialects.get(name, Dialect()))

    def _close(self, name: str, sink: CsvSink) -> None:
        for line in () if self._clean else MALFORMED.get(name, ()):
            sink.write_raw(line)
        self.rows[name] = sink.rows

    def _soiled(self, name: str, frame: pl.DataFrame, rows: pl.Series) -> pl.DataFrame:
        if self._clean:
            return frame
        unknown = [pl.lit(text).alias(heading) for heading, text in UNKNOWN_COLUMNS.get(name, {}).items()]
        return soil(frame.with_columns(unknown), rows, DIRT.get(name, ()))

    def write_table(self, name: str, frame: pl.DataFrame) -> None:
        """A small table at once."""
        with self._open(name) as sink:
            sink.write(self._soiled(name, frame, pl.int_range(frame.height, eager=True)))
            self._close(name, sink)

    def write_chunks(
        self,
        name: str,
        stop: int,
        make: Callable[[pl.Series], pl.DataFrame],
        *,
        start: int = 0,
        dirt: str | None = None,
    ) -> None:
        """Rows ``start`` to ``stop`` of a large table; without rows the headings alone."""
        with self._open(name) as sink:
            for rows in _chunks(start, stop):
                sink.write(self._soiled(dirt or name, make(rows), rows))
            self._close(name, sink)

    def write_documents(
        self, name: str, items: str, stop: int, make: Callable[[pl.Series], tuple[pl.DataFrame, pl.DataFrame]]
    ) -> None:
        """Documents and their items, in two files."""
        written = 0
        with self._open(name) as documents_sink, self._open(items) as items_sink:
            for rows in _chunks(0, stop):
                documents, lines = make(rows)
                documents_sink.write(self._soiled(name, documents, rows))
                numbers = pl.int_range(written, written + lines.height, eager=True)
                items_sink.write(self._soiled(items, lines, numbers))
                written += lines.height
            self._close(name, documents_sink)
            self._close(items, items_sink)

    def write_manifest(self) -> None:
        """The manifest as an operator fills it in, true for the files written."""
        parts = {name: name.partition("_part") for name in self.rows}
        totals: dict[str, int] = {}
        for name, rows in self.rows.items():
            totals[parts[name][0]] = totals.get(parts[name][0], 0) + rows
        several = {base for base, sep, _ in parts.values() if sep}
        lines = [
            {
                "Object": _LABELS[base],
                "File": f"{name}.csv",
                "Part": number or "1",
                "Parts": "2" if base in several else "1",
                "Rows In File": str(self.rows[name]),
                "Records In UI": f"{totals[base]:,}",
                "Row Cap": "5000" if self.rows[name] < 5000 else "",
                "Exported At": "2026-10-31 18:05",
                "Time Zone": "(GMT+05:30) Asia/Kolkata",
                "Date Format": "DD/MM/YYYY",
            }
            for name, (base, _, number) in parts.items()
        ]
        with CsvSink(self._out / "export_manifest.csv", Dialect(line_end="\r\n")) as sink:
            sink.write(pl.DataFrame(lines))


def _chunks(start: int, stop: int) -> Iterator[pl.Series]:
    for begin in range(start, stop, CHUNK) if stop > start else (start,):
        yield pl.int_range(begin, min(begin + CHUNK, stop), eager=True)


def _custom_fields() -> pl.DataFrame:
    rows = [
        ("CFL1", "Lead", "Budget Range", "CF: Budget Range", "Select", "< 10k|10k - 50k|> 50k", "No"),
        ("CFL2", "Lead", "Employees", "CF: Employees", "Number", "", "No"),
        ("CFL3", "Lead", "Newsletter", "CF: Newsletter", "Checkbox", "", "No"),
        ("CFD1", "Deal", "Contract Months", "CF: Contract Months", "Select", "12|24|36", "Yes"),
    ]
    headings = ("Field ID", "Object", "Label", "Export Column", "Type", "Options", "Required")
    frame = pl.DataFrame(rows, schema=dict.fromkeys(headings, pl.String), orient="row")
    return frame.with_columns(Notes=pl.lit("read off the settings screen"))


def _auto_triggers() -> pl.DataFrame:
    rows = [
        ("T1", "Welcome mail", "Lead", "Created", "Lead Source = Website", "Send Email", "Template “Welcome”", "Yes", "2026-10-30 09:00:00"),
        ("T2", "Hot lead alert", "Lead", "Updated", "Estimated Value > 50000", "Notify Owner", "SMS + mail", "Yes", "2026-10-29 17:20:00"),
        ("T3", "Stale deal", "Deal", "Daily", "No activity for 14 days", "Create Task", "Call back", "No", None),
        ("T4", "Won: tell finance", "Deal", "Stage Changed", "Deal Stage = Closed Won", "Webhook", "https://hooks.brightpath-demo.example/won", "Yes", "2026-10-28 11:45:00"),
    ]  # fmt: skip
    headings = (
        "Trigger ID",
        "Name",
        "Object",
        "Event",
        "Condition",
        "Action Type",
        "Action Details",
        "Active",
        "Last Run",
    )
    return pl.DataFrame(rows, schema=dict.fromkeys(headings, pl.String), orient="row")
