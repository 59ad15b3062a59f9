"""``crm-pipeline``: the operations of the Dagster jobs, in-process, with progress for people and a result file for scripts."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict
from functools import wraps
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.logging import RichHandler
from rich.table import Table

from crm_pipeline.cli_progress import progress_for
from crm_pipeline.cli_rollback import rollback_tables
from crm_pipeline.cli_trace import trace_tables
from crm_pipeline.discovery.compatibility import compatibility
from crm_pipeline.exports import ExportError
from crm_pipeline.exports.renaming import restore_files
from crm_pipeline.migration import run
from crm_pipeline.migration.cutover import cut_over, write_runbook
from crm_pipeline.migration.cutover import hypercare as look_after
from crm_pipeline.migration.cutover import reopen as reopen_production
from crm_pipeline.migration.discovery import DiscoveryOutcome, as_result
from crm_pipeline.migration.discovery import discover as discover_export
from crm_pipeline.migration.errors import MigrationError
from crm_pipeline.migration.migration import Migration
from crm_pipeline.migration.proposing import ProposalError, Proposed, confirm_source, propose_source
from crm_pipeline.migration.renaming import plans, rename_files
from crm_pipeline.migration.resolutions import ResolutionFileError
from crm_pipeline.migration.rollback import rollback as roll_back
from crm_pipeline.migration.sign_off import SignOffRefusedError
from crm_pipeline.migration.sign_off import sign_off as sign_off_env
from crm_pipeline.migration.trace import trace_key, trace_record
from crm_pipeline.odoo.addon import write_addon
from crm_pipeline.odoo.errors import ConfigurationError, DestinationError
from crm_pipeline.odoo.matching import ResolutionError
from crm_pipeline.odoo.rollback.plan import UnknownRunError
from crm_pipeline.proposals.advice import AdviserError
from crm_pipeline.proposals.confirmation import ConfirmationError
from crm_pipeline.proposals.draft import NothingToProposeError
from crm_pipeline.reports.preflight import PreflightFacts, preflight_facts
from crm_pipeline.reports.queues import open_queues, write_workbook
from crm_pipeline.samples import write_sample
from crm_pipeline.settings import ENVIRONMENTS, Settings, SettingsError
from crm_pipeline.specs import SpecError, list_sources, load_mapping
from crm_pipeline.staging.staged import StagingError
from crm_pipeline.staging.store import StoreInUseError
from crm_pipeline.transforms.policies import PolicyError

EXIT_FAILED, EXIT_USAGE, EXIT_INTERRUPTED = 1, 2, 130

#: Width of tables where the output is no terminal: nothing is cut in a log or a file.
_PLAIN_WIDTH = 160

_USAGE_ERRORS = (
    SettingsError, SpecError, PolicyError, ConfigurationError, ResolutionFileError, ResolutionError, ProposalError, ConfirmationError,
    NothingToProposeError, AdviserError, UnknownRunError,
)  # fmt: skip
_RUN_ERRORS = (MigrationError, SignOffRefusedError, ExportError, StagingError, StoreInUseError, DestinationError)

_source = click.argument("source")
_env = click.option("--env", type=click.Choice(ENVIRONMENTS), default="sandbox", show_default=True)
_drop = click.option("--drop", "drop_name", help="Export drop; the newest full one when not given.")


class Output:
    """Where a command's text goes: people's text to standard output, notices to standard error."""

    def __init__(self, *, quiet: bool, verbose: bool, no_color: bool) -> None:
        self.quiet = quiet
        width = None if sys.stdout.isatty() else _PLAIN_WIDTH
        self.console = Console(no_color=no_color, highlight=False, soft_wrap=True, width=width)
        self.errors = Console(no_color=no_color, highlight=False, soft_wrap=True, stderr=True)
        level = logging.DEBUG if verbose else logging.ERROR if quiet else logging.WARNING
        logging.basicConfig(
            level=level,
            format="%(message)s",
            handlers=[RichHandler(console=self.errors, show_path=False, show_time=False)],
        )
        for noisy in ("urllib3", "dagster", "fontTools"):
            logging.getLogger(noisy).setLevel(logging.WARNING)

    def say(self, text: str) -> None:
        """Print a line unless quiet."""
        if not self.quiet:
            self.console.print(text, markup=False)

    def fail(self, text: str) -> None:
        """Print an error."""
        self.errors.print(text, style="red", markup=False)


def _common(command: Callable[..., int | None]) -> Callable[..., None]:
    """Options every command takes, and one place where errors become exit codes."""

    @click.option("--data", type=click.Path(path_type=Path), help="Data root; default CRM_PIPELINE_DATA, else ./data.")
    @click.option("--json", "json_file", type=click.Path(path_type=Path), help="Write the result file here.")
    @click.option("--quiet", is_flag=True, help="Errors only.")
    @click.option("--verbose", is_flag=True, help="Also what is going on inside.")
    @click.option("--no-color", is_flag=True, help="Plain text.")
    @wraps(command)
    def wrapper(
        *, data: Path | None, json_file: Path | None, quiet: bool, verbose: bool, no_color: bool, **options: Any
    ) -> None:
        output = Output(quiet=quiet, verbose=verbose, no_color=no_color)
        try:
            code = command(settings=Settings.load(data), output=output, json_file=json_file, **options)
        except _USAGE_ERRORS as error:
            output.fail(f"Error: {error}")
            sys.exit(EXIT_USAGE)
        except _RUN_ERRORS as error:
            output.fail(f"Error: {error}")
            sys.exit(EXIT_FAILED)
        except KeyboardInterrupt:
            output.fail("Interrupted. The state is safe: run the same command again to continue.")
            sys.exit(EXIT_INTERRUPTED)
        sys.exit(code or 0)

    return wrapper


@click.group()
@click.version_option(package_name="crm-pipeline")
def main() -> None:
    """Move a company's CRM into Odoo: nothing lost, nothing duplicated, nothing guessed."""


