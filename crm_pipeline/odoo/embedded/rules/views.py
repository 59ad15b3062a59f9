"""Views: the fields an inheriting view shows exist, and a field that a view shows stays (ODOO_FACTS 9).

The bundled views have no architecture: what an ``xpath`` finds in its parent is not known here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

from crm_pipeline.odoo.destination import Context, Record
from crm_pipeline.odoo.embedded.registry import Model
from crm_pipeline.odoo.embedded.rules.rule import Given, Rule
from crm_pipeline.odoo.embedded.store import Doc
from crm_pipeline.odoo.errors import DataError

if TYPE_CHECKING:
    from crm_pipeline.odoo.embedded.orm import Orm, Pairs

    Node = ET.Element

_ARCH = ("arch", "arch_base")
_POSITIONS = {"inside", "after", "before", "replace", "attributes"}
_PARSING = "Error while parsing or validating view:\n\n"
_EXTENDS = "The operation cannot be completed: Invalid inheritance mode: if the mode is 'extension', the view must extend an other view"
_INTO = re.compile(r"field\[@name=['\"](\w+)['\"]\]/+(?:tree|list|form|kanban)\b")


class ViewRule(Rule):
    """``ir.ui.view``."""

    accepted = frozenset(_ARCH)

    def accept(
        self, orm: Orm, model: Model, vals_list: Sequence[Record], context: Context, *, writing: bool = False
    ) -> Sequence[Record]:
        """``arch`` is kept as ``arch_db``."""
        del orm, model, context, writing
        accepted = []
        for vals in vals_list:
            kept = dict(vals)
            for name in _ARCH:
                if name in kept:
                    kept["arch_db"] = kept.pop(name)
            accepted.append(kept)
        return accepted

    def prepare_create(self, orm: Orm, model: Model, docs: list[Doc], given: Given, context: Context) -> None:
        """Fill in mode, type and name as Odoo does, then check."""
        del context
        for doc, names in zip(docs, given, strict=True):
            parent = orm.store.get(model.name, [doc["inherit_id"]]) if doc.get("inherit_id") else {}
            if parent and "mode" not in names:
                doc["mode"] = "extension"
            if not doc.get("type"):
                root = _parsed(doc).tag if doc.get("arch_db") else "form"
                doc["type"] = next((found["type"] for found in parent.values()), root)
            if not doc.get("name"):
                doc["name"] = f"{doc.get('model')} {doc['type']}"
            _check_view(orm, doc)

    def prepare_write(
        self, orm: Orm, model: Model, pairs: Pairs, old: dict[int, Doc], given: Given, context: Context
    ) -> None:
        """A changed view is checked again; the bundled ones can only be archived, renamed or moved."""
        del model, given, context
        for key, vals in pairs:
            if vals.keys() & {"arch_db", "model", "inherit_id", "mode", "type"}:
                _check_view(orm, {**old[key], **vals})

    def read(self, orm: Orm, model: Model, name: str, key: int, doc: Doc) -> Any:
        """The architecture, and the view's external id."""
        if name in _ARCH:
            return doc.get("arch_db", False)
        if name == "xml_id":
            found = orm.store.find("ir.model.data", model=model.name, res_id=key)
            return f"{found[0][1]['module']}.{found[0][1]['name']}" if found else ""
        return NotImplemented


def refuse_shown(orm: Orm, fields: Sequence[tuple[str, str]]) -> None:
    """Fields that an active view shows stay; raises DataError (archived views do not count, all versions)."""
    wanted = set(fields)
    views = [doc for _, doc in orm.store.find("ir.ui.view", active=True) if doc.get("arch_db")] if wanted else []
    for doc in sorted(views, key=lambda view: (view.get("priority", 0), str(view.get("name")))):
        shown = {(model, name) for model, name, _ in _fields(orm, doc, _parsed(doc)) if model}
        if wanted & shown:
            names = orm.differences.listed([f"{model}.{name}" for model, name in sorted(wanted)])
            message = f"Cannot rename/delete fields that are still present in views:\nFields: {names}\nView: {doc.get('name')}"
            raise DataError(message, call="ir.model.fields")


