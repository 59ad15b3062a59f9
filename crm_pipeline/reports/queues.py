"""What waits for people: quarantined rows, the owners' queue and conflicts, as frames, CSV and an Excel workbook.

Text of the export is never a formula here: workbooks hold it as text cells, CSV cells that a spreadsheet would
calculate get an apostrophe in front.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from collections.abc import Mapping as Mapping_
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl
import xlsxwriter

from crm_pipeline.reports.decisions import waiting_rows, waiting_values
from crm_pipeline.specs import Mapping
from crm_pipeline.staging.store import StagingStore, literal, quote

#: Rows of one sheet; the CSV beside it is complete.
SHEET_ROWS = 100_000
#: Excel's own limit for the text of a cell is 32,767.
_CELL = 32_000
#: Points of a line, and lines of the highest row that is shown whole.
_LINE, _LINES = 15, 25
#: Columns wider than the usual 14 characters.
_WIDTHS = {
    "source_email": 34, "name": 26, "why": 60, "external_id": 30, "odoo_now": 40, "new_source": 40, "key": 22, "file": 22,
    "reason": 24, "problem": 90, "source_sku": 18, "source_name": 34, "odoo_default_code": 20, "source_value": 34, "target_value": 34, "new_value": 34, "allowed": 60,
    "before": 34, "after": 34, "note": 60, "value": 34,
}  # fmt: skip
_CALCULATED = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class SheetLayout:
    """How sheets look: widths of columns in characters (14 where none is given), and lists to choose a cell's value from.

    Attributes:
        wraps: long texts are broken into lines, and sheets print on pages as wide as they are.
    """

    widths: Mapping_[str, int]
    choices: Mapping_[str, tuple[str, ...]] = field(default_factory=dict)
    wraps: bool = False

    def lines(self, columns: Sequence[str], cells: Sequence[int | str | None]) -> int:
        """Lines of the highest cell of a row, as its widths break it."""
        widths = (self.widths.get(column, 14) for column in columns)
        return max(
            sum(-(-len(line) // width) or 1 for line in str(cell if cell is not None else "").split("\n"))
            for cell, width in zip(cells, widths, strict=True)
        )


QUARANTINE_COLUMNS = ("object", "key", "file", "row", "reason", "problem")
CONFLICT_COLUMNS = ("model", "external_id", "field", "decision", "last_loaded", "odoo_now", "new_source")
ORPHAN_COLUMNS = ("object", "key", "decision", "parent_object", "parent_key", "file", "row", "why")
PRODUCT_COLUMNS = ("source_sku", "source_name", "decision", "odoo_default_code", "lines", "why")
UNFINISHED_COLUMNS = ("model", "external_id", "odoo_id", "reason", "problem")
ROUNDING_COLUMNS = ("model", "external_id", "odoo_id", "field", "in_export", "in_odoo", "difference")
OWNER_COLUMNS = ("source_email", "decision", "odoo_login", "name", "records", "why")


def quarantined_rows(store: StagingStore) -> pl.DataFrame:
    """Rows set aside with the reason and what to do, in order of the export: ``QUARANTINE_COLUMNS``."""
    return store.frame("""
        SELECT object, key, file, "row", reason, coalesce(issue.message, detail) AS problem
        FROM ops.row_fate AS fate LEFT JOIN (
            SELECT object, row_id, reason, min(message) AS message FROM ops.issue WHERE severity = 'error' GROUP BY ALL
        ) AS issue USING (object, row_id, reason)
        WHERE fate = 'quarantined' ORDER BY object, file, "row"
    """)


def waiting_owners(store: StagingStore, mapping: Mapping, env: str) -> pl.DataFrame:
    """Owners no Odoo user was found for and who own records: ``OWNER_COLUMNS``, most records first.

    The first three columns are those of the resolution file; ``records`` says what waits for the decision.
    """
    frames = [pl.DataFrame(schema={name: pl.Int64 if name == "records" else pl.String for name in OWNER_COLUMNS})]
    for target in mapping.targets:
        table = f"staged.{target.table}"
        if target.match.queue != "owners" or not store.has_table(table):
            continue
        frames.append(store.frame(
            f"""SELECT coalesce(staged.email, staged.name)::VARCHAR AS source_email, '' AS decision, '' AS odoo_login,
                       staged.name::VARCHAR AS name, coalesce(owned.records, 0)::BIGINT AS records,
                       refusal.message AS why
                FROM ops.refusal AS refusal JOIN {quote(table)} AS staged USING (external_id)
                LEFT JOIN ({_owned(store, mapping, {block.name for block in target.sources})}) AS owned
                ON owned.owner = external_id
                WHERE refusal.env = ? AND refusal.model = ? AND refusal.kind = 'queued' AND staged._needed
                ORDER BY records DESC, source_email""",
            [env, target.model],
        ))  # fmt: skip
    return pl.concat(frames)


def waiting_products(store: StagingStore, mapping: Mapping, env: str) -> pl.DataFrame:
    """Products no record in Odoo was found for and which may not be created: ``PRODUCT_COLUMNS``, most lines first.

    The first four columns are those of the resolution file; ``lines`` says how many lines of documents wait.
    """
    frames = [pl.DataFrame(schema={name: pl.Int64 if name == "lines" else pl.String for name in PRODUCT_COLUMNS})]
    for target in mapping.targets:
        table = f"staged.{target.table}"
        if target.match.queue != "products" or not store.has_table(table):
            continue
        frames += [
            store.frame(
                f"""SELECT source.sku::VARCHAR AS source_sku, source.name::VARCHAR AS source_name, '' AS decision,
                           '' AS odoo_default_code, source.lines::BIGINT AS lines, refusal.message AS why
                    FROM ops.refusal AS refusal JOIN {quote(table)} AS staged USING (external_id)
                    JOIN {quote(f"derived.{block.object}")} AS source ON source._row_id = staged._row_id
                    WHERE refusal.env = ? AND refusal.model = ? AND refusal.kind = 'queued' AND staged._block = ?
                    ORDER BY lines DESC, source_sku, source_name""",
                [env, target.model, block.name],
            )
            for block in target.sources
        ]
    return pl.concat(frames)


def waiting_orphans(store: StagingStore) -> pl.DataFrame:
    """Rows whose parent is not in the export and that people decide about: ``ORPHAN_COLUMNS``.

    The first five columns are those of the resolution file.
    """
    return store.frame("""
        SELECT object, key, '' AS decision, '' AS parent_object, '' AS parent_key, file, "row", coalesce(issue.message, detail) AS why
        FROM ops.fate LEFT JOIN (
            SELECT object, row_id, reason, min(message) AS message FROM ops.issue GROUP BY ALL
        ) AS issue USING (object, row_id, reason) WHERE fate = 'queued' ORDER BY object, file, "row"
    """)


def unfinished_records(store: StagingStore, env: str) -> pl.DataFrame:
    """Records that are in Odoo and could not be finished: ``UNFINISHED_COLUMNS``."""
    return store.frame(
        """SELECT model, external_id, odoo_id, reason, message AS problem FROM ops.unfinished WHERE env = ?
           ORDER BY model, reason, external_id""",
        [env],
    )


def rounded_amounts(store: StagingStore, env: str) -> pl.DataFrame:
    """Amounts that Odoo's decimal precision changed, line by line: ``ROUNDING_COLUMNS``."""
    return store.frame(
        """SELECT model, external_id, odoo_id, field, expected AS in_export, actual AS in_odoo,
                  (actual::DECIMAL(24, 6) - expected::DECIMAL(24, 6))::VARCHAR AS difference
           FROM ops.difference WHERE env = ? AND class = 'rounded' ORDER BY model, external_id, field""",
        [env],
    )


