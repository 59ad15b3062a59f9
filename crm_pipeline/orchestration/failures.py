"""Errors of ours become failures with one sentence a person can act on, instead of a stack of frames."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from crm_pipeline.exports import ExportError
from crm_pipeline.migration.errors import MigrationError
from crm_pipeline.migration.proposing import ProposalError
from crm_pipeline.migration.resolutions import ResolutionFileError
from crm_pipeline.migration.sign_off import SignOffRefusedError
from crm_pipeline.odoo.errors import DestinationError, TransientError
from crm_pipeline.odoo.gates import GateClosedError
from crm_pipeline.odoo.matching import ResolutionError
from crm_pipeline.odoo.resolved import FieldMissingError
from crm_pipeline.odoo.rollback.plan import UnknownRunError
from crm_pipeline.proposals.draft import NothingToProposeError
from crm_pipeline.settings import SettingsError
from crm_pipeline.specs import SpecError
from crm_pipeline.staging.postgres import CatalogError
from crm_pipeline.staging.staged import StagingError
from crm_pipeline.staging.store import StoreInUseError
from crm_pipeline.transforms.policies import PolicyError

#: What our operations raise on purpose; anything else is a fault of the program and keeps its stack.
EXPECTED_ERRORS = (
    CatalogError, DestinationError, ExportError, FieldMissingError, GateClosedError, MigrationError, NothingToProposeError, PolicyError,
    ProposalError, ResolutionError, ResolutionFileError, SettingsError, SignOffRefusedError, SpecError, StagingError, StoreInUseError,
    UnknownRunError,
)  # fmt: skip


@contextmanager
def explained() -> Iterator[None]:
    """Turn an expected error into ``dagster.Failure`` with its message and what to do next."""
    try:
        yield
    except EXPECTED_ERRORS as error:
        raise failure(error) from None


def failure(error: Exception) -> dg.Failure:
    """The failure that shows an error's message."""
    transient = isinstance(error, TransientError)
    again = "Run again: nothing is loaded twice." if transient else "Correct the cause, then run again."
    return dg.Failure(
        description=str(error), metadata={"cause": type(error).__name__, "what_next": again}, allow_retries=False
    )
