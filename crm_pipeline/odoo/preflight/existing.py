"""What the destination has already, and what would become of the staged rows: an estimate that writes nothing to Odoo."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from crm_pipeline.odoo.grouping import count_by
from crm_pipeline.odoo.matching import agree_sql, fetch_existing
from crm_pipeline.odoo.preflight.apps import is_skipped, left_out_counts
from crm_pipeline.odoo.preflight.findings import Finding, Present, Verdict, counted
from crm_pipeline.odoo.preflight.subject import UNREADABLE, Subject
from crm_pipeline.odoo.resolved import FieldMissingError, ResolvedField, resolve_fields, streams
from crm_pipeline.specs import SourceBlock, TargetSpec
from crm_pipeline.staging.store import literal, quote

#: Modules of external ids that Odoo gives to records of people: imported, exported.
_PEOPLES = ("__import__", "__export__")
_NAMES = "ir.model.data"
_NONE_FOUND = "CREATE OR REPLACE TEMP TABLE _found (external_id VARCHAR, odoo_id BIGINT)"
#: Records that are no documents of anybody: the entries behind payments.
_COUNTED: dict[str, list[Any]] = {"account.move": [("move_type", "!=", "entry")]}


def present_records(subject: Subject) -> tuple[Present, ...]:
    """Counts for every target model, in order of loading.

    Rows of models that stand as they were loaded are not matched again: the ledger says what they are.
    """
    store, targets = subject.store, subject.mapping.targets
    store.execute("CREATE OR REPLACE TEMP TABLE _estimate (external_id VARCHAR, odoo_id BIGINT)")
    known = {
        (model, origin): count
        for model, origin, count in store.rows("SELECT model, origin, count(*) FROM ops.ledger WHERE env = ? GROUP BY 1, 2", [subject.env])
    }
    left_out, identities = left_out_counts(subject), _identities(subject)
    there = [target for target in targets if subject.fields(target.model) is not None]
    totals = subject.together(partial(subject.count, target.model, _within(subject, target)) for target in there)
    in_odoo = {target.model: total for target, total in zip(there, totals, strict=True)}
    found = []
    for target in targets:
        total = in_odoo.get(target.model)
        ours, shipped = identities(target.model, total or 0)
        if target.model in subject.standing:
            linked, new, waiting = known.get((target.model, "linked"), 0), 0, 0
        else:
            linked, waiting = _matched(subject, target) if total else _unmatched(subject, target)
            unknown = max(ours - known.get((target.model, "created"), 0), 0)  # what a lost ledger doesn't know is there all the same
            new = max(_new(subject, target) - unknown, 0)
        found.append(
            Present(
                target.model, target.title, subject.staged(target), total, min(ours, total or 0), min(shipped, total or 0), linked, new,
                waiting, left_out.get(target.model, 0), skipped=is_skipped(subject, target),
            )
        )  # fmt: skip
    return tuple(found)


def _identities(subject: Subject) -> Callable[[str, int], tuple[int, int]]:
    """For a model and its records in Odoo: how many have external ids of ours, and how many those of Odoo's own modules."""
    try:
        counts = count_by(subject.destination, _NAMES, [("model", "in", [t.model for t in subject.mapping.targets])], ["model", "module"])
    except UNREADABLE:
        return lambda _, total: (0, total)  # what can't be told apart is not called the customer's

    def told(model: str, total: int) -> tuple[int, int]:
        shipped = sum(n for (of, module), n in counts.items() if of == model and module not in {subject.mapping.name, *_PEOPLES})
        return (counts.get((model, subject.mapping.name), 0), shipped) if total else (0, 0)

    return told


def _matched(subject: Subject, target: TargetSpec) -> tuple[int, int]:
    """Staged rows that match one record, and those a person must decide about."""
    subject.store.execute(_NONE_FOUND)
    _match(subject, target)
    linked, several = _clear_and_several(subject, target)
    return linked, several + _undecided(subject, target)


def _unmatched(subject: Subject, target: TargetSpec) -> tuple[int, int]:
    """As :func:`_matched`, where there is nothing to match."""
    subject.store.execute(_NONE_FOUND)
    return 0, _undecided(subject, target)


def _within(subject: Subject, target: TargetSpec) -> list[Any]:
    """Where all rows of a target belong to records of one model (messages, files), only that model's count."""
    models = {t.model for t in subject.mapping.targets}
    return _COUNTED.get(target.model, []) + [
        (name, "=", spec.const)
        for name, spec in target.sources[0].fields.items()
        if isinstance(spec.const, str) and spec.const in models
        and all(name in block.fields and block.fields[name].const == spec.const for block in target.sources)
    ]  # fmt: skip


def _match(subject: Subject, target: TargetSpec) -> None:
    """``_found``: staged rows with each record they match."""
    rule, store = target.match, subject.store
    if rule.policy == "never" or target.part_of is not None or not subject.staged(target):
        return
    for blocks in streams(target):
        try:
            fields = {f.name: f for f in resolve_fields(target, blocks[0], subject.schema(target))}
            by = [fields[name] for name in (*rule.by, *rule.or_by)]
        except (FieldMissingError, KeyError):
            continue  # said by another rule
        fetch_existing(store, target, subject.destination, subject.env, by)
        store.execute(f"CREATE OR REPLACE TEMP TABLE _wanted AS {_wanted(target, blocks, by, subject.env)}")
        for names in (rule.by, rule.or_by):
            if names:
                agree = " AND ".join(agree_sql(fields[name]) for name in names)
                linked = " AND ".join(f"wanted.{quote(name)} IS NOT NULL" for name in names if fields[name].spec.links)
                store.execute(f"""
                    INSERT INTO _found SELECT DISTINCT wanted.external_id, existing._id
                    FROM _wanted AS wanted JOIN _existing AS existing ON {agree} {f"AND {linked}" if linked else ""}
                    WHERE wanted.external_id NOT IN (SELECT external_id FROM _found)
                """)


