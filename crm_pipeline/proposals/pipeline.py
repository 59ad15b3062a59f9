"""Leads and deals → crm.lead, with the stages and teams they stand in."""

from __future__ import annotations

from typing import Any

from crm_pipeline.proposals.blocks import (
    Left,
    address_fields,
    begin,
    custom_fields,
    name_expression,
    named_fields,
    owner_field,
    plain_fields,
    take,
    take_one,
    text_field,
)
from crm_pipeline.proposals.drafting import BlockDraft, TargetDraft, from_columns, structural
from crm_pipeline.proposals.export import Export
from crm_pipeline.proposals.relations import Link
from crm_pipeline.proposals.table import ColumnReading, TableReading

_MODEL = "crm.lead"
_PLAIN = ("partner_name", "email_from", "phone", "mobile", "website", "function", "date_deadline")


def draft_pipeline(export: Export) -> list[TargetDraft]:
    """crm.team, crm.stage and crm.lead as far as the export has them."""
    tables = export.of_kind("lead", "deal")
    if not tables:
        return []
    places = _Places(export)
    target = TargetDraft(_MODEL, {"title": "Leads and opportunities", "phase": 40, "app": "crm", "load": {"batch": 400}})
    target.blocks += [_lead(export, table, places) for table in tables]
    if any("user_id" in block.fields and block.fields["user_id"].columns for block in target.blocks):
        target.head["gate"] = {"queue": "owners", "policy": "block"}
    if any("expected_revenue" in block.fields for block in target.blocks):
        target.head["control_totals"] = [{"field": "expected_revenue"}]
    return [*places.targets(), target]


class _Places:
    """Stages and teams, collected from the rows that stand in them."""

    def __init__(self, export: Export) -> None:
        self.export = export
        self.team = TargetDraft("crm.team", _named_head("Sales teams", "sales_team", ["name"], 20))
        self.stage = TargetDraft("crm.stage", _named_head("Pipeline stages", "crm", ["name"], 21))

    def targets(self) -> list[TargetDraft]:
        """Those with rows."""
        return [target for target in (self.team, self.stage) if target.blocks]

    def add_team(self, table: str, column: ColumnReading) -> dict[str, Any]:
        """A team for each value of a pipeline column; returns the reference to it."""
        head = {"object": table, "where": f"{column.name} IS NOT NULL", "one_per": [f"fold({column.name})"], "external_id": f"{table}_team_{{fold({column.name})}}"}
        self._add(self.team, BlockDraft(f"{table}_team", table, head, {"name": from_columns({"from": column.name}, [column])}))
        return {"to": f"{table}_team", "key": [f"fold(src.{column.name})"]}

    def add_stage(self, table: str, column: ColumnReading) -> dict[str, Any]:
        """A stage for each value but lost ones; returns the reference to it."""
        fold = f"fold({column.name})"
        won = [value for value in column.profile.choices if self.export.says(value, "won")]
        lost = [value for value in column.profile.choices if self.export.says(value, "lost")]
        where = f"{column.name} IS NOT NULL" + "".join(f" AND {fold} <> fold('{value.replace(chr(39), chr(39) * 2)}')" for value in lost)
        head: dict[str, Any] = {"object": table, "where": where, "one_per": [fold], "external_id": f"{table}_stage_{{{fold}}}"}
        listed = self._listed(column)
        fields = {"name": from_columns({"from": column.name}, [column])}
        if won:
            values = {"map": {"column": column.name, "values": dict.fromkeys(won, True), "otherwise": False}}
            fields["is_won"] = from_columns(values, [column], f"“{won[0]}” sounds won")
        else:
            fields["is_won"] = structural({"const": False}, 0.7, "no value of the column sounds won")
        if listed is not None:
            order, alias = listed
            head["join"] = [alias]
            fields["sequence"] = from_columns({"sql": f"coalesce(listed.{order.name}, 100)"}, [order])
        self._add(self.stage, BlockDraft(f"{table}_stage", table, head, fields))
        return {"to": f"{table}_stage", "key": [f"fold(src.{column.name})"], "when": "NOT src.is_lost"}

    def _listed(self, column: ColumnReading) -> tuple[ColumnReading, dict[str, Any]] | None:
        """The order of stages, where a table of the export lists them by these names."""
        for table in self.export.of_kind("stage"):
            name, order = table.column("name"), table.column("sequence")
            if name is None or order is None or not set(column.profile.choices) <= set(name.profile.choices or name.profile.samples):
                continue
            derived = f"{table.name}_by_{name.name}"
            options = {"object": table.name, "value": f"fold({name.name})", "several": "first"}
            self.export.derived.setdefault(derived, {"policy": "one_per_value", "description": f"{table.label} by name.", "options": options})
            self.export.types[table.name, order.name] = "int"
            return order, {"table": derived, "as": "listed", "on": {"by_value": f"fold(src.{column.name})"}}
        return None

    def won_stage(self) -> dict[str, Any]:
        """The stage of deals whose status is won while their stage doesn't say so."""
        fields = {"name": structural({"from": "name"}, 0.9, "Odoo's own stage for what is won"), "is_won": structural({"const": True}, 0.9)}
        block = BlockDraft("won_stage", None, {"rows": [{"name": "Won"}], "external_id": "stage_of_won_deals"}, fields)
        self._add(self.stage, block)
        return {"to": "won_stage", "key": [], "when": "src.is_won"}

    @staticmethod
    def _add(target: TargetDraft, block: BlockDraft) -> None:
        if all(known.name != block.name for known in target.blocks):
            target.blocks.append(block)


