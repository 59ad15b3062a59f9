"""What of the migration's records stays, because a person made something that depends on it, or worked on it.

A person's document, message or activity keeps the record it refers to; a record somebody changed stays as it is; and what
stays keeps all it needs (its partner, stage, custom fields) and all it consists of (lines, messages, files, payments).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from crm_pipeline.odoo.destination import Destination, Record
from crm_pipeline.odoo.rollback.authorship import STAMPS, Authorship, Stamp
from crm_pipeline.odoo.rollback.census import Census, grouped
from crm_pipeline.odoo.rollback.relations import Item, Relation, Relations, parts
from crm_pipeline.odoo.rollback.rules import UndoRules

_NUMBERS = {"integer", "float", "monetary"}
_REGISTRY = ("ir.model", "ir.model.fields", "ir.model.fields.selection", "ir.model.access", "ir.ui.view")


@dataclass(frozen=True)
class Reason:
    """Why a record stays.

    Attributes:
        kind: edited, referenced, attached, needed or refused.
        by: the record that depends on it; for ``edited`` the user.
        detail: the field, the time, or Odoo's words.
    """

    kind: str
    by: Item | None
    detail: str


class Keeper:
    """Decides what stays.

    Args:
        destination: the database.
        rules: how records are undone.
        relations: of the database.
        census: what is ours; its scope is what would go.
        authorship: people's work from the migration's.
        set_back: (model, id, field) whose value will be restored, so that what it holds now doesn't count.

    Attributes:
        kept: what stays, and why.
        needed: records that are not the migration's and that what stays needs.
    """

    def __init__(
        self, destination: Destination, rules: UndoRules, relations: Relations, census: Census, authorship: Authorship,
        set_back: set[tuple[str, int, str]],
    ) -> None:  # fmt: skip
        self.destination, self.rules, self.relations = destination, rules, relations
        self.census, self.authorship, self.set_back = census, authorship, set_back
        self.owned: dict[Item, Item] = {}
        self.stamps: dict[Item, Stamp] = dict(census.stamps)
        self.kept: dict[Item, Reason] = {}
        self.edited: dict[Item, Reason] = {}
        self.needed: set[Item] = set()
        self._fields: list[Record] | None = None
        self._models: dict[str, int] | None = None

    # -- what people made --------------------------------------------------------------------------------------------

    def find(self, *, force: bool = False, keep_edited: bool = False) -> None:
        """Fill ``kept`` and ``edited``.

        Args:
            force: people's messages, activities and files on a record don't keep it.
            keep_edited: values that people changed on a record keep it; else they go with it, and are listed.
        """
        stamps = {item: self.census.stamps[item] for item in self.census.scope}
        self.edited = {
            item: Reason("edited", ("res.users", stamp.write_uid), stamp.write_date)
            for item, stamp in stamps.items() if self.authorship.changed_by_person(stamp)
        }  # fmt: skip
        found = self._referenced() | self._filled()
        if not force:
            found |= self._attached()
        self.keep(found | (self.edited if keep_edited else {}))

    def _referenced(self) -> dict[Item, Reason]:
        """Records that others refer to which are neither the migration's nor a part of what is."""
        found: dict[Item, list[Reason]] = {}
        frontier = self.census.scope
        while frontier:
            parts_found: dict[Item, Item] = {}
            for model, ids in grouped(frontier).items():
                for relation in self.relations.to(model):
                    for item, record, targets in self._pointing(relation, ids):
                        stamp = self.stamps[item] = Stamp.of(record)
                        if self._goes_along(relation, stamp, targets):
                            parts_found[item] = targets[0]
                        else:
                            for target in targets:
                                if not self._is_older_side(relation, stamp, target):
                                    found.setdefault(target, []).append(Reason("referenced", item, relation.field))
            frontier = set(parts_found) - set(self.owned)
            self.owned |= parts_found
        strangers = {item: [r for r in reasons if r.by not in self.owned] for item, reasons in found.items()}
        return {item: reasons[0] for item, reasons in strangers.items() if reasons}

    def _filled(self) -> dict[Item, Reason]:
        """Custom fields of ours in which records hold a value that are not the migration's."""
        found: dict[Item, Reason] = {}
        scope = {record["id"]: record for record in self._own_fields()}
        for field_id, field in scope.items():
            model = field["model"]
            if not field["store"] or field["ttype"] == "one2many" or ("ir.model", self._own_models().get(model)) in self.census.scope:
                continue
            set_ = (field["name"], "!=", 0 if field["ttype"] in _NUMBERS else False)
            for record in self.relations.read(model, [set_], ["id"]):
                if (model, record["id"]) not in self.census.stamps:
                    found["ir.model.fields", field_id] = Reason("referenced", (model, record["id"]), field["name"])
                    break
        return found

    def _pointing(self, relation: Relation, ids: Iterable[int]) -> Iterator[tuple[Item, Record, list[Item]]]:
        """Records that point at some of ``ids`` and don't go anyway, with those they point at."""
        for some in parts(ids):
            wanted = set(some)
            for record in self.relations.read(relation.model, [(relation.field, "in", some)], [relation.field, *STAMPS]):
                item = (relation.model, record["id"])
                if item in self.census.scope or (*item, relation.field) in self.set_back:
                    continue
                value = record[relation.field]
                pointed = wanted.intersection(value if isinstance(value, list) else [value])
                if pointed:
                    yield item, record, [(relation.to, odoo_id) for odoo_id in sorted(pointed)]

    def _goes_along(self, relation: Relation, stamp: Stamp, targets: list[Item]) -> bool:
        """Whether a record is a part of the ones it points at, or was made by Odoo in the same transaction."""
        if self.authorship.made_by_person(stamp):
            return False
        if relation.cascade or self._is_part(relation):
            return True
        born = (stamp.create_uid, stamp.create_date)
        return any((self.stamps[t].create_uid, self.stamps[t].create_date) == born for t in targets if t in self.stamps)

    def _is_part(self, relation: Relation) -> bool:
        return relation.field in self.rules.belongs.get(relation.model, ())

    def _is_older_side(self, relation: Relation, stamp: Stamp, target: Item) -> bool:
        """Whether a many2many link was made with our record: it has the field's other side, and is the younger of the two."""
        return self.relations.is_own_side(relation, target[0]) and stamp.create_date < self.stamps[target].create_date

    def _attached(self) -> dict[Item, Reason]:
        """Records with a person's message, activity or file."""
        found: dict[Item, Reason] = {}
        for model, ids in self.census.by_model().items():
            for attached, record, item in self._attached_to(model, ids):
                if (attached, record["id"]) not in self.census.stamps and self.authorship.made_by_person(Stamp.of(record)):
                    found.setdefault(item, Reason("attached", (attached, record["id"]), str(record["create_date"])))
        return found

    def _attached_to(self, model: str, ids: Iterable[int]) -> Iterator[tuple[str, Record, Item]]:
        if model in self.rules.attached or model in _REGISTRY:
            return
        for attached, (model_field, id_field) in self.rules.attached.items():
            for some in parts(ids):
                domain = [(model_field, "=", model), (id_field, "in", some)]
                for record in self.relations.read(attached, domain, [id_field, *STAMPS]):
                    yield attached, record, (model, record[id_field])

    # -- what stays with them ----------------------------------------------------------------------------------------

    def keep(self, reasons: dict[Item, Reason]) -> set[Item]:
        """Keep records with all they need and consist of; returns what is kept beyond what was."""
        added: set[Item] = set()
        queue = dict(reasons)
        while queue:
            fresh = {item: reason for item, reason in queue.items() if item not in self.kept and self._would_go(item)}
            self.kept |= fresh
            added |= set(fresh)
            queue = {}
            for model, ids in grouped(set(fresh)).items():
                for item, other in self._needs(model, ids):
                    if self._would_go(other):
                        if other not in self.kept:
                            queue.setdefault(other, Reason("needed", item, ""))
                    else:
                        self.needed.add(other)
        return added

    def _would_go(self, item: Item) -> bool:
        return item in self.census.scope or item in self.owned

    def _needs(self, model: str, ids: set[int]) -> Iterator[tuple[Item, Item]]:
        """Pairs of a kept record and one it can't be without."""
        for odoo_id in ids:
            if (model, odoo_id) in self.owned:
                yield (model, odoo_id), self.owned[model, odoo_id]
        yield from self._pointed_at(model, ids)
        for relation in self.relations.to(model):
            if self._is_part(relation):
                for some in parts(ids):
                    for record in self.relations.read(relation.model, [(relation.field, "in", some)], [relation.field]):
                        yield (model, record[relation.field]), (relation.model, record["id"])
        for attached, record, item in self._attached_to(model, ids):
            yield item, (attached, record["id"])
        yield from self._registered(model, ids)

    def _pointed_at(self, model: str, ids: set[int]) -> Iterator[tuple[Item, Item]]:
        """What records link to."""
        fields = {relation.field: relation for relation in self.relations.of(model)}
        by_id = self.rules.attached.get(model)
        names = [*fields, *(by_id or ())]
        for some in parts(ids):
            for record in self.relations.read(model, [("id", "in", some)], names):
                item = (model, record["id"])
                for name, relation in fields.items():
                    value = record[name]
                    for odoo_id in value if isinstance(value, list) else [value] if value else []:
                        yield item, (relation.to, odoo_id)
                if by_id is not None and record[by_id[1]]:
                    yield item, (record[by_id[0]], record[by_id[1]])

    def _registered(self, model: str, ids: set[int]) -> Iterator[tuple[Item, Item]]:
        """The migration's own models that records are of, and its fields in which they hold a value."""
        custom = self._own_models().get(model)
        if custom is not None:
            yield (model, min(ids)), ("ir.model", custom)
        fields = [field for field in self._own_fields() if field["model"] == model]
        if fields:
            names = [field["name"] for field in fields]
            for some in parts(ids):
                for record in self.relations.read(model, [("id", "in", some)], names):
                    yield from (((model, record["id"]), ("ir.model.fields", f["id"])) for f in fields if record[f["name"]])
        if model == "ir.model.fields":
            for field in self._own_fields():
                if field["id"] in ids and field["relation"] in self._own_models():
                    yield (model, field["id"]), ("ir.model", self._own_models()[field["relation"]])

    def _own_fields(self) -> list[Record]:
        if self._fields is None:
            self._fields = self._own("ir.model.fields", ["model", "name", "relation", "ttype", "store"])
        return self._fields

    def _own_models(self) -> dict[str, int]:
        if self._models is None:
            self._models = {record["model"]: record["id"] for record in self._own("ir.model", ["model"])}
        return self._models

    def _own(self, model: str, fields: list[str]) -> list[Record]:
        ids = [odoo_id for other, odoo_id in self.census.scope if other == model]
        return list(self.relations.read(model, [("id", "in", ids)], fields)) if ids else []
