"""Records read as columns: one list of values a field, which tables are made of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from crm_pipeline.odoo.destination import Destination, Domain, Record

#: A prefork server cut a reply of 37,000 rows (Odoo 18): read in pages by id.
PAGE = 5000


def transposed(records: Sequence[Record], fields: Sequence[str]) -> dict[str, list[Any]]:
    """``id`` and the fields of records, a list each."""
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