def _named_head(title: str, app: str, by: list[str], phase: int) -> dict[str, Any]:
    return {"title": title, "phase": phase, "app": app, "on_refusal": "stop", "match": {"policy": "link", "by": by, "several": "any"}}


def _lead(export: Export, table: TableReading, places: _Places) -> BlockDraft:
    block, left = begin(export, table)
    is_deal, key = table.kind == "deal", export.keys[table.name]
    _outcome(export, table, left)
    _title(table, block, left, key, is_deal=is_deal)
    block.fields["type"] = structural({"const": "opportunity" if is_deal else "lead"}, table.confidence)
    _customer(export, table, block, left)
    linked = "partner_id" in block.fields
    plain_fields(export, _MODEL, block, left, tuple(n for n in _PLAIN if not linked or n not in {"email_from", "phone", "mobile"}))
    if not linked:
        address_fields(export, _MODEL, block, left)
    _money(export, block, left, is_deal=is_deal)
    _place(export, table, block, left, places)
    named_fields(export, _MODEL, block, left)
    _priority(export, block, left)
    note = take_one(left, "description")
    if note is not None:
        block.fields["description"] = text_field(note)
    owner_field(export, block, left)
    for column in list(left.values()):  # what only repeats the linked customer
        if linked and column.best.says in {"partner_id", "partner_name"} and export.link(table.name, column.name, ("person", "company")):
            del left[column.name]
    custom_fields(export, _MODEL, block, left)
    return block


def _outcome(export: Export, table: TableReading, left: Left) -> None:
    """Derived flags: is_won, is_lost, by the values of status and stage."""
    columns = [c for c in left.values() if c.best.says in {"active", "stage_id"}]
    export.flag(table.name, "is_won", columns, "won")
    export.flag(table.name, "is_lost", columns, "lost")


def _title(table: TableReading, block: BlockDraft, left: Left, key: str, *, is_deal: bool) -> None:
    names, people = take(left, "name"), take(left, "contact_name")
    company = next((f"src.{c.name}" for c in left.values() if c.best.says == "partner_name"), None)
    spare = [*([company] if company else []), f"'{table.label.replace(chr(39), '')} ' || src.{key}"]
    said = [name_expression(columns) for columns in (names, people) if columns]
    sure = 1.0 if names else 0.9
    why = "" if names else "a lead is called by its person or company where it has no title"
    block.fields["name"] = from_columns({"sql": f"coalesce({', '.join([*said, *spare])})"}, names or people, why, sure)
    if people and not is_deal:
        block.fields["contact_name"] = from_columns({"sql": f"coalesce({name_expression(people)})"}, people)


