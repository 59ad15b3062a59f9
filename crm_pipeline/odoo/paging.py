"""All records of a domain in pages ordered by id: keyset paging, which stays right while others write."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import polars as pl

from crm_pipeline.odoo.destination import Destination, Domain, Record

#: A prefork server cut a reply of 37,000 rows (Odoo 18): read in pages by id.
PAGE = 5000

Page = TypeVar("Page", list[Record], pl.DataFrame)


def read_pages(
    destination: Destination, model: str, domain: Domain, fields: Sequence[str], *, page: int = PAGE
) -> Iterator[list[Record]]:
    """Records, archived ones too."""

    def read(after: Domain) -> list[Record]:
        return destination.search_read(model, after, list(fields), limit=page, order="id", context={"active_test": False})

    return _pages(read, domain, page, lambda found: found[-1]["id"])


def column_pages(destination: Destination, model: str, domain: Domain, fields: Sequence[str]) -> Iterator[pl.DataFrame]:
    """Frames of records, archived ones too; columns as of :meth:`Destination.search_columns`."""

    def read(after: Domain) -> pl.DataFrame:
        return destination.search_columns(model, after, fields, limit=PAGE, order="id", context={"active_test": False})

    return _pages(read, domain, PAGE, lambda found: found["id"][-1])


def _pages(read: Callable[[Domain], Page], domain: Domain, size: int, last_id: Callable[[Page], Any]) -> Iterator[Page]:
    last = 0
    while True:
        found = read([*domain, ("id", ">", last)])
        if len(found):
            yield found
            last = last_id(found)
        if len(found) < size:
            return
