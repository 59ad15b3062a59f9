"""Our checks as Dagster shows them: specs before a run, results with the first rows after it."""

from __future__ import annotations

from collections.abc import Iterable

import dagster as dg

from crm_pipeline.orchestration.metadata import FINDING_TEXT, table
from crm_pipeline.verification.checks import SHOWN_ROWS, CheckResult, CheckSpec


def asset_key(key: str) -> dg.AssetKey:
    """An asset key from its text form, ``<source>/…/<name>``."""
    return dg.AssetKey(key.split("/"))


def check_specs(specs: Iterable[CheckSpec]) -> list[dg.AssetCheckSpec]:
    """Checks that will be made, with the statement each proves."""
    return [
        dg.AssetCheckSpec(
            spec.name, asset=asset_key(spec.asset), description=spec.description,
            blocking=spec.blocking and spec.severity == "ERROR",
        )
        for spec in specs
    ]  # fmt: skip


def check_result(result: CheckResult) -> dg.AssetCheckResult:
    """An outcome; a failed one carries its first rows and the query for the rest."""
    metadata: dict[str, dg.MetadataValue] = {}
    if not result.passed and result.rows:
        metadata["first_rows"] = table(result.rows[:SHOWN_ROWS], longest=FINDING_TEXT)
    if not result.passed and result.query:
        metadata["query_for_the_rest"] = dg.MetadataValue.text(" ".join(result.query.split()))
    return dg.AssetCheckResult(
        passed=result.passed, asset_key=asset_key(result.spec.asset), check_name=result.spec.name,
        severity=dg.AssetCheckSeverity(result.spec.severity), description=result.message, metadata=metadata,
    )  # fmt: skip


def announce(log: dg.DagsterLogManager, results: Iterable[CheckResult]) -> None:
    """Say in the run's log what stops the run: Dagster itself only names the check."""
    for result in results:
        if result.stops:
            log.error("%s, %s: %s", result.spec.asset, result.spec.name, result.message)


def check_results(results: Iterable[CheckResult], asset: str) -> list[dg.AssetCheckResult]:
    """Outcomes of the checks of one asset."""
    return [check_result(result) for result in results if result.spec.asset == asset]
