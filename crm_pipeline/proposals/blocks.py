"""What every block has: fields that take a column as it is, names, addresses, links to records known by name, owners, the rest."""

from __future__ import annotations

from collections.abc import Mapping

from crm_pipeline.proposals.column_types import column_type
from crm_pipeline.proposals.drafting import BlockDraft, FieldDraft, from_columns, structural
from crm_pipeline.proposals.export import Export
from crm_pipeline.proposals.table import Candidate, ColumnReading, TableReading
from crm_pipeline.proposals.terms import tokens
from crm_pipeline.proposals.vocabulary import KEY, NO_FIELD

#: Columns of a kind, by the field they say; what is left in the end becomes custom fields.
Left = dict[str, ColumnReading]

#: Fields that link to records known by their name alone: field → (model, name of the block).
NAMED: Mapping[str, tuple[str, str]] = {
    "industry_id": ("res.partner.industry", "industry"), "title": ("res.partner.title", "title"), "source_id": ("utm.source", "source"),
    "campaign_id": ("utm.campaign", "campaign"), "medium_id": ("utm.medium", "medium"), "lost_reason_id": ("crm.lost.reason", "lost_reason"),
    "category_id": ("res.partner.category", "partner_tag"), "tag_ids": ("crm.tag", "tag"),
}  # fmt: skip
_LISTS = frozenset({"category_id", "tag_ids"})
_WAYS_TO_NAME = frozenset({"email", "name", "id", "address", "mail"})
_PARTS = {"first": 1, "given": 1, "forename": 1, "middle": 2, "last": 3, "surname": 3, "family": 3}


def begin(export: Export, table: TableReading) -> tuple[BlockDraft, Left]:
    """A block for a table, and its columns by name."""
    key = export.keys[table.name]
    block = BlockDraft(table.name, table.name, {"object": table.name, "accounts_for": table.name, "external_id": f"{table.name}_{{src.{key}}}"})
    left = {column.name: column for column in table.columns if column.name != key and not column.profile.is_empty}
    return block, {name: column for name, column in left.items() if column.best.says != KEY or column.profile.distinct > 1}


def take(left: Left, says: str) -> list[ColumnReading]:
    """Take the columns that say a field out of what is left, surest first."""
    found = sorted((c for c in left.values() if c.best.says == says), key=lambda c: -c.best.confidence)
    for column in found:
        del left[column.name]
    return found


def take_one(left: Left, says: str) -> ColumnReading | None:
    """Take the surest column that says a field; the others stay."""
    found = sorted((c for c in left.values() if c.best.says == says), key=lambda c: -c.best.confidence)
    return left.pop(found[0].name) if found else None


def plain_fields(export: Export, model: str, block: BlockDraft, left: Left, names: tuple[str, ...]) -> None:
    """Fields that take a column as it is."""
    for name in names:
        if export.has(model, name):
            column = take_one(left, name)
            if column is not None:
                more = {"compare": "url"} if name == "website" else {}
                block.fields[name] = from_columns({"from": column.name, **more}, [column])


def name_expression(columns: list[ColumnReading]) -> str:
    """A person's or record's name out of a whole name or its parts."""
    parts = sorted((min((_PARTS[w] for w in tokens(c.heading) if w in _PARTS), default=0), c.name) for c in columns)
    whole = [f"src.{name}" for number, name in parts if not number]
    pieces = [f"src.{name}" for number, name in parts if number]
    joined = ""
    for piece in pieces:
        joined = f"words({joined}, {piece})" if joined else piece
    return ", ".join([*whole, *([f"words({joined}, NULL)" if len(pieces) == 1 else joined] if joined else [])])


def text_field(column: ColumnReading) -> FieldDraft:
    """A field of Odoo that holds HTML, of a column with text or HTML."""
    return from_columns({"from": column.name, "as": "sanitize_html" if column_type(column) == "html" else "text_to_html"}, [column])


def address_fields(export: Export, model: str, block: BlockDraft, left: Left) -> None:
    """Street, city, zip, state and country; the last two are looked up in Odoo."""
    plain_fields(export, model, block, left, ("street", "street2", "city", "zip"))
    country = take_one(left, "country_id")
    if country is None:
        return
    state = take_one(left, "state_id")
    if state is not None:
        key = f"country_code(src.{country.name}) || '/' || fold(src.{state.name})"
        block.fields["state_id"] = from_columns({"lookup": {"reference": "state", "key": key}, "on_unresolved": "blank"}, [state])
    key = f"country_code(src.{country.name})"
    block.fields["country_id"] = from_columns({"lookup": {"reference": "country", "key": key}, "on_unresolved": "blank"}, [country])


