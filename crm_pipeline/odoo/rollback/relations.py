"""Which fields of a database point at which models, read from Odoo's own registry, whatever modules are installed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from crm_pipeline.odoo.destination import Destination, Record
from crm_pipeline.odoo.errors import AccessRightsError, CallError
from crm_pipeline.odoo.paging import read_pages

#: Ids in one domain: long lists make slow queries.
PART = 1000

Item = tuple[str, int]


@dataclass(frozen=True)
class Relation:
    """A stored field that points at records of ``to``.

    Attributes:
        cascade: the database deletes the pointing record with the one pointed at.
        table: of a many2many.
    """

    model: str
    field: str
    to: str
    many: bool
    cascade: bool
    table: str | None


class Relations:
    """The stored relational fields of all models that have rows of their own.

    Models without ``write_uid`` are left out: abstract ones, SQL views (reports), and link rows such as followers.
    Wizards' rows are no records of anybody.
    """

    def __init__(self, destination: Destination) -> None:
        self.destination = destination
        self.unreadable: set[str] = set()
        every = {"active_test": False}
        kept = destination.search_read("ir.model.fields", [("name", "=", "write_uid"), ("store", "=", True)], ["model"], context=every)
        there = destination.search_read("ir.model", [("transient", "=", False)], ["model"], context=every)
        self.models = {record["model"] for record in kept} & {record["model"] for record in there}
        self._to: dict[str, list[Relation]] = {}
        self._of: dict[str, list[Relation]] = {}
        names = ["model", "name", "ttype", "relation", "on_delete", "relation_table"]
        domain = [("ttype", "in", ["many2one", "many2many"]), ("store", "=", True)]
        for page in read_pages(destination, "ir.model.fields", domain, names):
            for record in page:
                if record["model"] in self.models and record["name"] not in {"create_uid", "write_uid"}:
                    relation = _relation(record)
                    self._to.setdefault(relation.to, []).append(relation)
                    self._of.setdefault(relation.model, []).append(relation)

    def to(self, model: str) -> list[Relation]:
        """Fields that point at a model."""
        return self._to.get(model, [])

    def of(self, model: str) -> list[Relation]:
        """Fields of a model."""
        return self._of.get(model, [])

    def is_own_side(self, relation: Relation, model: str) -> bool:
        """Whether a many2many is the other side of one that ``model`` has itself, so that the link is as much its own."""
        return relation.many and any(
            mine.many and mine.to == relation.model and mine.table == relation.table for mine in self.of(model)
        )

    def read(self, model: str, domain: Sequence[object], fields: Iterable[str]) -> Iterator[Record]:
        """Records of a model, archived ones too; none of a model that the user may not read, which is noted."""
        try:
            for page in read_pages(self.destination, model, domain, list(fields)):
                yield from page
        except (AccessRightsError, CallError):
            self.unreadable.add(model)


def _relation(record: Record) -> Relation:
    return Relation(
        model=record["model"], field=record["name"], to=record["relation"], many=record["ttype"] == "many2many",
        cascade=record["ttype"] == "many2one" and record["on_delete"] == "cascade", table=record["relation_table"] or None,
    )  # fmt: skip


def parts(ids: Iterable[int], size: int = PART) -> Iterator[list[int]]:
    """Ids in order, in lists of up to ``size``."""
    ordered = sorted(ids)
    for start in range(0, len(ordered), size):
        yield ordered[start : start + size]
