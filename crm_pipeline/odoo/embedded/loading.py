"""``load`` on the embedded store: all rows or none, identified by external id (ODOO_FACTS 3)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from crm_pipeline.odoo.destination import Context, LoadMessage, LoadResult
from crm_pipeline.odoo.embedded.cells import (
    Messages,
    convert_column,
    reference_cell,
    relation_cell,
    resolve_xmlids,
    scalar_cell,
    xmlid_parts,
)
from crm_pipeline.odoo.embedded.registry import MAGIC, Model
from crm_pipeline.odoo.embedded.rules.partner import SKIP_SYNC
from crm_pipeline.odoo.embedded.store import Doc
from crm_pipeline.odoo.embedded.values import Command
from crm_pipeline.odoo.errors import CallError, DataError

if TYPE_CHECKING:
    from crm_pipeline.odoo.embedded.orm import Orm

_FIELD_IN_MESSAGE = re.compile(r"for the field '[^']*' \((\w+)\)")


class Refused(Exception):  # noqa: N818 - not an error of ours: it rolls the call back
    """Some rows cannot be loaded: nothing is written."""

    def __init__(self, messages: Sequence[LoadMessage]) -> None:
        super().__init__(len(messages))
        self.messages = tuple(messages)


class Load:
    """One call of ``load`` inside a transaction."""

    def __init__(self, orm: Orm, model: Model, context: Context) -> None:
        # load synchronises contacts and companies also when the context says not to (all versions)
        self._context = {key: value for key, value in context.items() if key != SKIP_SYNC}
        self._orm, self._model = orm, model
        rule = orm.rules.get(model.name)
        self._generic = model.inherits is not None
        self._accepted = rule.accepted if rule is not None else frozenset()
        self._messages = Messages()

    def run(self, fields: Sequence[str], rows: Sequence[Sequence[Any]]) -> LoadResult:
        """Load the rows; raises :class:`Refused` when any of them has an error."""
        columns = list(zip(*rows, strict=True)) if rows else [() for _ in fields]
        if len(columns) != len(fields):
            message = f"{len(fields)} columns are named but the rows have {len(columns)} cells"
            raise CallError(message, call=f"{self._model.name}.load")
        plan = [self._column(path) for path in fields]
        self._generic |= any(name in self._accepted for name, _ in plan)
        xmlids = self._xmlids(fields, columns)
        keys = self._database_ids(fields, columns)
        pending = {xmlid for xmlid in xmlids if xmlid}
        names: list[str] = []
        values: list[list[Any]] = []
        for (name, how), cells in zip(plan, columns, strict=True):
            if name in {"id", ".id"} or name in MAGIC:
                continue
            schema = self._model.schema(name)
            if schema.type in {"many2one", "many2many"}:
                waiting = pending if schema.relation == self._model.name else set()
                one = relation_cell(self._orm, schema, how, cells, waiting, self._messages)
                convert = reference_cell(schema, one)
            else:
                convert = scalar_cell(self._model, schema, self._context)
            if name in self._model.columns or self._model.inherited(name) or self._generic:
                names.append(name)
                values.append(convert_column(cells, convert, name, self._messages))
        docs: list[Doc] = [dict(zip(names, row, strict=True)) for row in zip(*values, strict=True)] if names else []
        if not names:
            docs = [{} for _ in rows]
        ids = self._write_waves(docs, xmlids, keys)
        if self._messages.refused:
            raise Refused(self._messages.found)
        return LoadResult(ids, tuple(self._messages.found))

    def _column(self, path: str) -> tuple[str, str]:
        """Field and kind of reference of a column heading."""
        name, _, how = path.partition("/")
        if path in {"id", ".id"}:
            return path, ""
        if name not in self._model.fields:
            raise CallError(
                self._orm.differences.unknown_load_column.format(name=name), call=f"{self._model.name}.load"
            )
        schema = self._model.fields[name]
        if how and (schema.type not in {"many2one", "many2many"} or how not in {"id", ".id"}):
            message = f"the embedded destination cannot load sub-rows yet: column {path!r}"
            raise CallError(message, call=f"{self._model.name}.load")
        if schema.type == "one2many":
            message = f"the embedded destination cannot load sub-rows yet: column {path!r}"
            raise CallError(message, call=f"{self._model.name}.load")
        return name, how

    def _xmlids(self, fields: Sequence[str], columns: Sequence[Sequence[Any]]) -> list[str]:
        """The external id of each row, '' where it has none."""
        if "id" not in fields:
            return [""] * len(columns[0] if columns else [])
        found = []
        for row, cell in enumerate(columns[list(fields).index("id")]):
            xmlid = "" if cell in ("", None, False) else str(cell)
            if xmlid and "." not in xmlid:
                xmlid = f"__import__.{xmlid}"
            if " " in xmlid_parts(xmlid)[1]:
                message = "The operation cannot be completed: External IDs cannot contain spaces"
                self._messages.error(row, "id", message)
                xmlid = ""
            found.append(xmlid)
        return found

    def _database_ids(self, fields: Sequence[str], columns: Sequence[Sequence[Any]]) -> list[int | None]:
        rows = len(columns[0]) if columns else 0
        if ".id" not in fields:
            return [None] * rows
        cells = columns[list(fields).index(".id")]
        wanted = [int(cell) if str(cell or "").isdigit() else None for cell in cells]
        gone = self._orm.store.missing(self._model.name, {key for key in wanted if key})
        for row, (cell, key) in enumerate(zip(cells, wanted, strict=True)):
            if (key is None and cell not in ("", None, False)) or key in gone:
                self._messages.error(row, ".id", f"Unknown database identifier '{cell}'")
        return wanted

    def _write_waves(self, docs: list[Doc], xmlids: list[str], keys: list[int | None]) -> list[int]:
        """Rows in order; a new wave starts where a row needs one of the wave before to exist."""
        ids: list[int] = []
        start = 0
        inside: set[str] = set()
        references = self._self_references(docs)
        for row, xmlid in enumerate(xmlids):
            if xmlid in inside or any(text in inside for name in references for text in _waiting(docs[row].get(name))):
                ids += self._wave(docs, xmlids, keys, start, row)
                start, inside = row, set()
            if xmlid:
                inside.add(xmlid)
        return ids + self._wave(docs, xmlids, keys, start, len(docs))

    def _self_references(self, docs: list[Doc]) -> list[str]:
        """Columns that point to the model itself: only they can wait for a row of the same load."""
        relations = {**self._model.many2one, **self._model.many2many}
        return [
            name for name, relation in relations.items() if relation == self._model.name and docs and name in docs[0]
        ]

    def _wave(self, docs: list[Doc], xmlids: list[str], keys: list[int | None], start: int, end: int) -> list[int]:
        known = resolve_xmlids(self._orm, {xmlid for xmlid in xmlids[start:end] if xmlid})
        alive = {res_id for model, res_id, _ in known.values() if model == self._model.name}
        alive -= self._orm.store.missing(self._model.name, alive)
        self._resolve_pending(docs, start, end)
        bad = {message.row for message in self._messages.found if message.severity == "error"}
        creates: list[int] = []
        updates: list[tuple[int, int]] = []
        ids = dict.fromkeys(range(start, end), 0)
        dangling: dict[str, int] = {}
        for row in range(start, end):
            key, xmlid = keys[row], xmlids[row]
            target = known.get(xmlid)
            if target and target[0] != self._model.name:
                message = f"{xmlid}: found record of different model {target[0]} ({target[1]}), not {self._model.name}"
                self._messages.error(row, "id", message)
                continue
            if row in bad:
                continue
            if key:
                updates.append((row, key))
            elif target and target[1] in alive:
                updates.append((row, target[1]))
            else:
                if target:
                    dangling[xmlid] = target[2]
                creates.append(row)
        for row, key in self._create(docs, creates):
            ids[row] = key
        for row, key in self._update(docs, updates):
            ids[row] = key
        self._name(creates, ids, xmlids, dangling)
        return list(ids.values())

    def _resolve_pending(self, docs: list[Doc], start: int, end: int) -> None:
        """Texts that waited for an earlier row become ids."""
        for name in self._self_references(docs):
            texts = {text for row in range(start, end) for text in _waiting(docs[row].get(name))}
            if not texts:
                continue
            known = {key: value[1] for key, value in resolve_xmlids(self._orm, texts).items()}
            label = self._model.fields[name].string
            for row in range(start, end):
                value = docs[row].get(name)
                for text in _waiting(value):
                    if text not in known:
                        message = f"No matching record found for external id '{text}' in field '{label}'"
                        self._messages.error(row, name, message)
                if isinstance(value, str):
                    docs[row][name] = known.get(value)
                elif isinstance(value, list):
                    docs[row][name] = (
                        [(Command.SET, 0, [known.get(item, item) for item in value[0][2]])]
                        if value[0][0] == Command.SET
                        else value
                    )

    def _create(self, docs: list[Doc], rows: list[int]) -> list[tuple[int, int]]:
        if not rows:
            return []
        created = self._together(rows, lambda part: self._create_part([docs[row] for row in part]))
        return list(zip(rows, created, strict=True)) if created else []

    def _create_part(self, docs: list[Doc]) -> list[int]:
        if self._generic:
            return self._orm.create(self._model.name, [_raw(doc) for doc in docs], self._context)
        return self._orm.create_converted(self._model, [dict(doc) for doc in docs], [], self._context)

    def _update(self, docs: list[Doc], rows: list[tuple[int, int]]) -> list[tuple[int, int]]:
        keys = dict(rows)

        def write(part: list[int]) -> list[int]:
            if self._generic:
                for row in part:
                    self._orm.write(self._model.name, [keys[row]], _raw(docs[row]), self._context)
            else:
                self._orm.write_converted(self._model, [(keys[row], dict(docs[row])) for row in part], self._context)
            return [keys[row] for row in part]

        if rows:
            self._together([row for row, _ in rows], write)
        return rows

    def _together(self, rows: list[int], write: Any) -> list[int]:
        """All rows at once; when that is refused one by one, so that every bad row is named (as Odoo does)."""
        store = self._orm.store
        store.execute("SAVEPOINT batch")
        try:
            done: list[int] = write(rows)
        except DataError:
            store.execute("ROLLBACK TO batch")
            done = []
            for row in rows:
                store.execute("SAVEPOINT one")
                try:
                    done += write([row])
                except DataError as error:
                    store.execute("ROLLBACK TO one")
                    named = _FIELD_IN_MESSAGE.search(error.message)
                    self._messages.found.append(LoadMessage(row, named[1] if named else None, error.message, "error"))
                store.execute("RELEASE one")
            if len(done) < len(rows):
                done = []
        store.execute("RELEASE batch")
        return done

    def _name(self, rows: list[int], ids: dict[int, int], xmlids: list[str], dangling: dict[str, int]) -> None:
        """External ids of the created records."""
        named = [row for row in rows if xmlids[row] and ids[row]]
        fresh = [row for row in named if xmlids[row] not in dangling]
        for row in named:
            if xmlids[row] in dangling:
                key = dangling[xmlids[row]]
                (doc,) = self._orm.store.get("ir.model.data", [key]).values()
                self._orm.touch("ir.model.data", [(key, {**doc, "res_id": ids[row]})])
        keys = self._orm.store.next_ids("ir.model.data", len(fresh))
        name = self._model.name
        stamps = {"create_date": self._orm.stamp, "write_date": self._orm.stamp, "create_uid": 2, "write_uid": 2}
        if self._context.get("noupdate"):
            stamps["noupdate"] = True
        rows_of_data = []
        for key, row in zip(keys, fresh, strict=True):
            module, short = xmlid_parts(xmlids[row])
            rows_of_data.append((key, {"module": module, "name": short, "model": name, "res_id": ids[row], **stamps}))
        self._orm.store.insert("ir.model.data", rows_of_data)


def _waiting(value: Any) -> list[str]:
    """External ids in a reference that wait for their row."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, list) and value and value[0][0] == Command.SET:
        return [item for item in value[0][2] if isinstance(item, str)]
    return []


def _raw(doc: Doc) -> Doc:
    return {key: False if value is None else value for key, value in doc.items()}
