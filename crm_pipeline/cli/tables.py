"""What commands print: results, findings and plans as tables for the terminal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.table import Table

from crm_pipeline.cli.command import EXIT_FAILED, Output, write_json
from crm_pipeline.migration import run
from crm_pipeline.migration.discovery import DiscoveryOutcome
from crm_pipeline.migration.proposing import Proposed
from crm_pipeline.reports.preflight import PreflightFacts


def conclude(
    outcome: run.RunOutcome, output: Output, json_file: Path | None, *, dry_run: bool, more: dict[str, Any] | None = None
) -> int:
    """Write the result file, print the result and what stopped it; returns the exit code."""
    write_json(json_file, outcome.result | (more or {}))
    if not output.quiet:
        print_result(outcome, output, dry_run=dry_run)
    for stop in outcome.stopped_by:
        output.fail(f"Blocked: {stop.spec.asset} {stop.spec.name}: {stop.message}")
    return 0 if outcome.ok and not outcome.stopped_by else EXIT_FAILED


def print_result(outcome: run.RunOutcome, output: Output, *, dry_run: bool) -> None:
    """Fates of the exported rows, counts of the models, checks that are not green, totals."""
    result = outcome.result
    fates = ("exported", "loaded", "merged", "excluded", "quarantined", "queued", "duplicates")
    objects = Table("source object", *fates, title="Where every exported row ended", title_justify="left")
    for name, row in result["objects"].items():
        objects.add_row(name, *(str(row[fate]) for fate in fates))
    counts = ("staged", "created", "updated", "unchanged", "linked", "failed", "held", "in_odoo")
    targets = Table("Odoo model", *counts, title="What became of every record", title_justify="left")
    for model, row in result["targets"].items():
        targets.add_row(model, *(str(row[count]) for count in counts))
    checks = Table("check", "severity", "message", title="Checks that are not green", title_justify="left")
    for check in result["checks"]:
        if not check["passed"]:
            checks.add_row(f"{check['asset']} {check['check']}", check["severity"], check["message"][:300])
    if result["objects"]:
        output.console.print(objects)
    if not dry_run:
        output.console.print(targets)
    if checks.row_count:
        output.console.print(checks)
    totals = [total for total in result["control_totals"] if total["kind"] == "sum" or not total["equal"]]
    for total in totals:
        mark = "=" if total["equal"] else "≠"
        output.say(f"{total['name']} {total['currency'] or ''}: source {total['source']} {mark} Odoo {total['odoo']}")
    if result["control_totals"]:
        output.say(f"{len(result['control_totals']) - len(totals)} counts by stage, owner and month are equal on both sides")
    seen = result["verification"]
    kind = "rehearsal on the embedded destination" if result["odoo"]["kind"] == "embedded" else "server"
    output.say(
        f"Odoo {result['odoo']['version']} ({kind}): {seen['fields']} values of {seen['records']} records compared, {seen['differences']} differ"
    )
    if dry_run:
        output.say("Dry run: nothing was written to Odoo.")
    if outcome.report is not None:
        output.say(f"Report: {outcome.report}")


def print_preflight(outcome: run.RunOutcome, found: PreflightFacts, output: Output) -> None:
    """What the destination is, what would become of the export, and every check."""
    if found.checks:
        facts = Table("", "", "", title="The destination", title_justify="left", show_header=False)
        for topic, lines in found.topics.items():
            for name, value in lines:
                facts.add_row(topic, name, value)
        columns = {"in Odoo": "in_odoo", "Odoo's own": "shipped", "ours": "ours", "others": "foreign", "staged": "staged",
                   "would match": "linked", "new": "created", "wait": "waiting", "left out": "left_out"}  # fmt: skip
        models = Table("Odoo model", *columns, title="What is there, and what would become of the export", title_justify="left")
        for model in found.models:
            models.add_row(model["model"], *("-" if model[key] is None else str(model[key]) for key in columns.values()))
        output.console.print(facts)
        output.console.print(models)
    table = Table("check", "outcome", "message", title="Checks", title_justify="left")
    earlier = 0
    for check in outcome.result["checks"]:
        own, stops = check["asset"].endswith("/preflight"), check["severity"] == "ERROR"
        if own or (stops and not check["passed"]):
            name = check["check"] if own else f"{check['asset']} {check['check']}"
            table.add_row(name, "green" if check["passed"] else "stops" if stops else "warning", check["message"])
        earlier += not own and not stops and not check["passed"]
    output.console.print(table)
    if earlier:
        output.say(f"{earlier} warnings about the export itself are in the report: {outcome.report}")


def print_discovery(outcome: DiscoveryOutcome, output: Output) -> None:
    """What an export holds, and what must be mended."""
    scope = outcome.scope
    table = Table("object", "rows", "in the CRM", "counts", "Odoo models", "relation", title=f"Export {scope.drop}", title_justify="left")
    for each in scope.objects:
        stated = "-" if each.in_crm is None else str(each.in_crm)
        relation = f"{each.mapping.relation}{', lossy' if each.mapping.is_lossy else ''}"
        table.add_row(each.label, str(each.rows), stated, each.count_state, ", ".join(each.mapping.models) or "-", relation)
    output.console.print(table)
    days = scope.effort.days
    output.say(f"{scope.compatibility.sentence}. Complexity {scope.effort.grade}: {scope.effort.says}, {days[0]:g} to {days[1]:g} working days.")
    output.say(f"Automations to rebuild: {len(scope.automations)}. Findings to look at: {len(scope.warnings)}, to mend first: {len(scope.blocking)}.")


def print_proposed(done: Proposed, source: str, output: Output) -> None:
    """How much is proposed for each model, and how surely."""
    if not output.quiet:
        table = Table("Odoo model", "fields", "over 90 % sure", "guesses, below 60 %")
        for model in dict.fromkeys(field.model for field in done.fields):
            sure = [field.confidence for field in done.fields if field.model == model]
            table.add_row(model, str(len(sure)), str(sum(s > 0.9 for s in sure)), str(sum(s < 0.6 for s in sure)))
        output.console.print(table)
    for problem in done.problems:
        output.say(f"Not proposed: {problem}")
    what = "Mapping" if done.is_new else "Additions, beside the mapping in force"
    output.say(f"{what}: {done.folder}")
    output.say(f"Review table: {done.page}")
    if done.is_new:
        output.say(f'Next: look at the review table, correct the YAML, then crm-pipeline confirm {source} --all-above 0.9 --by "Name <mail>"')
