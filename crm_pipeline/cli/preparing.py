"""Commands before anything is loaded: what a CRM exports, what becomes of it, and what helps on the way."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from crm_pipeline.cli.command import (
    EXIT_FAILED,
    Output,
    check_source,
    common,
    drop_option,
    main,
    source_argument,
    write_json,
)
from crm_pipeline.cli.tables import print_discovery, print_proposed
from crm_pipeline.discovery.compatibility import compatibility
from crm_pipeline.exports.renaming import restore_files
from crm_pipeline.migration.discovery import as_result
from crm_pipeline.migration.discovery import discover as discover_export
from crm_pipeline.migration.migration import Migration
from crm_pipeline.migration.proposing import confirm_source, propose_source
from crm_pipeline.migration.renaming import plans, rename_files
from crm_pipeline.odoo.addon import write_addon
from crm_pipeline.samples import write_sample
from crm_pipeline.settings import ENVIRONMENTS, Settings, SettingsError
from crm_pipeline.specs import list_sources, load_mapping


@main.command()
@common
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
    write_json(json_file, {"sources": found})
    return 0


@main.command()
@source_argument
@drop_option
@common
def discover(source: str, drop_name: str | None, *, settings: Settings, output: Output, json_file: Path | None) -> int:
    """Audit an export: write the scope of its migration and the automations to rebuild."""
    check_source(settings, source)
    outcome = discover_export(settings, source, drop_name=drop_name)
    if not output.quiet:
        print_discovery(outcome, output)
    for finding in outcome.scope.blocking:
        output.fail(f"Must be mended: {finding.about}: {finding.message}")
    for path in outcome.documents.values():
        output.say(f"Written: {path}")
    write_json(json_file, as_result(outcome, settings.data.path))
    return 0 if outcome.ok else EXIT_FAILED


@main.command()
@source_argument
@click.option("--export", type=click.Path(path_type=Path), help="Folder of the exported files; the newest drop when not given.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder for the proposed YAML; mapping_specs/SOURCE for a new CRM.")
@click.option("--env", type=click.Choice(ENVIRONMENTS), help="Ask this environment's Odoo for its fields; else the bundled ones.")
@click.option("--label", help="What the CRM is called.")
@click.option("--time-zone", help="IANA zone of the account, for times without an offset; else UTC.")
@click.option("--currency", help="ISO code of the account's currency, for amounts that state none.")
@click.option("--adviser", metavar="MODULE:FACTORY", help="A second opinion on columns whose name says nothing; gets headings only.")
@click.option("--show-values", is_flag=True, help="The adviser may see a few values of each column.")
@common
def propose(
    source: str, export: Path | None, out: Path | None, env: str | None, label: str | None, time_zone: str | None, currency: str | None,
    adviser: str | None, *, show_values: bool, settings: Settings, output: Output, json_file: Path | None,
) -> int:  # fmt: skip
    """Propose the mapping of an export, of a CRM known or never seen; nothing is loaded before it is confirmed."""
    done = propose_source(
        settings, source, export=export, out=out, env=env, label=label, time_zone=time_zone, currency=currency, adviser=adviser,
        shows_values=show_values,
    )
    print_proposed(done, source, output)
    write_json(
        json_file,
        {"source": source, "new": done.is_new, "folder": str(done.folder), "page": str(done.page), "problems": list(done.problems),
         "fields": [asdict(field) for field in done.fields]},
    )  # fmt: skip
    return 0


@main.command()
@source_argument
@click.option("--by", required=True, metavar='"NAME <MAIL>"', help="Who confirms.")
@click.option("--all-above", type=click.FloatRange(0, 1), metavar="0.9", help="Confirm what was proposed with more confidence than this.")
@click.option("--all", "everything", is_flag=True, help="Confirm all that is proposed.")
@click.option("--field", "fields", multiple=True, metavar="FIELD", help="Confirm this one: model.field, or model/block/field.")
@click.option("--ignore", multiple=True, metavar="FIELD", help="Never load this one.")
@common
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
    write_json(json_file, {"source": source, "by": by} | asdict(done))
    return 0


@main.command()
@source_argument
@click.option("--scale", type=click.IntRange(1), default=120, show_default=True, help="Number of leads.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder of the drop to write.")
@click.option("--seed", type=int, default=1, show_default=True)
@click.option("--clean", is_flag=True, help="Without the dirt that real exports have.")
@common
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
    check_source(settings, source)
    write_sample(source, out, scale=scale, seed=seed, clean=clean)
    output.say(f"Sample export of {scale} leads written to {out}")
    write_json(json_file, {"source": source, "out": str(out), "scale": scale, "seed": seed})
    return 0


@main.command()
@source_argument
@drop_option
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder to write the addon's folder into.")
@common
def addon(
    source: str, drop_name: str | None, out: Path, *, settings: Settings, output: Output, json_file: Path | None
) -> int:
    """Write the custom fields as an Odoo addon, for hosts where they can't be created over the API."""
    check_source(settings, source)
    with Migration(settings, source) as migration:
        migration.read(migration.newest_drop(drop_name))
        migration.stage()
        try:
            path = write_addon(migration.store, migration.mapping, out)
        except FileExistsError as error:
            raise SettingsError("--out", str(error)) from error
    output.say(f"Addon written to {path}")
    write_json(json_file, {"source": source, "addon": str(path)})
    return 0


@main.command()
@source_argument
@drop_option
@click.option("--restore", type=click.Path(path_type=Path), help="Copy the renamed files back under their old names into this folder.")
@common
def rename(
    source: str, drop_name: str | None, restore: Path | None, *, settings: Settings, output: Output, json_file: Path | None
) -> int:
    """Copy an export's files under the names its mapping gives them; the export itself stays as it is."""
    check_source(settings, source)
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
    write_json(json_file, content)
    return 0 if all(renamed.check.passed for renamed in done.values()) else EXIT_FAILED


@main.command(context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def ui(arguments: tuple[str, ...]) -> None:
    """Open the Dagster UI on this workspace (further arguments go to ``dagster dev``)."""
    root = Path(__file__).resolve().parents[2]
    command = [sys.executable, "-m", "dagster", "dev", *arguments]
    sys.exit(subprocess.call(command, cwd=root))  # noqa: S603 - own command; dagster.yaml is taken from the folder
