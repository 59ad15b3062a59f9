"""The rows our pipeline loaded, as other ways to load them take them: the same fields, the same values."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from crm_pipeline.migration.migration import Migration
from crm_pipeline.odoo.creating import creation_of, values_of
from crm_pipeline.odoo.destination import QUIET, Destination, Record
from crm_pipeline.odoo.resolved import load_cell, resolved_select
from crm_pipeline.odoo.stream import open_stream
from crm_pipeline.staging.store import literal, quote

#: what is measured, with the name it has in the tables
MODELS = {"res.partner": "contacts", "crm.lead": "leads", "mail.message": "messages"}
#: Fields that hold nothing of the export and are sent only because Odoo takes longer without them.
SPARING = {"mail.message": {"reply_to", "record_name", "message_id"}}


@dataclass(frozen=True)
class Rows:
    """Rows of one model in the order our pipeline sends them.

    Attributes:
        columns: headings of ``load``, without ``id``; links by database id.
        kinds: the fields' types.
        names: external ids without module.
        cells: cells of ``load``.
        context: of the call.
        parent: position of the link to rows that are loaded before these (contacts under their companies), None when there is none.
        parents: external id by database id of the records ``parent`` leads to.
    """

    model: str
    columns: tuple[str, ...]
    kinds: tuple[str, ...]
    names: tuple[str, ...]
    cells: tuple[tuple[Any, ...], ...]
    context: dict[str, Any]
    parent: int | None
    parents: dict[str, str]

    def values(self, of_parents: dict[str, int]) -> list[Record]:
        """As ``create`` takes them; ``of_parents`` has the parents' database ids by external id."""
        found = []
        for name, cells in zip(self.names, self.cells, strict=True):
            (vals,) = values_of(self.columns, self.kinds, [cells], [name])
            del vals["id"]
            if self.parent is not None and cells[self.parent] != "":
                vals[self.columns[self.parent].removesuffix("/.id")] = of_parents[self.parents[cells[self.parent]]]
            found.append(vals)
        return found

    def data_only(self) -> Rows:
        """Without the fields of :data:`SPARING`, as somebody has them who makes a file of the export."""
        kept = [at for at, column in enumerate(self.columns) if column not in SPARING.get(self.model, ())]
        return replace(
            self, columns=tuple(self.columns[at] for at in kept), kinds=tuple(self.kinds[at] for at in kept),
            cells=tuple(tuple(cells[at] for at in kept) for cells in self.cells),
            parent=kept.index(self.parent) if self.parent is not None else None,
        )  # fmt: skip

    def table(self, module: str) -> tuple[list[str], list[list[Any]]]:
        """As ``load`` takes them: headings and rows, the rows under external ids of another module."""
        heads = [column.replace("/.id", "/id") if at == self.parent else column for at, column in enumerate(self.columns)]
        rows = []
        for name, cells in zip(self.names, self.cells, strict=True):
            row = list(cells)
            if self.parent is not None and row[self.parent] != "":
                row[self.parent] = f"{module}.{self.parents[row[self.parent]]}"
            rows.append([f"{module}.{name}", *row])
        return ["id", *heads], rows


def loaded_rows(migration: Migration, env: str, destination: Destination) -> dict[str, list[Rows]]:
    """The rows of each model of :data:`MODELS`, in the parts they are sent in (companies, then contacts)."""
    found: dict[str, list[Rows]] = {}
    for model in MODELS:
        target = migration.mapping.target(model)
        by_id = {str(i): name for i, name in migration.store.rows("SELECT odoo_id, external_id FROM ops.ledger WHERE env = ? AND model = ?", [env, model])}
        blocks = [target.sources] if target.load.order_by else [(block,) for block in target.sources]
        for some in blocks:
            creation = creation_of(target, destination, migration.mapping.name, "benchmark")
            stream = open_stream(migration.mapping, target, some, destination, creation)
            select = resolved_select(migration.mapping, target, some, list(stream.fields), env)
            cells = ", ".join(load_cell(f, quote(f.name)) for f in stream.sent)
            order = ", ".join([*(quote(name) for name in target.load.order_by), "_order"])
            rows = migration.store.rows(
                f"""SELECT external_id, {cells} FROM ({select}) WHERE external_id IN (
                    SELECT external_id FROM ops.ledger WHERE env = {literal(env)} AND origin = 'created') ORDER BY {order}"""
            )
            columns = tuple(f.column for f in stream.sent)
            own = [at for at, f in enumerate(stream.sent) if f.schema.relation == model and any(row[at + 1] in by_id for row in rows)]
            extra = target.load.create.context if target.load.create is not None else {}
            found.setdefault(model, []).append(
                Rows(
                    model, columns, tuple(f.schema.type for f in stream.sent), tuple(row[0] for row in rows),
                    tuple(tuple(row[1:]) for row in rows), {**QUIET, **target.load.context, **extra}, own[0] if own else None, by_id,
                )
            )  # fmt: skip
    return found


def first(parts: list[Rows], count: int) -> list[Rows]:
    """About ``count`` of the rows, a share of each part; parents that are not among them are left out."""
    total = sum(len(part.names) for part in parts)
    kept: list[Rows] = []
    known: set[str] = set()
    for part in parts:
        most = max(1, count * len(part.names) // max(total, 1))
        fits = [
            at for at, cells in enumerate(part.cells)
            if part.parent is None or cells[part.parent] == "" or part.parents[cells[part.parent]] in known
        ][:most]  # fmt: skip
        kept.append(replace(part, names=tuple(part.names[at] for at in fits), cells=tuple(part.cells[at] for at in fits)))
        known.update(kept[-1].names)
    return kept
