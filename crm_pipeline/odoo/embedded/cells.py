"""Cells of ``load``: text as Odoo's importer reads it, a column at a time (ODOO_FACTS 3, seen on 17.0-19.0)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from crm_pipeline.odoo.destination import Context, FieldSchema, LoadMessage
from crm_pipeline.odoo.embedded.conversion import convert_all
from crm_pipeline.odoo.embedded.registry import Model
from crm_pipeline.odoo.embedded.values import Command, parse_datetime
from crm_pipeline.odoo.errors import CallError, DataError

if TYPE_CHECKING:
    from crm_pipeline.odoo.embedded.orm import Orm

Cell = Callable[[Any], Any]

_TRUE = frozenset({"1", "true", "yes"})
_FALSE = frozenset({"", "0", "false", "no"})
_BLANK = ("", None, False)


@dataclass(slots=True)
class Messages:
    """The complaints of one load."""

    found: list[LoadMessage] = field(default_factory=list)

    def error(self, row: int, name: str, message: str) -> None:
        """A row cannot be loaded."""
        self.found.append(LoadMessage(row, name, message, "error"))

    def warning(self, row: int, name: str, message: str) -> None:
        """A row was loaded with a guess."""
        self.found.append(LoadMessage(row, name, message, "warning"))

    @property
    def refused(self) -> bool:
        """Whether any row cannot be loaded."""
        return any(message.severity == "error" for message in self.found)


def convert_column(cells: Sequence[Any], convert: Cell, name: str, messages: Messages) -> list[Any]:
    """All cells of a column, texts that repeat converted once; the slow second pass names every bad one."""
    try:
        return convert_all(cells, convert)
    except (ValueError, DataError):
        values: list[Any] = []
        for row, cell in enumerate(cells):
            try:
                values.append(convert(cell))
            except DataError as error:
                values.append(None)
                messages.error(row, name, error.message)
            except ValueError as error:
                values.append(None)
                messages.error(row, name, str(error))
        return values


def scalar_cell(model: Model, schema: FieldSchema, context: Context) -> Cell:
    """The reader of a cell of a field that is not a relation; raises ValueError with Odoo's sentence."""
    label = schema.string
    stored = model.converter(schema.name)
    match schema.type:
        case "boolean":
            read = _boolean(label)
        case "integer" | "many2one_reference":
            read = _number(int, f"does not seem to be an integer for field '{label}'", stored)
        case "float" | "monetary":
            read = _number(float, f"does not seem to be a number for field '{label}'", stored)
        case "date":
            read = _parsed(stored, f"does not seem to be a valid date for field '{label}'")
        case "datetime":
            read = _datetime(label, _zone(context))
        case "selection":
            read = _selection(label, model.labels.get(schema.name, {}))
        case _:
            return lambda cell: None if cell in _BLANK else stored(cell)
    return read


def _boolean(label: str) -> Cell:
    def read(cell: Any) -> Any:
        if cell is None or cell == "":
            return None
        if not isinstance(cell, str):
            message = f"{type(cell).__name__!r} object has no attribute 'lower': write booleans as 'True' or 'False'"
            raise CallError(message)
        text = cell.lower()
        if text in _TRUE:
            return True
        if text in _FALSE:
            return None
        raise ValueError(f"Unknown value '{cell}' for boolean field '{label}'")

    return read


def _number(kind: Callable[[Any], Any], complaint: str, stored: Cell) -> Cell:
    def read(cell: Any) -> Any:
        if cell is None or cell == "" or cell is False:
            return None
        try:
            number = kind(cell)
        except ValueError:
            raise ValueError(f"'{cell}' {complaint}") from None
        return stored(number)

    return read


def _parsed(stored: Cell, complaint: str) -> Cell:
    def read(cell: Any) -> Any:
        if cell in _BLANK:
            return None
        try:
            return stored(cell)
        except DataError:
            raise ValueError(f"'{cell}' {complaint}") from None

    return read


def _zone(context: Context) -> ZoneInfo | None:
    """The context's time zone; None for UTC, which the administrator of a fresh database also has."""
    name = context.get("tz")
    if not name or name == "UTC":
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return None


def _datetime(label: str, zone: ZoneInfo | None) -> Cell:
    def read(cell: Any) -> Any:
        if cell in _BLANK:
            return None
        try:
            text = parse_datetime(cell)
        except (ValueError, TypeError):
            raise ValueError(f"'{cell}' does not seem to be a valid datetime for field '{label}'") from None
        if zone is None:
            return text
        local = datetime.fromisoformat(text).replace(tzinfo=zone, fold=1)
        return local.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")

    return read


def _selection(label: str, labels: dict[str, str]) -> Cell:
    lookup = {text.lower(): key for key, text in reversed(labels.items())}
    lookup.update({key.lower(): key for key in reversed(labels)})

    def read(cell: Any) -> Any:
        if cell in _BLANK:
            return None
        found = lookup.get(str(cell).lower())
        if found is None:
            raise ValueError(f"Value '{cell}' not found in selection field '{label}'")
        return found

    return read


def xmlid_parts(xmlid: str) -> tuple[str, str]:
    """Module and name: the first dot separates; without one the module is ``__import__``."""
    module, dot, name = xmlid.partition(".")
    return (module, name) if dot else ("__import__", xmlid)