def _check_source(settings: Settings, source: str) -> None:
    known = list_sources(settings.specs_root)
    if source not in known:
        raise SettingsError("SOURCE", f"'{source}' has no mapping specs; there are {', '.join(known) or 'none'}")


@main.command()
@_common
def sources(*, settings: Settings, output: Output, json_file: Path | None) -> int:
    """List the CRMs that have mapping specs: objects, compatibility and how much is confirmed."""
    table = Table("source", "label", "objects", "map 1:1", "Odoo models", "fields confirmed", "mapping")
    found = []
    for name in list_sources(settings.specs_root):
        mapping = load_mapping(settings.specs_root / name)
        specs = [s for t in mapping.targets for b in t.sources for s in b.fields.values()]
        confirmed = sum(s.status == "confirmed" for s in specs)
        lands = compatibility(mapping)
        found.append(
            {"source": name, "label": mapping.source.label, "objects": list(mapping.source.objects),
             "compatibility": [asdict(each) | {"status": each.status} for each in lands.objects],
             "models": [t.model for t in mapping.targets], "fields": len(specs), "confirmed": confirmed, "mapping": mapping.hash}
        )  # fmt: skip
        table.add_row(
            name, mapping.source.label, str(len(mapping.source.objects)), f"{lands.direct} of {len(lands.objects)}", str(len(mapping.targets)),
            f"{confirmed} of {len(specs)}", mapping.hash[:12],
        )  # fmt: skip
    if not output.quiet:
        output.console.print(table)
    _write_json(json_file, {"sources": found})
    return 0


@main.command()
@_source
@_drop
@_common
def discover(source: str, drop_name: str | None, *, settings: Settings, output: Output, json_file: Path | None) -> int:
    """Audit an export: write the scope of its migration and the automations to rebuild."""
    _check_source(settings, source)
    outcome = discover_export(settings, source, drop_name=drop_name)
    if not output.quiet:
        _print_discovery(outcome, output)
    for finding in outcome.scope.blocking:
        output.fail(f"Must be mended: {finding.about}: {finding.message}")
    for path in outcome.documents.values():
        output.say(f"Written: {path}")
    _write_json(json_file, as_result(outcome, settings.data.path))
    return 0 if outcome.ok else EXIT_FAILED


