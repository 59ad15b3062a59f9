"""Notes, calls, e-mails, meetings and tasks → mail.message for what happened, mail.activity for what is still to be done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from crm_pipeline.exports.sql import literal
from crm_pipeline.proposals.blocks import Left, begin, name_expression, owner_field, take, take_one
from crm_pipeline.proposals.column_types import column_type
from crm_pipeline.proposals.drafting import BlockDraft, FieldDraft, TargetDraft, from_columns, structural
from crm_pipeline.proposals.export import Export
from crm_pipeline.proposals.relations import Link
from crm_pipeline.proposals.table import ColumnReading, TableReading
from crm_pipeline.proposals.terms import tokens

_HISTORY = ("note", "call", "email", "meeting")
_PARENTS = ("deal", "lead", "person", "company")
_TYPES = {"call": "mail.mail_activity_data_call", "meeting": "mail.mail_activity_data_meeting", "email": "mail.mail_activity_data_email"}
#: So many of the values of a column that says a table must be names of tables; the others' rows are set aside.
_NAMED = 0.5
_TODO = "mail.mail_activity_data_todo"


@dataclass(frozen=True)
class _Parent:
    """How rows name the record they belong to: the field, and the condition under which they name one."""

    field: FieldDraft
    condition: str


def draft_history(export: Export) -> tuple[list[TargetDraft], list[str]]:
    """The targets, and what could not be drafted, as sentences."""
    messages = TargetDraft("mail.message", {"title": "History", "phase": 50, "app": "mail", "match": {"policy": "never"}, "load": {"batch": 400, "order_by": ["date"]}})
    activities = TargetDraft("mail.activity", {"title": "Planned activities", "phase": 50, "app": "mail", "match": {"policy": "never"}})
    problems = []
    for table in export.of_kind(*_HISTORY, "task"):
        block, left = begin(export, table)
        parent = _parent(export, table, block, left)
        if parent is None:
            problems.append(f"{table.label}: no column names the record its rows belong to, so they are read and reported but not loaded")
            export.derive.pop(table.name, None)
            continue
        if table.kind == "task":
            _draft_tasks(export, table, block, left, parent, activities, messages)
        else:
            block.head["divert"] = [{"where": f"({parent.condition}) IS NOT TRUE", "fate": "excluded", "reason": "belongs_to_no_record"}]
            _message(export, table, block, left, parent)
            messages.blocks.append(block)
    return [target for target in (activities, messages) if target.blocks], problems


def _parent(export: Export, table: TableReading, block: BlockDraft, left: Left) -> _Parent | None:
    by_type = _typed_parent(export, table, left)
    if by_type is not None:
        return by_type
    found: list[tuple[ColumnReading, Link]] = []
    for kind in _PARENTS:
        for column in list(left.values()):
            link = export.link(table.name, column.name, (kind,))
            if column.best.says == "res_id" and link is not None and column not in [c for c, _ in found]:
                found.append((column, link))
    if not found:  # nothing is called so, but the values are another table's keys
        for column in list(left.values()):
            link = export.link(table.name, column.name, _PARENTS)
            if link is not None and link.by_key and column.profile.share("int") < 1:
                found.append((column, link))
                break
    refs = []
    for column, link in found:
        key = export.link_key(block, link, column.name)
        if link.by_key:
            export.refer(table.name, column.name, link.to)
        refs.append({"to": link.to, "key": [key], "when": f"{key} IS NOT NULL"})
        left.pop(column.name, None)
    if not refs:
        return None
    why = ", else ".join(f"{c.heading} ({link.share:.0%} of its values are in {link.to})" for c, link in found)
    draft = from_columns({"ref": refs}, [c for c, _ in found], why)
    return _Parent(draft, " OR ".join(str(ref["when"]) for ref in refs))


def _typed_parent(export: Export, table: TableReading, left: Left) -> _Parent | None:
    """A column that says of which table the record is, beside one with its key."""
    for kind_column in left.values():
        to = {value: name for value in kind_column.profile.choices if (name := _table_called(export, value)) is not None}
        if not to or len(to) < _NAMED * len(kind_column.profile.choices) or "type" not in tokens(kind_column.heading):
            continue
        for column in left.values():
            hits = {link.to: link.share for link in export.links.get((table.name, column.name), ()) if link.by_key}
            if column is not kind_column and sum(hits.get(name, 0.0) for name in set(to.values())) >= 0.6:
                del left[column.name], left[kind_column.name]
                export.types[table.name, column.name] = "key"
                export.types[table.name, kind_column.name] = "str"
                export.references.setdefault(table.name, {})[column.name] = (kind_column.name, to)
                origin = {"ref": {"by": f"src.{kind_column.name}", "to": to, "key": [f"src.{column.name}"]}}
                draft = from_columns(origin, [column], f"{kind_column.heading} says of which table, {column.heading} is its key")
                return _Parent(draft, f"src.{column.name} IS NOT NULL AND src.{kind_column.name} IS NOT NULL")
    return None


def _table_called(export: Export, word: str) -> str | None:
    """The table of records that a value names: 'Deal' the table of deals."""
    said = set(tokens(word))
    for table in export.of_kind(*_PARENTS):
        if said & (set(tokens(table.name)) | {str(table.kind)}) or (table.kind == "deal" and "opportunity" in said):
            return table.name
    return None


def _message(export: Export, table: TableReading, block: BlockDraft, left: Left, parent: _Parent, *, title: str = "subject") -> None:
    """Fields of what happened on a record; columns without a field of their own are lines of the text."""
    key = export.keys[table.name]
    block.fields["model"] = structural({"model_of": "res_id"}, 0.97)
    block.fields["res_id"] = parent.field
    moment = take_one(left, "date") or _moment(left)
    if moment is not None:
        export.types[table.name, moment.name] = "dt"
        block.fields["date"] = from_columns({"sql": f"coalesce(src.{moment.name}, export_time())"}, [moment])
    else:
        block.fields["date"] = structural({"sql": "export_time()"}, 0.5, "no column says when; the time of the export is taken")
    block.fields["message_type"] = structural({"const": "comment"}, table.confidence, "a comment is shown and never mailed")
    block.fields["subtype_id"] = structural({"xmlid": "mail.mt_note"}, table.confidence, "a note is shown to users only")
    subjects = take(left, title)
    block.fields["subject"] = from_columns({"sql": f"coalesce({name_expression(subjects)})"}, subjects) if subjects else structural({"const": None}, 0.9)
    author = next((c for c in left.values() if c.best.says in {"author_id", "user_id"}), None)
    owner_field(export, block, left, "author_id" if author is None or author.best.says == "author_id" else "user_id")
    if "user_id" in block.fields:
        key_of = block.fields.pop("user_id").origin["ref"]["key"]
        export.owners[-1] = (table.name, export.owners[-1][1], False)
        block.fields["author_id"] = from_columns({"ref": {"to": "users", "key": key_of, "via": "partner_id"}, "on_unresolved": "blank"}, [author] if author else [])
    block.fields.setdefault("author_id", structural({"const": None}, 0.8, "no column says who wrote it"))
    name = f"coalesce(src.{author.name}, {literal(export.label)})" if author is not None else literal(export.label)
    for field in ("email_from", "reply_to"):
        block.fields[field] = structural({"sql": name}, 0.95, "the author as exported; Odoo would name the migration's user")
    _text(block, left, "body")
    block.fields["message_id"] = structural(
        {"sql": f"'<{table.name}_' || external_name(src.{key}) || '@{export.name}.migration>'"}, 0.97, "tells messages apart"
    )


def _moment(left: Left) -> ColumnReading | None:
    """The column that most likely says when: one with times, else with dates."""
    found = [c for c in left.values() if max(c.profile.share("dt"), c.profile.share("date")) >= 0.8]
    found.sort(key=lambda c: ("update" in c.name or "modif" in c.name, -c.profile.share("dt"), -c.profile.filled))
    return left.pop(found[0].name) if found else None


def _text(block: BlockDraft, left: Left, field: str) -> None:
    """The text with a line for each column that is left."""
    texts = take(left, field)
    rest = [c for c in left.values() if c.name not in {u.name for f in block.fields.values() for u in f.columns}]
    left.clear()
    parts = [f"coalesce({'sanitize_html' if column_type(c) == 'html' else 'text_to_html'}(src.{c.name}), '')" for c in texts]
    parts += [f"coalesce('<p>{_escaped(c.heading)}: ' || escape_html(src.{c.name}::VARCHAR) || '</p>', '')" for c in rest]
    sql = f"coalesce(nullif({' || '.join(parts)}, ''), '<p></p>')" if parts else "'<p></p>'"
    why = f"the text, and a line each for {', '.join(c.heading for c in rest)}" if rest else ""
    block.fields[field] = from_columns({"sql": sql}, texts or rest, why) if parts else structural({"sql": sql}, 0.5, "no column holds a text")


def _escaped(heading: str) -> str:
    return heading.replace("&", "&amp;").replace("<", "&lt;").replace("'", "''")


def _draft_tasks(
    export: Export, table: TableReading, block: BlockDraft, left: Left, parent: _Parent, activities: TargetDraft, messages: TargetDraft
) -> None:
    """Open tasks with somebody to do them are activities, all others messages."""
    flags = [c for c in left.values() if any(export.says(v, "done") for v in c.profile.choices) and set(tokens(c.heading)) & {"status", "done", "state", "completed"}]
    export.flag(table.name, "is_done", flags, "done")
    owner = next((c for c in left.values() if c.best.says in {"user_id", "author_id"}), None)
    no_parent = {"where": f"({parent.condition}) IS NOT TRUE", "fate": "excluded", "reason": "belongs_to_no_record"}
    if not flags and not any(c.best.says == "date_deadline" for c in left.values()):
        owner = None  # nothing says what is still to be done, or when: a log of what happened
    is_open = f"NOT src.is_done AND src.{owner.name} IS NOT NULL" if owner is not None else "false"
    past, rest = BlockDraft(f"{table.name}_done", table.name, dict(block.head)), dict(left)
    past.head |= {"join": [dict(each) for each in block.head.get("join", [])]} if "join" in block.head else {}
    past.head |= {"where": f"NOT ({is_open})", "divert": [no_parent]}
    _message(export, table, past, rest, parent, title="summary")
    messages.blocks.append(past)
    if owner is None:
        return
    block.head |= {"where": is_open, "divert": [no_parent]}
    _activity(export, block, left, parent)
    activities.blocks.append(block)


def _activity(export: Export, block: BlockDraft, left: Left, parent: _Parent) -> None:
    block.fields["res_model_id"] = structural({"lookup": {"reference": "model", "model_of": "res_id"}}, 0.97)
    block.fields["res_id"] = parent.field
    kind = take_one(left, "activity_type_id")
    block.fields["activity_type_id"] = _activity_type(export, kind)
    summaries = take(left, "summary")
    if summaries:
        block.fields["summary"] = from_columns({"sql": f"coalesce({name_expression(summaries)})"}, summaries)
    due = take_one(left, "date_deadline")
    if due is not None:
        export.types[str(block.table), due.name] = "date"
        block.fields["date_deadline"] = from_columns({"sql": f"coalesce(src.{due.name}::DATE, export_time()::DATE)"}, [due])
    else:
        block.fields["date_deadline"] = structural({"sql": "export_time()::DATE"}, 0.5, "no column says when it is due")
    owner_field(export, block, left)
    _text(block, left, "note")


def _activity_type(export: Export, column: ColumnReading | None) -> FieldDraft:
    if column is None:
        return structural({"xmlid": _TODO}, 0.9, "no column says what kind of task it is")
    cases: dict[str, Any] = {}
    for value in column.profile.choices:
        for word, xmlid in _TYPES.items():
            if export.says(value, word):
                cases[value] = xmlid
    whens = " ".join(f"WHEN fold({literal(value)}) THEN {literal(xmlid)}" for value, xmlid in cases.items())
    key = f"CASE fold(src.{column.name}) {whens} ELSE {literal(_TODO)} END" if cases else literal(_TODO)
    return from_columns({"lookup": {"reference": "xmlid", "key": key}}, [column], "calls, meetings and e-mails by the words of the values, the rest is to do")
