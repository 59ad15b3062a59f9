"""Commands that look back: where a record came from, and taking the migration back."""

from __future__ import annotations

from pathlib import Path

import click

from crm_pipeline.cli.command import (
    EXIT_FAILED,
    Output,
    check_source,
    common,
    env_option,
    main,
    opened,
    source_argument,
    write_json,
)
from crm_pipeline.cli.rollback_tables import rollback_tables
from crm_pipeline.cli.trace_tables import trace_tables
from crm_pipeline.migration.migration import Migration
from crm_pipeline.migration.rollback import rollback as roll_back
from crm_pipeline.migration.trace import trace_key, trace_record
from crm_pipeline.settings import Settings, SettingsError


@main.command()
@source_argument
@env_option
@click.option("--odoo", metavar="MODEL,ID", help="A record of Odoo: where did it come from?")
@click.option("--key", metavar="OBJECT,KEY", help="A row of the export: what became of it?")
@common
def trace(source: str, env: str, odoo: str | None, key: str | None, *, settings: Settings, output: Output, json_file: Path | None) -> int:
    """Show the whole way of one record: file and row, values, rules, runs, and what Odoo holds."""
    check_source(settings, source)
    first, _, second = (odoo or key or "").partition(",")
    if (odoo is None) == (key is None) or not second.strip():
        raise SettingsError("trace", "give either --odoo MODEL,ID, as in --odoo crm.lead,12, or --key OBJECT,KEY, as in --key leads,L000123")
    if odoo is not None and not second.strip().isdigit():
        raise SettingsError("--odoo", f"'{second}' is no database id; write MODEL,ID, as in crm.lead,12")
    with Migration(settings, source) as migration:
        if odoo is not None:
            found = trace_record(migration, env, first.strip(), int(second))
        else:
            found = trace_key(migration, env, first.strip(), second.strip())
    output.say(found["verdict"])
    if not output.quiet:
        for table in trace_tables(found):
            output.console.print(table)
    write_json(json_file, found)
    return 0 if found["records"] or found["rows"] else EXIT_FAILED


@main.command()
@source_argument
@env_option
@click.option("--to", metavar="RUN", help="Undo only what runs later than this one did; the whole migration when not given.")
@click.option("--apply", is_flag=True, help="Delete and restore; without it only the plan is made.")
@click.option("--force", is_flag=True, help="Also undo records that people wrote messages, activities or files on; what their documents refer to stays in any case.")
@click.option("--keep-edited", is_flag=True, help="Keep records on which people changed a value.")
@common
def rollback(
    source: str, env: str, to: str | None, *, apply: bool, force: bool, keep_edited: bool, settings: Settings, output: Output, json_file: Path | None
) -> int:
    """Say what taking the migration back would do, and with --apply do it and prove it."""
    with opened(settings, source, output) as migration:
        outcome = roll_back(migration, env, to=to, apply=apply, force=force, keep_edited=keep_edited)
    if not output.quiet:
        for table in rollback_tables(outcome.result):
            output.console.print(table)
    for line in outcome.lines:
        output.say(line)
    for check in outcome.results:
        if check.stops:
            output.fail(f"{check.spec.name}: {check.message}")
    write_json(json_file, outcome.result)
    return 0 if outcome.ok else EXIT_FAILED