@main.command()
@_source
@click.option("--export", type=click.Path(path_type=Path), help="Folder of the exported files; the newest drop when not given.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder for the proposed YAML; mapping_specs/SOURCE for a new CRM.")
@click.option("--env", type=click.Choice(ENVIRONMENTS), help="Ask this environment's Odoo for its fields; else the bundled ones.")
@click.option("--label", help="What the CRM is called.")
@click.option("--time-zone", help="IANA zone of the account, for times without an offset; else UTC.")
@click.option("--currency", help="ISO code of the account's currency, for amounts that state none.")
@click.option("--adviser", metavar="MODULE:FACTORY", help="A second opinion on columns whose name says nothing; gets headings only.")
@click.option("--show-values", is_flag=True, help="The adviser may see a few values of each column.")
@_common
def propose(
    source: str, export: Path | None, out: Path | None, env: str | None, label: str | None, time_zone: str | None, currency: str | None,
    adviser: str | None, *, show_values: bool, settings: Settings, output: Output, json_file: Path | None,
) -> int:  # fmt: skip
    """Propose the mapping of an export, of a CRM known or never seen; nothing is loaded before it is confirmed."""
    done = propose_source(
        settings, source, export=export, out=out, env=env, label=label, time_zone=time_zone, currency=currency, adviser=adviser,
        shows_values=show_values,
    )
    _print_proposed(done, source, output)
    _write_json(
        json_file,
        {"source": source, "new": done.is_new, "folder": str(done.folder), "page": str(done.page), "problems": list(done.problems),
         "fields": [asdict(field) for field in done.fields]},
    )  # fmt: skip
    return 0


@main.command()
@_source
@click.option("--by", required=True, metavar='"NAME <MAIL>"', help="Who confirms.")
@click.option("--all-above", type=click.FloatRange(0, 1), metavar="0.9", help="Confirm what was proposed with more confidence than this.")
@click.option("--all", "everything", is_flag=True, help="Confirm all that is proposed.")
@click.option("--field", "fields", multiple=True, metavar="FIELD", help="Confirm this one: model.field, or model/block/field.")
@click.option("--ignore", multiple=True, metavar="FIELD", help="Never load this one.")
@_common
def confirm(
    source: str, by: str, all_above: float | None, fields: tuple[str, ...], ignore: tuple[str, ...],
    *, everything: bool, settings: Settings, output: Output, json_file: Path | None,
) -> int:  # fmt: skip
    """Confirm proposed fields, so that they are loaded; the mapping keeps who did and when."""
    done = confirm_source(settings, source, by, above=all_above, everything=everything, fields=fields, ignore=ignore)
    output.say(f"{len(done.confirmed)} fields confirmed, {len(done.ignored)} ignored by {by}; mapping {done.mapping_hash[:12]}.")
    if done.open:
        shown = ", ".join(done.open[:5]) + (f" and {len(done.open) - 5} more" if len(done.open) > 5 else "")
        output.say(f"{len(done.open)} are still proposed, and are not loaded: {shown}")
    _write_json(json_file, {"source": source, "by": by} | asdict(done))
    return 0


@main.command()
@_source
@_env
@_drop
@click.option("--only", multiple=True, metavar="MODEL", help="Load only these Odoo models.")
@click.option("--dry-run", is_flag=True, help="Stop before anything is written to Odoo.")
@_common
def migrate(
    source: str, env: str, drop_name: str | None, only: tuple[str, ...], *, dry_run: bool,
    settings: Settings, output: Output, json_file: Path | None,
) -> int:  # fmt: skip
    """Stage the export, load it and verify every field."""
    _check_source(settings, source)
    with (
        progress_for(output.console, quiet=output.quiet) as progress,
        Migration(settings, source, progress=progress) as migration,
    ):
        try:
            outcome = run.migrate(migration, env, drop_name=drop_name, only=only, dry_run=dry_run)
        except ValueError as error:
            raise SettingsError("migrate", str(error)) from error
    return _conclude(outcome, output, json_file, dry_run=dry_run)


@main.command()
@_source
@_env
@_drop
@_common
def preflight(
    source: str, env: str, drop_name: str | None, *, settings: Settings, output: Output, json_file: Path | None
) -> int:
    """Say what would stop the load, without writing anything to Odoo."""
    _check_source(settings, source)
    with Migration(settings, source) as migration:
        outcome, page = run.preflight(migration, env, drop_name=drop_name)
        found = preflight_facts(migration.store, env)
    if not output.quiet:
        _print_preflight(outcome, found, output)
    if page is not None:
        output.say(f"Preflight report: {page}")
    for stop in outcome.stopped_by:
        output.fail(f"Would stop the load: {stop.spec.name}: {stop.message}")
    seen = {"facts": found.topics, "models": found.models, "report": str(page.relative_to(settings.data.path)) if page else None}
    _write_json(json_file, outcome.result | {"preflight": seen if found.checks else None})
    return EXIT_FAILED if outcome.stopped_by else 0


