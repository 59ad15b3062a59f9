"""Commands that bring an export into Odoo and prove it."""

from __future__ import annotations

from pathlib import Path

import click
from rich.table import Table

from crm_pipeline.cli.command import (
    EXIT_FAILED,
    Output,
    check_source,
    common,
    drop_option,
    env_option,
    main,
    opened,
    source_argument,
    write_json,
)
from crm_pipeline.cli.tables import conclude, print_preflight
from crm_pipeline.migration import run
from crm_pipeline.migration.migration import Migration
from crm_pipeline.reports.preflight import preflight_facts
from crm_pipeline.reports.queues import open_queues, write_workbook
from crm_pipeline.settings import Settings, SettingsError


@main.command()
@source_argument
@env_option
@drop_option
@common
def preflight(
    source: str, env: str, drop_name: str | None, *, settings: Settings, output: Output, json_file: Path | None
) -> int:
    """Say what would stop the load, without writing anything to Odoo."""
    check_source(settings, source)
    with Migration(settings, source) as migration:
        outcome, page = run.preflight(migration, env, drop_name=drop_name)
        found = preflight_facts(migration.store, env)
    if not output.quiet:
        print_preflight(outcome, found, output)
    if page is not None:
        output.say(f"Preflight report: {page}")
    for stop in outcome.stopped_by:
        output.fail(f"Would stop the load: {stop.spec.name}: {stop.message}")
    seen = {"facts": found.topics, "models": found.models, "report": str(page.relative_to(settings.data.path)) if page else None}
    write_json(json_file, outcome.result | {"preflight": seen if found.checks else None})
    return EXIT_FAILED if outcome.stopped_by else 0


@main.command()
@source_argument
@env_option
@drop_option
@click.option("--only", multiple=True, metavar="MODEL", help="Load only these Odoo models.")
@click.option("--dry-run", is_flag=True, help="Stop before anything is written to Odoo.")
@common
def migrate(
    source: str, env: str, drop_name: str | None, only: tuple[str, ...], *, dry_run: bool,
    settings: Settings, output: Output, json_file: Path | None,
) -> int:  # fmt: skip
    """Stage the export, load it and verify every field."""
    with opened(settings, source, output) as migration:
        try:
            outcome = run.migrate(migration, env, drop_name=drop_name, only=only, dry_run=dry_run)
        except ValueError as error:
            raise SettingsError("migrate", str(error)) from error
    return conclude(outcome, output, json_file, dry_run=dry_run)


@main.command()
@source_argument
@env_option
@drop_option
@common
def delta(
    source: str, env: str, drop_name: str | None, *, settings: Settings, output: Output, json_file: Path | None
) -> int:
    """Apply a newer export to what was loaded: only what changed is sent, and people's work in Odoo is kept."""
    with opened(settings, source, output) as migration:
        outcome = run.delta(migration, env, drop_name=drop_name)
    return conclude(outcome, output, json_file, dry_run=False)


@main.command()
@source_argument
@env_option
@common
def verify(source: str, env: str, *, settings: Settings, output: Output, json_file: Path | None) -> int:
    """Read everything back from Odoo and compare it again."""
    with opened(settings, source, output) as migration:
        outcome = run.verify(migration, env)
    return conclude(outcome, output, json_file, dry_run=False)


@main.command()
@source_argument
@env_option
@click.option("--export", "file", type=click.Path(path_type=Path), help="Write the open items to this .xlsx.")
@common
def queues(
    source: str, env: str, file: Path | None, *, settings: Settings, output: Output, json_file: Path | None
) -> int:
    """List what waits for people after the last run."""
    check_source(settings, source)
    with Migration(settings, source) as migration:
        migration.account(env)
        waiting = open_queues(migration.store, migration.mapping, env)
    if file is not None:
        write_workbook(file, waiting)
        output.say(f"Written to {file}")
    table = Table("queue", "open", "first")
    for name, frame in waiting.items():
        first = " · ".join(str(value) for value in frame.row(0) if value) if frame.height else ""
        table.add_row(name, str(frame.height), first[:100])
    if not output.quiet:
        output.console.print(table)
    write_json(json_file, {"source": source, "env": env, "queues": {name: frame.to_dicts() for name, frame in waiting.items()}})
    return 0


@main.command()
@source_argument
@env_option
@click.option("--redact", is_flag=True, help="Write a copy without personal data beside it, and print that one's path.")
@common
def report(source: str, env: str, *, redact: bool, settings: Settings, output: Output, json_file: Path | None) -> int:
    """Build the report again and print its path."""
    check_source(settings, source)
    with Migration(settings, source) as migration:
        path = run.redacted_report(migration, env) if redact else run.report(migration, env)
    output.console.print(str(path), markup=False)
    write_json(json_file, {"source": source, "env": env, "report": str(path.relative_to(settings.data.path))})
    return 0
