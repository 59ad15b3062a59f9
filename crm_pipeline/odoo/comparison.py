"""Records as Odoo returns them, as tables, and when a value there says the same as what was meant.

Everything must be equal except what Odoo is known to rewrite, which is compared in the normal form of
:mod:`crm_pipeline.odoo.normal`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

import polars as pl

from crm_pipeline.odoo.columns import column_type
from crm_pipeline.odoo.destination import Destination, FieldSchema
from crm_pipeline.odoo.lanes import ahead
from crm_pipeline.odoo.resolved import ResolvedField
from crm_pipeline.staging.store import StagingStore, quote

#: Records for each read: replies stay small and a prefork server's limits are kept.
PAGE = 1000


def fetch_records(
    store: StagingStore, destination: Destination, model: str, fields: Iterable[FieldSchema], ids: list[int], table: str,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> int:  # fmt: skip
    """Make ``table`` (temporary): ``id`` and one typed column for each field; returns how many rows it has.

    Records that don't exist give no row. Archived records are read too, and links to them. Odoo's ``False`` for empty becomes NULL, except where it is a
    boolean's value.
    """
    types = {"id": pl.Int64()} | {field.name: column_type(field) for field in fields}
    store.connection.register("_shape", pl.DataFrame(schema=types))
    store.execute(f"CREATE OR REPLACE TEMP TABLE {quote(table)} AS FROM _shape")
    store.connection.unregister("_shape")
    page = destination.batch_records or PAGE
    parts = [ids[start : start + page] for start in range(0, len(ids), page)]

    def read(part: list[int]) -> pl.DataFrame:
        return destination.search_columns(model, [("id", "in", part)], list(types), order="id", context={"active_test": False})

    done, rows = 0, 0
    for part, found in zip(parts, ahead(partial(read, part) for part in parts), strict=True):
        if not found.is_empty():
            store.insert(table, found)
        done, rows = done + len(part), rows + len(found)
        progress(done, len(ids))
    return rows


def equal_sql(field: ResolvedField, meant: str, found: str) -> str:
    """SQL that is true when a read-back value says the same as what was meant.

    Numbers are equal within half a cent (monetary) or 1e-6; empty and absent text are one; html is compared as its
    visible text (Odoo's sanitiser rewrites markup); urls without scheme and trailing slash; ``contains`` lets Odoo add
    links.
    """
    kind = field.schema.type
    if kind == "html" or field.spec.compare == "html":
        same = f"coalesce({meant}, '') = coalesce({found}, '')"
        return f"CASE WHEN {same} THEN TRUE ELSE coalesce(html_text({meant}), '') = coalesce(html_text({found}), '') END"
    if field.spec.compare == "url":
        return f"coalesce(plain_url({meant}), '') = coalesce(plain_url({found}), '')"
    if kind == "monetary":
        return f"abs(coalesce({meant}, 0) - coalesce({found}, 0)) < 0.005000001"
    if kind in {"float", "integer"}:
        return f"abs(coalesce({meant}, 0) - coalesce({found}, 0)) < 0.000001"
    if kind == "boolean":
        return f"coalesce({meant}, FALSE) = coalesce({found}, FALSE)"
    if field.spec.compare == "contains":
        return f"list_has_all(coalesce({found}, []), coalesce({meant}, []))"
    if kind in {"many2many", "one2many"}:
        return f"list_sort(coalesce({meant}, [])) = list_sort(coalesce({found}, []))"
    if kind in {"many2one", "many2one_reference"}:
        return f"{meant}::BIGINT IS NOT DISTINCT FROM nullif({found}::BIGINT, 0)"
    return f"coalesce({meant}::VARCHAR, '') = coalesce({found}::VARCHAR, '')"


def is_normalised(field: ResolvedField) -> bool:
    """Whether values count as equal although Odoo wrote them differently, in the sense of :func:`equal_sql`."""
    return field.schema.type == "html" or field.spec.compare in {"html", "url", "contains"}


def text_sql(field: ResolvedField, value: str) -> str:
    """SQL for a value as people read it in a list of differences."""
    many = field.schema.type in {"many2many", "one2many"}
    return f"array_to_string(list_sort({value}), ',')" if many else f"{value}::VARCHAR"
