"""The apps a mapping needs, and which staged rows are left out where the mapping goes on without one."""

from __future__ import annotations

from collections.abc import Iterator

from crm_pipeline.odoo.preflight.findings import Fact, Finding, Verdict, counted
from crm_pipeline.odoo.preflight.subject import App, Subject
from crm_pipeline.specs import TargetSpec
from crm_pipeline.staging.staged import confirmed_fields
from crm_pipeline.staging.store import StagingStore, literal, quote

APP_MISSING = "app_missing"
DELETED_IN_SOURCE = "deleted_in_source"


def facts(subject: Subject) -> tuple[Fact, ...]:
    """The state of every app that the mapping names."""
    wanted = dict.fromkeys(t.apps for t in subject.mapping.targets if t.apps)
    return tuple(Fact("Apps", " or ".join(names), _state(subject, names)) for names in wanted)


def _state(subject: Subject, names: tuple[str, ...]) -> str:
    found = [subject.apps[name] for name in names if name in subject.apps]
    installed = next((app for app in found if app.is_installed), None)
    if installed is not None:
        return f"installed ({installed.label})"
    if not subject.apps:
        return "unknown"
    return "only in Odoo Enterprise" if found and all(app.is_enterprise for app in found) else "not installed"


def apps_installed(subject: Subject) -> Verdict:
    """Every app is installed that the mapping can't do without."""
    missing = [t for t in subject.mapping.targets if is_missing(subject, t) and not is_skipped(subject, t)]
    count = len(subject.mapping.targets)
    return Verdict(tuple(_finding(subject, t) for t in missing), f"{count} models are there, or left out as the mapping says")


def apps_skipped(subject: Subject) -> Verdict:
    """Nothing is left out for want of an app."""
    skipped = [t for t in subject.mapping.targets if is_skipped(subject, t)]
    counts = left_out_counts(subject)
    findings = [_finding(subject, t, counts.get(t.model, 0)) for t in skipped]
    findings += [
        Finding(
            t.model, f"{counted(counts[t.model], 'record is', 'records are')} left out with what they belong to",
            "install the app named above, or leave them out", counts[t.model],
        )
        for t in subject.mapping.targets if counts.get(t.model) and t not in skipped
    ]  # fmt: skip
    return Verdict(tuple(findings), "nothing is left out")


def is_missing(subject: Subject, target: TargetSpec) -> bool:
    """Whether none of the target's apps is installed, or its model is not there."""
    if target in subject.absent:
        return True
    found = [subject.apps[name] for name in target.apps if name in subject.apps]
    return bool(target.apps and subject.apps) and not any(app.is_installed for app in found)


def is_skipped(subject: Subject, target: TargetSpec) -> bool:
    """Whether the load goes on without a target whose app is missing: its spec says so, or there is nothing to load."""
    if not is_missing(subject, target):
        return False
    whole = next((t for t in subject.mapping.targets if target.part_of is not None and t.model == target.part_of.model), None)
    return target.when_missing == "skip" or not subject.staged(target) or (whole is not None and whole.when_missing == "skip")


def _finding(subject: Subject, target: TargetSpec, left_out: int | None = None) -> Finding:
    known = [subject.apps[name] for name in target.apps if name in subject.apps]
    names = " or ".join(f"'{app.label}' ({app.name})" for app in known) or " or ".join(target.apps) or "its app"
    rows = subject.staged(target) if left_out is None else left_out
    then = "" if left_out is None else f"; {counted(left_out, 'record is', 'records are')} left out"
    installed = any(app.is_installed for app in known)
    problem = f"{names} is installed, but has no such model" if installed else f"{names} is not installed"
    return Finding(target.model, problem + then, _advice(target, known, left_out is not None), rows)


def _advice(target: TargetSpec, known: list[App], skipped: bool) -> str:  # noqa: FBT001 - decides one word
    instead = "" if skipped else "; or set 'when_missing: skip' in its spec to load everything else"
    if known and all(app.is_enterprise for app in known):
        return f"it exists only in Odoo Enterprise: use such a database, or map to a Community app{instead}"
    if known:
        return f"install it under Apps{instead}"
    if target.apps:
        return f"the server doesn't know it: add the addon to its addons path and update the list of apps{instead}"
    return f"install the app that brings the model{instead}"


def leave_out(subject: Subject) -> None:
    """Write ``ops.left_out``: staged rows of skipped targets, fields and forms of models that are not there, what needs them.

    So are rows that the CRM deleted before they were loaded. A row needs another when it links to it and would be held
    back without it.
    """
    store, env = subject.store, literal(subject.env)
    store.execute("DELETE FROM ops.left_out WHERE env = ?", [subject.env])
    skipped = [t for t in subject.mapping.targets if is_skipped(subject, t)]
    for target in skipped:
        _add(store, target, env, "TRUE", APP_MISSING, f"the app {' or '.join(target.apps) or 'of ' + target.model} is not installed")
    absent = ", ".join(literal(t.model) for t in skipped)
    for target in subject.mapping.targets if skipped else ():
        if target.model in {"ir.model.fields", "ir.ui.view"}:
            _add(store, target, env, f"model IN ({absent})", APP_MISSING, "the model it belongs to is not installed")
        for condition in _needs(target, env):
            _add(store, target, env, condition, APP_MISSING, "what it belongs to is left out, because an app is not installed")
    if store.value("SELECT count(*) FROM ops.deleted_row WHERE known AND NOT made_again"):
        unloaded = f"external_id NOT IN (SELECT external_id FROM ops.ledger WHERE env = {env})"
        for target in subject.mapping.targets:
            _add(store, target, env, f"_deleted AND {unloaded}", DELETED_IN_SOURCE, "deleted in the CRM before it was loaded")
            for condition in _needs(target, env):
                _add(store, target, env, f"{condition} AND {unloaded}", DELETED_IN_SOURCE, "what it belongs to was deleted in the CRM before it was loaded")


def _add(store: StagingStore, target: TargetSpec, env: str, condition: str, reason: str, message: str) -> None:
    table = f"staged.{target.table}"
    if store.has_table(table):
        store.execute(
            f"""INSERT INTO ops.left_out
                SELECT {env}, {literal(target.model)}, external_id, {literal(reason)}, {literal(message)}
                FROM {quote(table)} WHERE ({condition})
                AND external_id NOT IN (SELECT external_id FROM ops.left_out WHERE env = {env})"""
        )


def _needs(target: TargetSpec, env: str) -> Iterator[str]:
    """Conditions under which a row of a target links to a row that is left out."""
    gone = f"(SELECT external_id FROM ops.left_out WHERE env = {env})"
    for block in target.sources:
        for name, spec in confirmed_fields(block).items():
            if spec.links and spec.on_unresolved == "hold":
                here = f"_block = {literal(block.name)}"
                if spec.refs is not None:
                    yield f"{here} AND list_has_any({quote(name)}, (SELECT coalesce(list(external_id), []) FROM {gone}))"
                else:
                    yield f"{here} AND {quote(name)} IN {gone}"


def left_out_counts(subject: Subject) -> dict[str, int]:
    """Model → rows that are left out."""
    return dict(subject.store.rows("SELECT model, count(*) FROM ops.left_out WHERE env = ? GROUP BY 1", [subject.env]))
