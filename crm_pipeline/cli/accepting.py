"""Commands by which people accept a migration: sign-off, cutover and what follows it."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from crm_pipeline.cli.command import (
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
from crm_pipeline.cli.tables import conclude
from crm_pipeline.migration.cutover import cut_over, write_runbook
from crm_pipeline.migration.cutover import hypercare as look_after
from crm_pipeline.migration.cutover import reopen as reopen_production
from crm_pipeline.migration.migration import Migration
from crm_pipeline.migration.sign_off import sign_off as sign_off_env
from crm_pipeline.settings import Settings, SettingsError


@main.command("sign-off")
@source_argument
@env_option
@click.option("--by", required=True, metavar='"NAME <MAIL>"', help="Who accepts the migration.")
@common
def sign_off(source: str, env: str, by: str, *, settings: Settings, output: Output, json_file: Path | None) -> int:
    """Accept the sandbox migration, so that production may run with this mapping."""
    check_source(settings, source)
    if env != "sandbox":
        raise SettingsError("--env", "the sandbox is signed off; production is opened by that")
    with Migration(settings, source) as migration:
        signed = sign_off_env(migration.store, migration.confirmed, settings.data, env, by, migration.clock())
    output.say(f"Signed off by {signed.signed_by}: export {signed.drop}, mapping {signed.mapping_hash[:12]}, report {signed.report_sha256[:12]}.")
    output.say(f"Spot check: {signed.looked_at} of {signed.drawn} drawn records were looked at.")
    output.say("Production may run with this mapping. A changed mapping must be migrated and signed again.")
    write_json(json_file, {"source": source, "sign_off": asdict(signed)})
    return 0


@main.command()
@source_argument
@drop_option
@click.option("--freeze", required=True, metavar="TIME", help="When people stopped working in the source; ISO, the account's zone where none is given.")
@click.option("--by", required=True, metavar='"NAME <MAIL>"', help="Who cuts over.")
@common
def cutover(
    source: str, drop_name: str | None, freeze: str, by: str, *, settings: Settings, output: Output, json_file: Path | None
) -> int:
    """Apply the last export to production, verify everything, write the certificate: Odoo is the system of record."""
    with opened(settings, source, output) as migration:
        done = cut_over(migration, freeze=freeze, by=by, drop_name=drop_name)
    certificate = str(done.certificate.relative_to(settings.data.path)) if done.certificate is not None else None
    code = conclude(done.run, output, json_file, dry_run=False, more={"certificate": certificate})
    if done.certificate is None:
        output.fail("Not cut over: production stays open. Mend what is named above and run the command again.")
    else:
        output.say(f"Odoo is the system of record. Certificate: {done.certificate}")
    return code


@main.command()
@source_argument
@click.option("--by", required=True, metavar='"NAME <MAIL>"', help="Who reopens it.")
@click.option("--why", required=True, help="Why production is to be written to again.")
@common
def reopen(source: str, by: str, why: str, *, settings: Settings, output: Output, json_file: Path | None) -> int:
    """Let the migration write to production again after a cutover."""
    check_source(settings, source)
    with Migration(settings, source) as migration:
        reopen_production(migration, by=by, why=why)
    output.say(f"Production of {source} may be written to again.")
    write_json(json_file, {"source": source, "reopened_by": by, "why": why})
    return 0


@main.command()
@source_argument
@common
def runbook(source: str, *, settings: Settings, output: Output, json_file: Path | None) -> int:
    """Write the runbook of the cutover as it stands, and print its path."""
    check_source(settings, source)
    with Migration(settings, source) as migration:
        path = write_runbook(migration)
    output.console.print(str(path), markup=False)
    write_json(json_file, {"source": source, "runbook": str(path.relative_to(settings.data.path))})
    return 0


@main.command()
@source_argument
@env_option
@common
def hypercare(source: str, env: str, *, settings: Settings, output: Output, json_file: Path | None) -> int:
    """Look at everything that was loaded once more: what people changed since, what is damaged, what waits."""
    with opened(settings, source, output) as migration:
        outcome, sentence = look_after(migration, env)
    code = conclude(outcome, output, json_file, dry_run=False, more={"hypercare": sentence})
    output.say(f"{outcome.result['edits']} values were changed by people in Odoo since they were loaded. {sentence}")
    return code
