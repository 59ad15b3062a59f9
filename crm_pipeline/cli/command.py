"""What all commands share: their options, where their text goes, and the exit codes of errors."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.logging import RichHandler

from crm_pipeline.cli.progress import progress_for
from crm_pipeline.exports import ExportError
from crm_pipeline.migration.errors import MigrationError
from crm_pipeline.migration.migration import Migration
from crm_pipeline.migration.proposing import ProposalError
from crm_pipeline.migration.resolutions import ResolutionFileError
from crm_pipeline.migration.sign_off import SignOffRefusedError
from crm_pipeline.odoo.errors import ConfigurationError, DestinationError
from crm_pipeline.odoo.matching import ResolutionError
from crm_pipeline.odoo.resolved import FieldMissingError
from crm_pipeline.odoo.rollback.plan import UnknownRunError
from crm_pipeline.proposals.advice import AdviserError
from crm_pipeline.proposals.confirmation import ConfirmationError
from crm_pipeline.proposals.draft import NothingToProposeError
from crm_pipeline.settings import ENVIRONMENTS, Settings, SettingsError
from crm_pipeline.specs import SpecError, list_sources
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
_RUN_ERRORS = (MigrationError, SignOffRefusedError, ExportError, StagingError, StoreInUseError, DestinationError, FieldMissingError)

source_argument = click.argument("source")
env_option = click.option("--env", type=click.Choice(ENVIRONMENTS), default="sandbox", show_default=True)
drop_option = click.option("--drop", "drop_name", help="Export drop; the newest full one when not given.")


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


def common(command: Callable[..., int | None]) -> Callable[..., None]:
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


def check_source(settings: Settings, source: str) -> None:
    """Raise ``SettingsError`` for a CRM that has no mapping specs."""
    known = list_sources(settings.specs_root)
    if source not in known:
        raise SettingsError("SOURCE", f"'{source}' has no mapping specs; there are {', '.join(known) or 'none'}")


def write_json(file: Path | None, content: dict[str, Any]) -> None:
    """Write the result file, where one was asked for."""
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(content, indent=2, ensure_ascii=False, default=str) + "\n", encoding="utf-8")


@contextmanager
def opened(settings: Settings, source: str, output: Output) -> Iterator[Migration]:
    """Open a CRM's migration, its progress shown unless quiet."""
    check_source(settings, source)
    with (
        progress_for(output.console, quiet=output.quiet) as progress,
        Migration(settings, source, progress=progress) as migration,
    ):
        yield migration