def open_queues(store: StagingStore, mapping: Mapping, env: str) -> dict[str, pl.DataFrame]:
    """Everything that waits for people, or that they should have seen, by the name of its sheet."""
    return {
        "owners": waiting_owners(store, mapping, env),
        "orphans": waiting_orphans(store),
        "products": waiting_products(store, mapping, env),
        "values": waiting_values(store),
        "rows": waiting_rows(store, mapping),
        "conflicts": open_conflicts(store, env),
        "unfinished": unfinished_records(store, env),
        "rounding": rounded_amounts(store, env),
        "quarantine": quarantined_rows(store),
    }


def _owned(store: StagingStore, mapping: Mapping, owners: set[str]) -> str:
    """SQL: external id of an owner → staged records of gated models that name them."""
    links = [
        f"SELECT {quote(name)} AS owner FROM {quote(f'staged.{target.table}')} WHERE _block = {literal(block.name)}"
        for target in mapping.targets if target.gate is not None and store.has_table(f"staged.{target.table}")
        for block in target.sources
        for name, spec in block.fields.items() if any(link.to in owners for link in spec.links)
    ]  # fmt: skip
    union = " UNION ALL ".join(links) or "SELECT NULL::VARCHAR AS owner WHERE FALSE"
    return f"SELECT owner, count(*) AS records FROM ({union}) WHERE owner IS NOT NULL GROUP BY owner"