def _customer(export: Export, table: TableReading, block: BlockDraft, left: Left) -> None:
    """The contact, else the company."""
    links: list[tuple[str, ColumnReading, Link]] = []
    for kind in ("person", "company"):
        for column in list(left.values()):
            link = export.link(table.name, column.name, (kind,)) if column.best.says in {"partner_id", "partner_name", "contact_name"} else None
            if link is not None and all(kind != known for known, *_ in links):
                links.append((kind, column, link))
    if not links:
        return
    refs, columns = [], []
    for _, column, link in links:
        expression = export.link_key(block, link, column.name)
        if link.by_key:
            export.refer(table.name, column.name, link.to)
        refs.append({"to": link.to, "key": [expression], "when": f"{expression} IS NOT NULL"})
        columns.append(left.pop(column.name))
    why = ", else ".join(f"{c.heading} ({link.share:.0%} of its values are in {link.to})" for _, c, link in links)
    block.fields["partner_id"] = from_columns({"ref": refs, "on_unresolved": "blank"}, columns, why)


def _money(export: Export, block: BlockDraft, left: Left, *, is_deal: bool) -> None:
    amount = take_one(left, "expected_revenue")
    if amount is not None:
        export.types[str(block.table), amount.name] = "money"
        block.fields["expected_revenue"] = from_columns({"from": amount.name, "default": 0}, [amount])
    probability = take_one(left, "probability")
    if probability is not None and is_deal:
        export.types[str(block.table), probability.name] = "pct"
        sql = f"CASE WHEN src.is_won THEN 100 WHEN src.is_lost THEN 0 ELSE coalesce(src.{probability.name}, 0) END"
        block.fields["probability"] = from_columns({"sql": sql}, [probability], "Odoo keeps 100 for what is won and 0 for what is lost")
    elif probability is not None:
        left[probability.name] = probability
    elif is_deal and amount is not None:
        block.fields["probability"] = structural(
            {"sql": "CASE WHEN src.is_won THEN 100 WHEN src.is_lost THEN 0 ELSE 0 END"}, 0.9, "no column says how likely; Odoo would guess"
        )
    closed = take_one(left, "date_closed")
    if closed is not None and is_deal:
        export.types[str(block.table), closed.name] = "dt"
        sql = f"CASE WHEN src.is_won OR src.is_lost THEN src.{closed.name} END"
        block.fields["date_closed"] = from_columns({"sql": sql, "resend": True}, [closed], "only closed deals have a closing date")
    elif closed is not None:
        left[closed.name] = closed


def _place(export: Export, table: TableReading, block: BlockDraft, left: Left, places: _Places) -> None:
    """Team, stage, and whether it is lost (archived in Odoo)."""
    team = take_one(left, "team_id")
    if team is not None:
        block.fields["team_id"] = from_columns({"ref": places.add_team(table.name, team)}, [team])
    stage, status = take_one(left, "stage_id"), take_one(left, "active")
    flags = [c for c in (status, stage) if c is not None]
    if stage is not None and table.kind == "lead" and any(t.column("stage_id") for t in export.of_kind("deal")):
        left[stage.name], stage = stage, None  # the stages are those of deals; what state a lead is in stays as text
    won = [c for c in flags if any(export.says(v, "won") for v in c.profile.choices)]
    if stage is not None:
        refs = [places.add_stage(table.name, stage)]
        if won and stage not in won:
            refs.insert(0, places.won_stage())
        block.fields["stage_id"] = from_columns({"ref": refs if len(refs) > 1 else refs[0]}, [stage], "what is lost has no stage in Odoo")
    if flags:
        lost = [v for c in flags for v in c.profile.choices if export.says(v, "lost")]
        why = f"{', '.join(f'“{v}”' for v in lost)} is lost: archived in Odoo" if lost else "no value sounds lost, so nothing is archived"
        block.fields["active"] = from_columns({"sql": "NOT src.is_lost"}, flags, why)
    if status is not None:
        left[status.name] = status  # kept as it was exported as well


def _priority(export: Export, block: BlockDraft, left: Left) -> None:
    column = take_one(left, "priority")
    if column is None:
        return
    values = {v: "3" if export.says(v, "urgent") else "2" if export.says(v, "medium") else "1" for v in column.profile.choices}
    origin = {"map": {"column": column.name, "values": values, "otherwise": "0"}}
    block.fields["priority"] = from_columns(origin, [column], "by the words of the values", 0.9)
