"""``load`` on the embedded store: all rows or none, identified by external id (ODOO_FACTS 3)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
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
from crm_pipeline.odoo.embedded.identities import add_external_ids
from crm_pipeline.odoo.embedded.registry import MAGIC, Model
from crm_pipeline.odoo.embedded.rules.partner import SKIP_SYNC
from crm_pipeline.odoo.embedded.store import Doc
from crm_pipeline.odoo.embedded.subrows import SUB_ROWS, Lines, parted
from crm_pipeline.odoo.embedded.values import Command
from crm_pipeline.odoo.errors import AccessRightsError, CallError, DataError

if TYPE_CHECKING:
    from crm_pipeline.odoo.embedded.orm import Orm

_TWICE = (
    "ON CONFLICT DO UPDATE command cannot affect row a second time\n"
    "HINT:  Ensure that no rows proposed for insertion within the same command have duplicate constrained values."
)
_FIELD_IN_MESSAGE = re.compile(r"for the field '[^']*' \((\w+)\)")


class Refused(Exception):  # noqa: N818 - not an error of ours: it rolls the call back
    """Some rows cannot be loaded: nothing is written."""

    def __init__(self, messages: Sequence[LoadMessage]) -> None:
        super().__init__(len(messages))
        self.messages = tuple(messages)


class Load:
    """One call of ``load`` inside a transaction, or the lines of its documents.

    ``label`` precedes the labels of fields in complaints: ``Order Lines/`` for lines.
    """

    def __init__(self, orm: Orm, model: Model, context: Context, *, label: str = "") -> None:
        # load synchronises contacts and companies also when the context says not to (all versions)
        self._context = {key: value for key, value in context.items() if key != SKIP_SYNC} | {"install_mode": True}
        self._orm, self._model, self._label = orm, model, label
        rule = orm.rules.get(model.name)
        self._generic = model.inherits is not None
        self._accepted = rule.accepted if rule is not None else frozenset()
        self._messages = Messages()
        self._docs: list[Doc] = []
        self._xmlids: list[str] = []
        self._keys: list[int | None] = []
        self._lines: list[LoadLines] = []

    def run(self, fields: Sequence[str], rows: Sequence[Sequence[Any]]) -> LoadResult:
        """Load the rows; raises :class:`Refused` when any of them has an error."""
        columns = list(zip(*rows, strict=True)) if rows else [() for _ in fields]
        if len(columns) != len(fields):
            message = f"{len(fields)} columns are named but the rows have {len(columns)} cells"
            raise CallError(message, call=f"{self._model.name}.load")
        batch = parted(fields, columns, self._model.one2many)
        self.read(batch.fields, batch.columns, len(batch.firsts))
        for name, lines in batch.lines.items():
            loaded = LoadLines(self._orm, self._model, name, lines, self._context)
            self._messages.found += loaded.complaints()
            self._lines.append(loaded)
        ids = self._write_waves()
        found = [
            replace(message, row=batch.firsts[message.row]) if message.row is not None else message
            for message in self._messages.found
        ]
        if self._messages.refused:
            raise Refused(found)
        return LoadResult(ids, tuple(found))

    def read(self, fields: Sequence[str], columns: Sequence[Sequence[Any]], count: int) -> None:
        """Check the cells of ``count`` records; what is wrong becomes a message."""
        plan = [self._column(path) for path in fields]
        self._generic |= any(name in self._accepted for name, _ in plan)
        self._xmlids = self._external_ids(fields, columns, count)
        self._keys = self._database_ids(fields, columns, count)
        pending = {xmlid for xmlid in self._xmlids if xmlid}
        names: list[str] = []
        values: list[list[Any]] = []
        for (name, how), cells in zip(plan, columns, strict=True):
            if name in {"id", ".id"} or name in MAGIC:
                continue
            schema = self._model.schema(name)
            if self._label:
                schema = replace(schema, string=self._label + schema.string)
            if schema.type in {"many2one", "many2many"}:
                waiting = pending if schema.relation == self._model.name else set()
                one = relation_cell(self._orm, schema, how, cells, waiting, self._messages)
                convert = reference_cell(schema, one)
            else:
                convert = scalar_cell(self._model, schema, self._context)
            if name in self._model.columns or self._model.inherited(name) or self._generic:
                names.append(name)
                values.append(convert_column(cells, convert, name, self._messages))
        self._docs = [dict(zip(names, row, strict=True)) for row in zip(*values, strict=True)] if names else []
        if not names:
            self._docs = [{} for _ in range(count)]

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
        deeper = how and (schema.type not in {"many2one", "many2many"} or how not in {"id", ".id"})
        if deeper or schema.type == "one2many":
            message = f"the embedded destination loads sub-rows one level deep only: column {path!r}"
            raise CallError(message, call=f"{self._model.name}.load")
        return name, how

    def _external_ids(self, fields: Sequence[str], columns: Sequence[Sequence[Any]], count: int) -> list[str]:
        """The external id of each row, '' where it has none."""
        if "id" not in fields:
            return [""] * count
        found = []
        for row, cell in enumerate(columns[list(fields).index("id")]):
            xmlid = "" if cell in ("", None, False) else str(cell)
            if xmlid and "." not in xmlid:
                xmlid = f"__import__.{xmlid}"
            if " " in xmlid and " " in xmlid_parts(xmlid)[1]:
                message = "The operation cannot be completed: External IDs cannot contain spaces"
                self._messages.error(row, "id", message)
                xmlid = ""
            found.append(xmlid)
        return found

    def _database_ids(self, fields: Sequence[str], columns: Sequence[Sequence[Any]], count: int) -> list[int | None]:
        if ".id" not in fields:
            return [None] * count
        cells = columns[list(fields).index(".id")]
        wanted = [int(cell) if str(cell or "").isdigit() else None for cell in cells]
        gone = self._orm.store.missing(self._model.name, {key for key in wanted if key})
        for row, (cell, key) in enumerate(zip(cells, wanted, strict=True)):
            if (key is None and cell not in ("", None, False)) or key in gone:
                self._messages.error(row, ".id", f"Unknown database identifier '{cell}'")
        return wanted

    def _write_waves(self) -> list[int]:
        """Rows in order; a new wave starts where a row needs one of the wave before to exist."""
        ids: list[int] = []
        start = 0
        inside: set[str] = set()
        docs = self._docs
        references = self._self_references()
        for row, xmlid in enumerate(self._xmlids):
            if xmlid in inside or any(text in inside for name in references for text in _waiting(docs[row].get(name))):
                ids += self._wave(start, row)
                start, inside = row, set()
            if xmlid:
                inside.add(xmlid)
        return ids + self._wave(start, len(docs))

    def _self_references(self) -> list[str]:
        """Columns that point to the model itself: only they can wait for a row of the same load."""
        relations, docs = {**self._model.many2one, **self._model.many2many}, self._docs
        return [
            name for name, relation in relations.items() if relation == self._model.name and docs and name in docs[0]
        ]

    def _wave(self, start: int, end: int) -> list[int]:
        self._resolve_pending(start, end)
        bad = {message.row for message in self._messages.found if message.severity == "error"}
        ids = dict.fromkeys(range(start, end), 0)
        creates, updates, dangling = self._identified([row for row in range(start, end) if row not in bad], start, end)
        for row, key in self._create(creates):
            ids[row] = key
        for row, key in self._update(updates):
            ids[row] = key
        self._name(creates, ids, dangling)
        return list(ids.values())

    def _identified(
        self, rows: Sequence[int], start: int, end: int
    ) -> tuple[list[int], list[tuple[int, int]], dict[str, int]]:
        """Rows to create, rows to update with their id, and external ids whose record is gone.

        A row from ``start`` to ``end`` whose external id names a record of another model becomes a message.
        """
        known = resolve_xmlids(self._orm, {xmlid for xmlid in self._xmlids[start:end] if xmlid})
        alive = {res_id for model, res_id, _ in known.values() if model == self._model.name}
        alive -= self._orm.store.missing(self._model.name, alive)
        foreign = {xmlid for xmlid, target in known.items() if target[0] != self._model.name}
        for row in range(start, end) if foreign else ():
            xmlid = self._xmlids[row]
            if xmlid in foreign:
                model, res_id, _ = known[xmlid]
                message = f"{xmlid}: found record of different model {model} ({res_id}), not {self._model.name}"
                self._messages.error(row, "id", message)
        creates: list[int] = []
        updates: list[tuple[int, int]] = []
        dangling: dict[str, int] = {}
        for row in rows:
            key, xmlid = self._keys[row], self._xmlids[row]
            target = known.get(xmlid)
            if target and xmlid in foreign:
                continue
            if key:
                updates.append((row, key))
            elif target and target[1] in alive:
                updates.append((row, target[1]))
            else:
                if target:
                    dangling[xmlid] = target[2]
                creates.append(row)
        return creates, updates, dangling

    def _resolve_pending(self, start: int, end: int) -> None:
        """Texts that waited for an earlier row become ids."""
        docs = self._docs
        for name in self._self_references():
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

    def _create(self, rows: list[int]) -> list[tuple[int, int]]:
        if not rows:
            return []
        created = self._together(rows, self._create_part)
        return list(zip(rows, created, strict=True)) if created else []

    def _create_part(self, rows: list[int]) -> list[int]:
        docs = [self._docs[row] for row in rows]
        if self._generic:
            ids = self._orm.create(self._model.name, [_raw(doc) for doc in docs], self._context)
        else:
            ids = self._orm.create_converted(self._model, docs, [], self._context)
        self._write_lines(dict(zip(rows, ids, strict=True)))
        return ids

    def _update(self, rows: list[tuple[int, int]]) -> list[tuple[int, int]]:
        keys = dict(rows)

        def write(part: list[int]) -> list[int]:
            if self._generic:
                for row in part:
                    self._orm.write(self._model.name, [keys[row]], _raw(self._docs[row]), self._context)
            else:
                pairs = [(keys[row], dict(self._docs[row])) for row in part]
                self._orm.write_converted(self._model, pairs, self._context)
            self._write_lines({row: keys[row] for row in part})
            return [keys[row] for row in part]

        if rows:
            self._together([row for row, _ in rows], write)
        return rows

    def _write_lines(self, parents: Mapping[int, int]) -> None:
        for lines in self._lines:
            lines.write(parents)

    def _together(self, rows: list[int], write: Any) -> list[int]:
        """All rows at once; when that is refused one by one, so that every bad row is named (as Odoo does)."""
        store = self._orm.store
        store.execute("SAVEPOINT batch")
        try:
            done: list[int] = write(rows)
        except (AccessRightsError, DataError):
            store.undo("batch")
            done = []
            for row in rows:
                store.execute("SAVEPOINT one")
                try:
                    done += write([row])
                except (AccessRightsError, DataError) as error:
                    store.undo("one")
                    named = _FIELD_IN_MESSAGE.search(error.message)
                    self._messages.found.append(LoadMessage(row, named[1] if named else None, error.message, "error"))
                store.execute("RELEASE one")
            if len(done) < len(rows):
                done = []
        store.execute("RELEASE batch")
        return done

    def _name(self, rows: Sequence[int], ids: Mapping[int, int], dangling: Mapping[str, int]) -> None:
        """External ids of the created records."""
        named = [row for row in rows if self._xmlids[row] and ids[row]]
        fresh = [row for row in named if self._xmlids[row] not in dangling]
        for row in named:
            if self._xmlids[row] in dangling:
                key = dangling[self._xmlids[row]]
                (doc,) = self._orm.store.get("ir.model.data", [key]).values()
                self._orm.touch("ir.model.data", [(key, {**doc, "res_id": ids[row]})])
        add_external_ids(self._orm, self._model.name, [(*xmlid_parts(self._xmlids[row]), ids[row]) for row in fresh], self._context)


class LoadLines(Load):
    """The lines below the rows of a load: written with their documents, refused with them."""

    def __init__(self, orm: Orm, parent: Model, name: str, lines: Lines, context: Context) -> None:
        schema = parent.fields[name]
        relation = schema.relation or ""
        if relation not in orm.registry:
            message = f"the embedded destination does not have {relation}, the model of {parent.name}.{name}"
            raise CallError(message, call=f"{parent.name}.load")
        if any(not path for path in lines.fields) and lines.owners:
            message = f"the embedded destination loads sub-rows by their columns only, such as {name}/id, not {name!r}"
            raise CallError(message, call=f"{parent.name}.load")
        context = {**context, SUB_ROWS: True}
        super().__init__(orm, orm.registry.model(relation), context, label=f"{schema.string}/")
        self._parent, self._field, self._owners = parent, name, lines.owners
        self._inverse = schema.relation_field or ""
        paths = [path for path in lines.fields if path]
        self.read(
            paths, [cells for path, cells in zip(lines.fields, lines.columns, strict=True) if path], len(self._owners)
        )
        self._rows_of: dict[int, list[int]] = {}
        for row, owner in enumerate(self._owners):
            self._rows_of.setdefault(owner, []).append(row)

    def complaints(self) -> list[LoadMessage]:
        """The first complaint of each document's lines, under the document (all versions)."""
        if not self._messages.found:
            return []
        first: dict[int, LoadMessage] = {}
        for message in sorted(self._messages.found, key=lambda found: found.row or 0):
            first.setdefault(self._owners[message.row or 0], message)
        return [replace(message, row=owner, field=self._field) for owner, message in first.items()]

    def write(self, parents: Mapping[int, int]) -> None:
        """Create or update the lines of some documents (record → id); raises DataError."""
        rows = [row for owner in parents for row in self._rows_of.get(owner, ())]
        if not rows:
            return
        xmlids = [self._xmlids[row] for row in rows if self._xmlids[row]]
        if len(set(xmlids)) < len(xmlids):
            raise DataError(_TWICE, call=f"{self._parent.name}.load")
        before = len(self._messages.found)
        creates, updates, dangling = self._identified(rows, rows[0], rows[-1] + 1)
        if len(self._messages.found) > before:
            raise DataError(self._messages.found[-1].message, call=f"{self._parent.name}.load")
        docs = {row: {**self._docs[row], self._inverse: parents[self._owners[row]]} for row in rows}
        if creates:
            if self._generic:
                ids = self._orm.create(self._model.name, [_raw(docs[row]) for row in creates], self._context)
            else:
                ids = self._orm.create_converted(self._model, [docs[row] for row in creates], [], self._context)
            self._name(creates, dict(zip(creates, ids, strict=True)), dangling)
        if updates:
            self._orm.write_converted(self._model, [(key, docs[row]) for row, key in updates], self._context)


def _waiting(value: Any) -> list[str]:
    """External ids in a reference that wait for their row."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, list) and value and value[0][0] == Command.SET:
        return [item for item in value[0][2] if isinstance(item, str)]
    return []


def _raw(doc: Doc) -> Doc:
    return {key: False if value is None else value for key, value in doc.items()}