def _check_view(orm: Orm, doc: Doc) -> None:
    """Raises DataError."""
    parents = orm.store.get("ir.ui.view", [doc["inherit_id"]]) if doc.get("inherit_id") else {}
    if doc.get("mode") == "extension" and not doc.get("inherit_id"):
        raise DataError(_EXTENDS, call="ir.ui.view")
    if not doc.get("arch_db"):
        message = _PARSING + "Document is empty, line 1, column 1"  # Odoo takes it; in 17.0 the form is broken then
        raise DataError(message, call="ir.ui.view")
    root = _parsed(doc)
    for parent in parents.values():
        if parent.get("type") != doc.get("type"):
            kind, wrong = doc.get("type"), parent.get("type")
            raise _invalid(doc, f"The root node of a {kind} view should be a <{kind}>, not a <{wrong}>")
        if parent.get("model") != doc.get("model"):
            raise _invalid(doc, f"View {parent.get('name')} is of model {parent.get('model')}, not {doc.get('model')}")
    if str(doc.get("model")) not in orm.registry:
        raise _invalid(doc, f"Model not found: {doc.get('model')}")
    for node in root.iter():
        if "attrs" in node.attrib or "states" in node.attrib:
            message = (
                'Since 17.0, the "attrs" and "states" attributes are no longer used.\n'
                f"View: {doc.get('name')} in {doc.get('arch_fs', False)}"
            )
            raise DataError(message, call="ir.ui.view")
    for model, name, known in _fields(orm, doc, root):
        if not known:
            raise _invalid(doc, f'Field "{name}" does not exist in model "{model}"')


def _parsed(doc: Doc) -> Node:
    try:
        root: Node = ET.fromstring(doc["arch_db"])  # noqa: S314 - expat bounds the expansion of entities
    except ET.ParseError as error:
        raise DataError(f"{_PARSING}{error}", call="ir.ui.view") from None
    return root


def _invalid(doc: Doc, reason: str) -> DataError:
    near = str(doc.get("arch_db"))[:200]
    return DataError(f"Error while validating view near:\n\n{near}\n\n{reason}", call="ir.ui.view")


def _fields(orm: Orm, doc: Doc, root: Node) -> Iterator[tuple[str, str, bool]]:
    """``(model, field, whether it exists)`` of the fields a view shows, as far as their model is known."""
    model = str(doc.get("model"))
    if not doc.get("inherit_id"):
        yield from _below(orm, root, model)
        return
    for spec in root if root.tag == "data" else [root]:
        position = spec.get("position", "inside")
        if position not in _POSITIONS:
            raise DataError(f"{_PARSING}Invalid position attribute: '{position}'", call="ir.ui.view")
        owner: str | None = model
        if spec.tag == "xpath":
            owner = _reached(orm, model, spec.get("expr"))
        elif spec.tag == "field":
            owner = _located(orm, model, spec.get("name"))
        if position != "attributes" and owner is not None:
            yield from _below(orm, spec, owner)


def _below(orm: Orm, node: Node, model: str) -> Iterator[tuple[str, str, bool]]:
    """The fields inside a node of a model's view; a field with a view of its own leads to its relation."""
    schema = orm.registry.model(model).fields
    for child in node:
        if child.get("position") == "move":
            continue
        name = child.get("name")
        if child.tag != "field" or name is None:
            yield from _below(orm, child, model)
            continue
        yield model, name, name in schema
        relation = schema[name].relation or "" if name in schema else ""
        if len(child) and relation in orm.registry:
            for view in child:
                yield from _below(orm, view, relation)


def _reached(orm: Orm, model: str, expression: str | None) -> str | None:
    """The model at the end of an xpath that may lead into views of x2many fields; None when it is not known."""
    if not expression:
        raise DataError("Argument must be bytes or unicode, got 'NoneType'", call="ir.ui.view")
    found: str | None = model
    for name in _INTO.findall(expression):
        schema = orm.registry.model(found).fields.get(name) if found else None
        relation = schema.relation or "" if schema is not None else ""
        found = relation if relation in orm.registry else None
    return found


def _located(orm: Orm, model: str, name: str | None) -> str | None:
    """The model around a field that says where to insert; another model's when the field is in a view inside."""
    if name in orm.registry.model(model).fields:
        return model
    if not any(name in orm.registry.model(other).fields for other in orm.registry.names()):
        message = f"{_PARSING}Element '<field name=\"{name}\">' cannot be located in parent view"
        raise DataError(message, call="ir.ui.view")
    return None