@main.command()
@_source
@_env
@_drop
@_common
def delta(
    source: str, env: str, drop_name: str | None, *, settings: Settings, output: Output, json_file: Path | None
) -> int:
    """Apply a newer export to what was loaded: only what changed is sent, and people's work in Odoo is kept."""
    _check_source(settings, source)
    with (
        progress_for(output.console, quiet=output.quiet) as progress,
        Migration(settings, source, progress=progress) as migration,
    ):
        outcome = run.delta(migration, env, drop_name=drop_name)
    return _conclude(outcome, output, json_file, dry_run=False)


@main.command()
@_source
@_env
@click.option("--export", "file", type=click.Path(path_type=Path), help="Write the open items to this .xlsx.")
@_common
def queues(
    source: str, env: str, file: Path | None, *, settings: Settings, output: Output, json_file: Path | None
) -> int:
    """List what waits for people after the last run."""
    _check_source(settings, source)
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
    _write_json(json_file, {"source": source, "env": env, "queues": {name: frame.to_dicts() for name, frame in waiting.items()}})
    return 0


@main.command()
@_source
@_env
@_common
def verify(source: str, env: str, *, settings: Settings, output: Output, json_file: Path | None) -> int:
    """Read everything back from Odoo and compare it again."""
    _check_source(settings, source)
    with (
        progress_for(output.console, quiet=output.quiet) as progress,
        Migration(settings, source, progress=progress) as migration,
    ):
        outcome = run.verify(migration, env)
    return _conclude(outcome, output, json_file, dry_run=False)


@main.command()
@_source
@_drop
@click.option("--freeze", required=True, metavar="TIME", help="When people stopped working in the source; ISO, the account's zone where none is given.")
@click.option("--by", required=True, metavar='"NAME <MAIL>"', help="Who cuts over.")
@_common
def cutover(
    source: str, drop_name: str | None, freeze: str, by: str, *, settings: Settings, output: Output, json_file: Path | None
) -> int:
    """Apply the last export to production, verify everything, write the certificate: Odoo is the system of record."""
    _check_source(settings, source)
    with (
        progress_for(output.console, quiet=output.quiet) as progress,
        Migration(settings, source, progress=progress) as migration,
    ):
        done = cut_over(migration, freeze=freeze, by=by, drop_name=drop_name)
    certificate = str(done.certificate.relative_to(settings.data.path)) if done.certificate is not None else None
    code = _conclude(done.run, output, json_file, dry_run=False, more={"certificate": certificate})
    if done.certificate is None:
        output.fail("Not cut over: production stays open. Mend what is named above and run the command again.")
    else:
        output.say(f"Odoo is the system of record. Certificate: {done.certificate}")
    return code


@main.command()
@_source
@click.option("--by", required=True, metavar='"NAME <MAIL>"', help="Who reopens it.")
@click.option("--why", required=True, help="Why production is to be written to again.")
@_common
def reopen(source: str, by: str, why: str, *, settings: Settings, output: Output, json_file: Path | None) -> int:
    """Let the migration write to production again after a cutover."""
    _check_source(settings, source)
    with Migration(settings, source) as migration:
        reopen_production(migration, by=by, why=why)
    output.say(f"Production of {source} may be written to again.")
    _write_json(json_file, {"source": source, "reopened_by": by, "why": why})
    return 0


@main.command()
@_source
@_common
def runbook(source: str, *, settings: Settings, output: Output, json_file: Path | None) -> int:
    """Write the runbook of the cutover as it stands, and print its path."""
    _check_source(settings, source)
    with Migration(settings, source) as migration:
        path = write_runbook(migration)
    output.console.print(str(path), markup=False)
    _write_json(json_file, {"source": source, "runbook": str(path.relative_to(settings.data.path))})
    return 0