def named_fields(export: Export, model: str, block: BlockDraft, left: Left) -> None:
    """Links to tags, sources, industries and their like, which are made of the values."""
    for name, (named_model, named_block) in NAMED.items():
        if not export.has(model, name) or named_model not in export.schema:
            continue
        column = take_one(left, name)
        if column is None:
            continue
        table = str(block.table)
        if name in _LISTS:
            separator = ";" if any(";" in v for v in _texts(column)) else "|" if any("|" in v for v in _texts(column)) else ","
            listed = f"{column.name}_list"
            export.derive.setdefault(table, {})[listed] = f"split_list({column.name}, '{separator}')"
            export.named.setdefault(named_model, {})[f"{named_block}/{table}/{column.name}"] = (table, f"unnest({listed})")
            key = f"list_transform(src.{listed}, lambda x: fold(x))"
            block.fields[name] = from_columns({"refs": {"to": named_block, "key": [key]}}, [column])
        else:
            export.named.setdefault(named_model, {})[f"{named_block}/{table}/{column.name}"] = (table, column.name)
            more = {"when": "src.is_lost"} if name == "lost_reason_id" and "is_lost" in export.derive.get(table, {}) else {}
            block.fields[name] = from_columns({"ref": {"to": named_block, "key": [f"fold(src.{column.name})"], **more}}, [column])


def owner_field(export: Export, block: BlockDraft, left: Left, name: str = "user_id") -> ColumnReading | None:
    """The user whose record it is; without a column nobody, so that Odoo does not name the migration's user."""
    column = _owner_column(left, name)
    if column is None:
        if name == "user_id":
            block.fields[name] = structural({"const": None}, 0.95, "no column names an owner; without this Odoo would name the migration's user")
        return None
    export.owners.append((str(block.table), column.name, name == "user_id"))
    key = owner_key(export, block, column)
    if name == "user_id":
        block.fields[name] = from_columns({"ref": {"to": "users", "key": [key]}}, [column])
    else:
        block.fields[name] = from_columns({"ref": {"to": "users", "key": [key], "via": "partner_id"}, "on_unresolved": "blank"}, [column])
    return column


def _owner_column(left: Left, says: str) -> ColumnReading | None:
    """Take the column that names the owner, by e-mail rather than by name; the same said once more is dropped."""
    found = sorted((c for c in left.values() if c.best.says == says), key=lambda c: (-round(c.profile.share("email")), -c.best.confidence))
    for column in found:
        if set(tokens(column.heading)) - _WAYS_TO_NAME == set(tokens(found[0].heading)) - _WAYS_TO_NAME:
            del left[column.name]
    return found[0] if found else None


def users_table(export: Export) -> TableReading | None:
    """The table that lists users with name and e-mail, if the export has one."""
    return next((t for t in export.of_kind("user") if t.column("email") is not None and t.column("name") is not None), None)


def owner_key(export: Export, block: BlockDraft, column: ColumnReading) -> str:
    """The key of the user a column names."""
    if users_table(export) is None:
        return f"fold(src.{column.name})"
    alias = f"{column.name}_user"
    block.head.setdefault("join", []).append({"table": "owners_members", "as": alias, "on": {"owner_text": f"fold(src.{column.name})"}})
    return f"{alias}.owner_key"


def custom_fields(export: Export, model: str, block: BlockDraft, left: Left) -> None:
    """What is left: fields of its own, so that nothing is lost."""
    for column in left.values():
        name = export.custom_field(model, column, column_type(column))
        why = "Odoo has no field for this; kept in a field of its own" if column.best.says == NO_FIELD else (
            f"read as {column.best.says}, which another column is or this one can't fill; kept in a field of its own"
        )
        sure = column.best.confidence if column.best.says == NO_FIELD else 0.5
        block.fields[name] = FieldDraft({"from": column.name}, sure, (why, *column.best.reasons), (column,), _others(column))
    left.clear()


def _others(column: ColumnReading) -> tuple[Candidate, ...]:
    """What a column that gets a field of its own may be instead."""
    return tuple(c for c in column.candidates if c.says != NO_FIELD)[:2]


def _texts(column: ColumnReading) -> tuple[str, ...]:
    return column.profile.samples + column.profile.choices
