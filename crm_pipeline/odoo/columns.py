"""Records read as columns: one list of values a field, which tables are made of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from crm_pipeline.odoo.destination import Context, Destination, Domain

#: A prefork server cut a reply of 37,000 rows (Odoo 18): read in pages by id.
PAGE = 5000


def read_columns(
    destination: Destination, model: str, domain: Domain, fields: Sequence[str], *, limit: int | None = None, order: str | None = None,
    context: Context | None = None,
) -> dict[str, list[Any]]:  # fmt: skip
    """``search_columns`` of a destination that answers with records.

    ``search_read`` leaves archived records out of a many2many whatever the context says, ``read`` does not (17, 18, 19).
    """
    records = destination.search_read(model, domain, fields, limit=limit, order=order, context=context)
    lists = [name for name in fields if records and isinstance(records[0][name], list)]
    if lists:
        ids = [record["id"] for record in records]
        whole = {record["id"]: record for record in destination.call(model, "read", ids, fields=lists, context=context or {})}
        records = [record | whole.get(record["id"], {}) for record in records]
    return {name: [record[name] for record in records] for name in dict.fromkeys(["id", *fields])}


def column_pages(destination: Destination, model: str, domain: Domain, fields: Sequence[str]) -> Iterator[dict[str, list[Any]]]:
    """All records of a domain, archived ones too, in pages ordered by id (keyset paging: stable under writes)."""
    last, count = 0, PAGE
    while count == PAGE:
        page = destination.search_columns(
            model, [*domain, ("id", ">", last)], fields, limit=PAGE, order="id", context={"active_test": False}
        )
        count = len(page["id"])
        if count:
            yield page
            last = max(page["id"])