@main.command()
@_source
@_env
@_common
def hypercare(source: str, env: str, *, settings: Settings, output: Output, json_file: Path | None) -> int:
    """Look at everything that was loaded once more: what people changed since, what is damaged, what waits."""
    _check_source(settings, source)
    with (
        progress_for(output.console, quiet=output.quiet) as progress,
        Migration(settings, source, progress=progress) as migration,
    ):
        outcome, sentence = look_after(migration, env)
    code = _conclude(outcome, output, json_file, dry_run=False, more={"hypercare": sentence})
    output.say(f"{outcome.result['edits']} values were changed by people in Odoo since they were loaded. {sentence}")
    return code


@main.command("sign-off")
@_source
@_env
@click.option("--by", required=True, metavar='"NAME <MAIL>"', help="Who accepts the migration.")
@_common
def sign_off(source: str, env: str, by: str, *, settings: Settings, output: Output, json_file: Path | None) -> int:
    """Accept the sandbox migration, so that production may run with this mapping."""
    _check_source(settings, source)
    if env != "sandbox":
        raise SettingsError("--env", "the sandbox is signed off; production is opened by that")
    with Migration(settings, source) as migration:
        signed = sign_off_env(migration.store, migration.confirmed, settings.data, env, by, migration.clock())
    output.say(f"Signed off by {signed.signed_by}: export {signed.drop}, mapping {signed.mapping_hash[:12]}, report {signed.report_sha256[:12]}.")
    output.say(f"Spot check: {signed.looked_at} of {signed.drawn} drawn records were looked at.")
    output.say("Production may run with this mapping. A changed mapping must be migrated and signed again.")
    _write_json(json_file, {"source": source, "sign_off": asdict(signed)})
    return 0


@main.command()
@_source
@_env
@click.option("--to", metavar="RUN", help="Undo only what runs later than this one did; the whole migration when not given.")
@click.option("--apply", is_flag=True, help="Delete and restore; without it only the plan is made.")
@click.option("--force", is_flag=True, help="Also undo records that people wrote messages, activities or files on; what their documents refer to stays in any case.")
@click.option("--keep-edited", is_flag=True, help="Keep records on which people changed a value.")
@_common
def rollback(
    source: str, env: str, to: str | None, *, apply: bool, force: bool, keep_edited: bool, settings: Settings, output: Output, json_file: Path | None
) -> int:
    """Say what taking the migration back would do, and with --apply do it and prove it."""
    _check_source(settings, source)
    with (
        progress_for(output.console, quiet=output.quiet) as progress,
        Migration(settings, source, progress=progress) as migration,
    ):
        outcome = roll_back(migration, env, to=to, apply=apply, force=force, keep_edited=keep_edited)
    if not output.quiet:
        for table in rollback_tables(outcome.result):
            output.console.print(table)
    for line in outcome.lines:
        output.say(line)
    for check in outcome.results:
        if check.stops:
            output.fail(f"{check.spec.name}: {check.message}")
    _write_json(json_file, outcome.result)
    return 0 if outcome.ok else EXIT_FAILED


@main.command()
@_source
@_env
@click.option("--odoo", metavar="MODEL,ID", help="A record of Odoo: where did it come from?")
@click.option("--key", metavar="OBJECT,KEY", help="A row of the export: what became of it?")
@_common
def trace(source: str, env: str, odoo: str | None, key: str | None, *, settings: Settings, output: Output, json_file: Path | None) -> int:
    """Show the whole way of one record: file and row, values, rules, runs, and what Odoo holds."""
    _check_source(settings, source)
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
    _write_json(json_file, found)
    return 0 if found["records"] or found["rows"] else EXIT_FAILED


@main.command()
@_source
@_env
@click.option("--redact", is_flag=True, help="Write a copy without personal data beside it, and print that one's path.")
@_common
def report(source: str, env: str, *, redact: bool, settings: Settings, output: Output, json_file: Path | None) -> int:
    """Build the report again and print its path."""
    _check_source(settings, source)
    with Migration(settings, source) as migration:
        path = run.redacted_report(migration, env) if redact else run.report(migration, env)
    output.console.print(str(path), markup=False)
    _write_json(json_file, {"source": source, "env": env, "report": str(path.relative_to(settings.data.path))})
    return 0


