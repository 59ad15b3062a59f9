"""Raw tables: the rows of an object as text, before anything is made of them."""

from __future__ import annotations

from crm_pipeline.exports.headings import HeadingMatch
from crm_pipeline.exports.sql import Database, literal, quote
from crm_pipeline.specs import ObjectSpec


def create_raw_table(store: Database, table: str, spec: ObjectSpec) -> None:
    """(Re)create an empty raw table.

    Columns: ``_row_id`` (1..n over all parts), ``_file``, ``_row`` (spreadsheet row, the header's is 1), ``_problem``
    ('malformed_row' or NULL), ``_raw`` (the text of a malformed row) with ``_detail`` (what is wrong with it), one
    VARCHAR for each spec column as exported (an empty cell is NULL), ``_extra`` MAP(VARCHAR, VARCHAR) of all other ones.
    """
    columns = ", ".join(f"{quote(name)} VARCHAR" for name in spec.columns)
    store.execute(
        f"CREATE OR REPLACE TABLE {quote(table)} (_row_id BIGINT, _file VARCHAR, _row BIGINT, _problem VARCHAR, "
        f"_raw VARCHAR, _detail VARCHAR, {columns}, _extra MAP(VARCHAR, VARCHAR))"
    )


def cells_sql(spec: ObjectSpec, match: HeadingMatch) -> str:
    """SQL for the spec's columns and ``_extra``, from columns c0, c1 and so on."""
    positions = match.positions
    cells = [f"c{positions[name]}" if name in positions else "NULL" for name in spec.columns]
    if not match.extra:
        return ", ".join([*cells, "NULL"])
    labels = ", ".join(literal(label) for label in match.extra)
    values = ", ".join(f"c{index}" for index in match.extra.values())
    return ", ".join([*cells, f"MAP([{labels}], [{values}])"])