def open_conflicts(store: StagingStore, env: str) -> pl.DataFrame:
    """Fields that changed on both sides since the last load: ``CONFLICT_COLUMNS``, the first four to be filled in."""
    return store.frame(
        """SELECT model, external_id, field, '' AS decision, last_loaded, odoo_now, new_source FROM ops.conflict
           WHERE env = ? ORDER BY model, external_id, field""",
        [env],
    )


def write_queues(folder: Path, queues: Mapping_[str, pl.DataFrame]) -> None:
    """Write ``quarantine.csv``, ``differences.csv``, ``decided.csv``, ``queue_<name>.csv`` for the others, and all as ``queues.xlsx``."""
    for name, frame in queues.items():
        _write_csv(folder / (f"{name}.csv" if name in {"quarantine", "differences", "decided"} else f"queue_{name}.csv"), frame)
    write_workbook(folder / "queues.xlsx", queues)


def write_workbook(file: Path, queues: Mapping_[str, pl.DataFrame], layout: SheetLayout | None = None) -> None:
    """Write one sheet for each queue; sheets of decisions can be filled in and used as resolution file."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with xlsxwriter.Workbook(file, {"strings_to_formulas": False, "strings_to_urls": False}) as book:
        for name, frame in queues.items():
            _write_sheet(book, name, frame, layout or SheetLayout(_WIDTHS))


def _write_csv(path: Path, frame: pl.DataFrame) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(frame.columns)
        writer.writerows([harmless(value) for value in row] for row in frame.iter_rows())


def harmless(value: object) -> object:
    """A CSV cell that no spreadsheet calculates."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_CALCULATED) else value


def meant(text: str) -> str:
    """What a cell of a file that people fill in says: without the apostrophe of :func:`harmless`."""
    return text[1:] if text.startswith("'") and text[1:].startswith(_CALCULATED) else text


def _write_sheet(book: Any, name: str, frame: pl.DataFrame, layout: SheetLayout) -> None:
    sheet = book.add_worksheet(name)
    body = book.add_format({"text_wrap": True, "valign": "top"}) if layout.wraps else None
    figure = book.add_format({"align": "right", "valign": "top", "indent": 1}) if layout.wraps else None
    head = book.add_format({"bold": True, "bg_color": "#E8EDF3", "border": 1, "border_color": "#C5CFDA"})
    for index, column in enumerate(frame.columns):
        sheet.write_string(0, index, column, head)
        sheet.set_column(index, index, layout.widths.get(column, 14), body)
        if column in layout.choices:
            rule = {"validate": "list", "source": list(layout.choices[column])}
            sheet.data_validation(1, index, max(1, min(frame.height, SHEET_ROWS)), index, rule)
    for number, row in enumerate(_cells(frame.head(SHEET_ROWS).iter_rows()), 1):
        for index, value in enumerate(row):
            if isinstance(value, int):
                sheet.write_number(number, index, value, figure)
            elif value:
                sheet.write_string(number, index, value)
        if layout.wraps:
            sheet.set_row(number, _LINE * min(_LINES, layout.lines(frame.columns, row)))
    if frame.height > SHEET_ROWS:
        sheet.write_string(SHEET_ROWS + 1, 0, f"{frame.height - SHEET_ROWS} more rows: see the CSV file")
    sheet.freeze_panes(1, 0)
    if layout.wraps:
        sheet.set_landscape()
        sheet.set_paper(8)
        sheet.fit_to_pages(1, 0)
        sheet.repeat_rows(0)
    sheet.autofilter(0, 0, max(1, min(frame.height, SHEET_ROWS)), len(frame.columns) - 1)


def _cells(rows: Iterable[tuple[object, ...]]) -> Iterable[list[int | str | None]]:
    for row in rows:
        yield [value if value is None or isinstance(value, int) else str(value)[:_CELL] for value in row]