@main.command()
@_source
@click.option("--scale", type=click.IntRange(1), default=120, show_default=True, help="Number of leads.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder of the drop to write.")
@click.option("--seed", type=int, default=1, show_default=True)
@click.option("--clean", is_flag=True, help="Without the dirt that real exports have.")
@_common
def sample(
    source: str,
    scale: int,
    out: Path,
    seed: int,
    *,
    clean: bool,
    settings: Settings,
    output: Output,
    json_file: Path | None,
) -> int:
    """Write a synthetic export."""
    _check_source(settings, source)
    write_sample(source, out, scale=scale, seed=seed, clean=clean)
    output.say(f"Sample export of {scale} leads written to {out}")
    _write_json(json_file, {"source": source, "out": str(out), "scale": scale, "seed": seed})
    return 0


@main.command()
@_source
@_drop
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder to write the addon's folder into.")
@_common
def addon(
    source: str, drop_name: str | None, out: Path, *, settings: Settings, output: Output, json_file: Path | None
) -> int:
    """Write the custom fields as an Odoo addon, for hosts where they can't be created over the API."""
    _check_source(settings, source)
    with Migration(settings, source) as migration:
        migration.read(migration.newest_drop(drop_name))
        migration.stage()
        try:
            path = write_addon(migration.store, migration.mapping, out)
        except FileExistsError as error:
            raise SettingsError("--out", str(error)) from error
    output.say(f"Addon written to {path}")
    _write_json(json_file, {"source": source, "addon": str(path)})
    return 0


@main.command()
@_source
@_drop
@click.option("--restore", type=click.Path(path_type=Path), help="Copy the renamed files back under their old names into this folder.")
@_common
def rename(
    source: str, drop_name: str | None, restore: Path | None, *, settings: Settings, output: Output, json_file: Path | None
) -> int:
    """Copy an export's files under the names its mapping gives them; the export itself stays as it is."""
    _check_source(settings, source)
    content: dict[str, Any] = {"source": source, "plans": {}}
    with Migration(settings, source) as migration:
        if not plans(migration):
            raise SettingsError("rename", f"the mapping of {source} has no derived table with the policy 'renamed_files'")
        drop = migration.newest_drop(drop_name)
        if restore is not None:
            for plan in plans(migration):
                count = restore_files(settings.data.renamed(source, drop.name) / plan, restore / plan)
                output.say(f"{count} files of {plan} are back under their old names in {restore / plan}")
            return 0
        migration.read(drop)
        migration.stage()
        done = {plan: rename_files(migration, plan) for plan in plans(migration)}
    for plan, renamed in done.items():
        state = "written to" if renamed.written else "unchanged in"
        output.say(f"{renamed.files} files of {plan} {state} {renamed.folder}")
        if renamed.kept:
            output.say(f"{renamed.kept} files keep their old names, because the new one was taken; derived.{plan} says which")
        if not renamed.check.passed:
            output.fail(renamed.check.message)
        content["plans"][plan] = {"folder": str(renamed.folder), "files": renamed.files, "written": renamed.written}
    _write_json(json_file, content)
    return 0 if all(renamed.check.passed for renamed in done.values()) else EXIT_FAILED


@main.command(context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def ui(arguments: tuple[str, ...]) -> None:
    """Open the Dagster UI on this workspace (further arguments go to ``dagster dev``)."""
    root = Path(__file__).resolve().parent.parent
    command = [sys.executable, "-m", "dagster", "dev", *arguments]
    sys.exit(subprocess.call(command, cwd=root))  # noqa: S603 - own command; dagster.yaml is taken from the folder


def _print_proposed(done: Proposed, source: str, output: Output) -> None:
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


def _conclude(
    outcome: run.RunOutcome, output: Output, json_file: Path | None, *, dry_run: bool, more: dict[str, Any] | None = None
) -> int:
    _write_json(json_file, outcome.result | (more or {}))
    if not output.quiet:
        _print_result(outcome, output, dry_run=dry_run)
    for stop in outcome.stopped_by:
        output.fail(f"Blocked: {stop.spec.asset} {stop.spec.name}: {stop.message}")
    return 0 if outcome.ok and not outcome.stopped_by else EXIT_FAILED


def _print_result(outcome: run.RunOutcome, output: Output, *, dry_run: bool) -> None:
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


def _print_discovery(outcome: DiscoveryOutcome, output: Output) -> None:
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


def _print_preflight(outcome: run.RunOutcome, found: PreflightFacts, output: Output) -> None:
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


def _write_json(file: Path | None, content: dict[str, Any]) -> None:
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(content, indent=2, ensure_ascii=False, default=str) + "\n", encoding="utf-8")