def _clear_and_several(subject: Subject, target: TargetSpec) -> tuple[int, int]:
    """How many staged rows match one record, and how many match several; keeps the former for the links of later models."""
    store, most = subject.store, "count(*)" if target.match.several == "any" else "1"
    if target.match.policy == "never" or not subject.staged(target):
        return 0, 0
    store.execute(
        f"INSERT INTO _estimate SELECT external_id, min(odoo_id) FROM _found GROUP BY 1 HAVING count(DISTINCT odoo_id) <= {most}"
    )
    matched = int(store.value("SELECT count(DISTINCT external_id) FROM _found"))
    several = int(store.value(f"SELECT count(*) FROM (SELECT 1 FROM _found GROUP BY external_id HAVING count(DISTINCT odoo_id) > {most})"))
    return matched - several, several


def _wanted(target: TargetSpec, blocks: tuple[SourceBlock, ...], by: list[ResolvedField], env: str) -> str:
    """SQL for the rows that are not in Odoo yet, their links as the ids they are expected to have."""
    columns, joins = [], []
    for number, field in enumerate(by):
        column = f"staged.{quote(field.name)}"
        if field.spec.links and field.spec.refs is None:
            joins.append(
                f"LEFT JOIN (SELECT external_id, odoo_id FROM _estimate UNION SELECT external_id, odoo_id FROM ops.ledger "
                f"WHERE env = {literal(env)}) AS link{number} ON link{number}.external_id = {column}"
            )
            value = f"link{number}.odoo_id"
            column = f"[{value}]" if field.schema.type == "many2many" else value
        columns.append(f"{column} AS {quote(field.name)}")
    names = ", ".join(literal(block.name) for block in blocks)
    return f"""
        SELECT staged.external_id, {", ".join(columns)} FROM {quote(f"staged.{target.table}")} AS staged {" ".join(joins)}
        WHERE staged._block IN ({names})
        AND staged.external_id NOT IN (SELECT external_id FROM ops.ledger WHERE env = {literal(env)} AND origin = 'created')
    """


def _undecided(subject: Subject, target: TargetSpec) -> int:
    """Rows that match nothing, may not be created, are needed, and nobody decided about."""
    may_create = "_creatable" if target.match.create else "FALSE"
    decided = f" AND NOT {_decided('TRUE')}" if target.match.queue == "owners" else ""
    return _count_unmatched(subject, target, f"NOT {may_create} AND _needed{decided}")


def _new(subject: Subject, target: TargetSpec) -> int:
    """Rows that match nothing and would be created."""
    created = "_creatable" if target.match.create else "FALSE"
    if target.match.queue == "owners":
        created += " OR " + _decided("decision.decision = 'create_archived'")
    return _count_unmatched(subject, target, created)


def _decided(condition: str) -> str:
    return f"""EXISTS (SELECT 1 FROM ops.owner_decision AS decision WHERE {condition}
               AND fold(decision.source_email) IN (fold(staged.email), fold(staged.login), fold(staged.name)))"""


def _count_unmatched(subject: Subject, target: TargetSpec, condition: str) -> int:
    """Rows that are not in Odoo, match nothing there, are not left out, and meet a condition."""
    table, env = f"staged.{target.table}", literal(subject.env)
    if not subject.staged(target):
        return 0
    return int(
        subject.store.value(
            f"""SELECT count(*) FROM {quote(table)} AS staged WHERE ({condition})
                AND external_id NOT IN (SELECT external_id FROM _found)
                AND external_id NOT IN (SELECT external_id FROM ops.left_out WHERE env = {env})
                AND external_id NOT IN (SELECT external_id FROM ops.ledger WHERE env = {env} AND origin = 'created')"""
        )
    )


def destination_empty(present: tuple[Present, ...], subject: Subject) -> Verdict:
    """No record of the customer's own is among those that are loaded without matching."""
    never = {t.model for t in subject.mapping.targets if t.match.policy == "never" and t.part_of is None}
    findings = tuple(
        Finding(
            each.model, f"{counted(each.foreign, 'record is', 'records are')} there that this migration did not make ({each.in_odoo:,} in all)",
            "make sure this is the right database: nothing of them is changed or deleted, but people will find both side by side",
        )
        for each in present if each.model in never and each.foreign
    )  # fmt: skip
    return Verdict(findings, "only records of this migration and Odoo's own are there")


def matches_clear(present: tuple[Present, ...], subject: Subject) -> Verdict:
    """Every staged row that could be an existing record is clearly one, or clearly none."""
    queues = {t.model: t.match.queue for t in subject.mapping.targets}
    findings = tuple(
        Finding(
            each.model, f"{each.waiting} of {each.staged} rows match no record that may be linked, or several",
            f"decide in resolutions/{subject.mapping.name}/{queue}.csv, or create what is missing in Odoo" if (queue := queues[each.model])
            else "make the records in Odoo different in what they are matched by, or remove doubles",
            each.waiting,
        )
        for each in present if each.waiting
    )  # fmt: skip
    return Verdict(findings, f"{sum(each.linked for each in present)} rows match an existing record, none is in doubt")