def resolve_xmlids(orm: Orm, xmlids: set[str]) -> dict[str, tuple[str, int, int]]:
    """``{xmlid: (model, res_id, id of the ir.model.data row)}`` of those that exist, in one lookup per module."""
    by_module: dict[str, list[str]] = {}
    for xmlid in xmlids:
        module, name = xmlid_parts(xmlid)
        by_module.setdefault(module, []).append(name)
    found: dict[str, tuple[str, int, int]] = {}
    for module, names in by_module.items():
        for key, doc in orm.store.find("ir.model.data", module=module, name=names):
            target = (doc["model"], doc.get("res_id", 0), key)
            found[f"{module}.{doc['name']}"] = target
            if module == "__import__":
                found[doc["name"]] = target
    return found


def relation_cell(
    orm: Orm, schema: FieldSchema, how: str, cells: Sequence[Any], pending: set[str], messages: Messages
) -> Cell:
    """The reader of one reference in a relation: by external id (``id``), database id (``.id``) or name.

    References to models that are not bundled are believed when given by database id. External ids in ``pending``
    (rows of the same load) are left as text, to be resolved once their row exists.
    """
    distinct = {cell for cell in _distinct(cells) if isinstance(cell, str) and cell}
    texts = {part for cell in distinct for part in cell.split(",")} if schema.type == "many2many" else distinct
    if how == "id":
        return _by_xmlid(orm, schema, texts, pending)
    if how == ".id":
        numbers = {cell for cell in _distinct(cells) if isinstance(cell, int) and not isinstance(cell, bool)}
        return _by_id(orm, schema, numbers | {int(text) for text in texts if text.isdigit()})
    return _by_name(orm, schema, cells, texts, messages)


def _distinct(cells: Sequence[Any]) -> Iterable[Any]:
    """Each cell once, where cells can be told apart so."""
    try:
        return set(cells)
    except TypeError:  # a list is no cell Odoo takes, and is refused when it is read
        return cells


def _by_xmlid(orm: Orm, schema: FieldSchema, texts: set[str], pending: set[str]) -> Cell:
    relation = schema.relation or ""
    known = {xmlid: res_id for xmlid, (model, res_id, _) in resolve_xmlids(orm, texts).items() if model == relation}
    gone = orm.store.missing(relation, set(known.values())) if relation in orm.registry else set()

    def read(text: str) -> Any:
        found = known.get(text)
        if found is not None and found not in gone:
            return found
        if text in pending:
            return text
        if text.lower() in _FALSE:
            return None
        raise ValueError(f"No matching record found for external id '{text}' in field '{schema.string}'")

    return read


def _by_id(orm: Orm, schema: FieldSchema, numbers: set[int]) -> Cell:
    relation = schema.relation or ""
    absent = orm.store.missing(relation, numbers) if relation in orm.registry else set()

    def read(text: Any) -> Any:
        if isinstance(text, str) and text.lower() in _FALSE:
            return None
        try:
            number = int(text)
        except ValueError:
            raise ValueError(f"Invalid database id '{text}' for the field '{schema.string}'") from None
        if number in absent:
            raise ValueError(f"No matching record found for database id '{text}' in field '{schema.string}'")
        return number

    return read


def _by_name(orm: Orm, schema: FieldSchema, cells: Sequence[Any], texts: set[str], messages: Messages) -> Cell:
    names = names_of(orm, schema.relation or "", texts)
    for row, cell in enumerate(cells):
        for text in _parts(schema, cell) if isinstance(cell, str) else ():
            if len(names.get(text) or ()) > 1:
                message = (
                    f"Found multiple matches for value '{text}' in field '{schema.string}' ({len(names[text])} matches)"
                )
                messages.warning(row, schema.name, message)

    def read(text: str) -> Any:
        found = names.get(text)
        if not found:
            raise ValueError(f"No matching record found for name '{text}' in field '{schema.string}'")
        return found[0]

    return read


def reference_cell(schema: FieldSchema, one: Cell) -> Cell:
    """A many2one takes one reference; a many2many a comma list that replaces what was there."""
    if schema.type == "many2one":
        return lambda cell: None if cell in _BLANK else one(cell)

    def many(cell: Any) -> Any:
        if cell in _BLANK:
            return [(Command.CLEAR,)]
        return [(Command.SET, 0, [one(part) for part in _parts(schema, str(cell))])]

    return many


def names_of(orm: Orm, relation: str, texts: set[str]) -> dict[str, list[int]]:
    """Active records by exact name, as ``name_search`` finds them; countries and states also by code."""
    if relation not in orm.registry or not texts:
        return {}
    model = orm.registry.model(relation)
    found: dict[str, list[int]] = {}
    columns = [name for name in ("complete_name", "name", "login", "code", "default_code") if name in model.columns]
    for text in texts:
        terms: list[Any] = ["|"] * (len(columns) - 1)
        terms += [[name, "=", text] for name in columns]
        found[text] = orm.search_ids(model, terms, {})
    return found


def _parts(schema: FieldSchema, cell: str) -> list[str]:
    return cell.split(",") if schema.type == "many2many" else [cell]
