"""What would fire by itself during the load: automation rules, scheduled actions, mail servers."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import yaml

from crm_pipeline.odoo.preflight.findings import Finding, Verdict
from crm_pipeline.odoo.preflight.subject import Subject

_FILE = Path(__file__).with_name("triggers.yaml")


@lru_cache(maxsize=1)
def _scheduled() -> dict[str, dict[str, str]]:
    data: dict[str, dict[str, str]] = yaml.safe_load(_FILE.read_text(encoding="utf-8"))
    return data


def nothing_would_fire(subject: Subject) -> Verdict:
    """No automation, mail server or scheduled action acts on records while they are loaded."""
    findings = [*_rules(subject), *_mail_servers(subject), *_actions(subject)]
    return Verdict(tuple(findings), "no automation rule, mail server or scheduled action would act on loaded records")


def _rules(subject: Subject) -> Iterator[Finding]:
    """Active automation rules on target models; without the app there are none."""
    models = [t.model for t in subject.present if subject.staged(t)]
    fields = subject.fields("base.automation")
    if fields is None:
        return
    found = subject.read(
        "base.automation", [("active", "=", True), ("model_id.model", "in", models)], ["name", "model_name", "trigger"], archived=False
    )
    if found is None:
        yield Finding("automation rules", "can't be looked at by this user", "let an administrator look: Settings > Technical > Automation Rules")
    for rule in found or []:
        yield Finding(
            f"automation rule '{rule['name']}'", f"acts on {rule['model_name']} ({str(rule['trigger']).replace('_', ' ')})",
            "archive it for the load (Settings > Technical > Automation Rules) and bring it back after it",
        )  # fmt: skip


def _mail_servers(subject: Subject) -> Iterator[Finding]:
    outgoing = subject.read("ir.mail_server", [("active", "=", True)], ["name", "smtp_host"], archived=False)
    for server in outgoing or []:
        yield Finding(
            f"outgoing mail server '{server['name']}'", f"is active ({server['smtp_host'] or 'no host'})",
            "archive it for the load (Settings > Technical > Outgoing Mail Servers): nothing is mailed by the load itself, "
            "but whatever an automation or an app adds would leave the house",
        )  # fmt: skip
    incoming = subject.read("fetchmail.server", [("active", "=", True)], ["name"], archived=False)
    for server in incoming or []:
        yield Finding(
            f"incoming mail server '{server['name']}'", "is active: mails that arrive make records while the load runs",
            "archive it for the load (Settings > Technical > Incoming Mail Servers)",
        )  # fmt: skip
    if outgoing is None and subject.fields("ir.mail_server") is not None:
        yield Finding("mail servers", "can't be looked at by this user", "let an administrator look: Settings > Technical > Email")


def _actions(subject: Subject) -> Iterator[Finding]:
    known = _scheduled()
    names = [name.partition(".")[2] for name in known]
    found = subject.read("ir.model.data", [("model", "=", "ir.cron"), ("name", "in", names)], ["module", "name", "res_id"])
    ids = {record["res_id"]: f"{record['module']}.{record['name']}" for record in found or []}
    active = subject.read("ir.cron", [("id", "in", sorted(ids)), ("active", "=", True)], ["cron_name"], archived=False)
    for action in active or []:
        what = known.get(ids[action["id"]])
        if what is not None:
            yield Finding(f"scheduled action '{action['cron_name']}'", what["does"], what["what_to_do"])
