"""Checks as data: a statement that is true when green, and what to look at when it is not."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

Severity = Literal["ERROR", "WARN"]

#: Rows shown with a failed check; the query gives the rest.
SHOWN_ROWS = 20


@dataclass(frozen=True)
class CheckSpec:
    """A check that will be made: known before anything runs, so that Dagster can show it.

    Args:
        asset: key of the asset it is about, ``<source>/<group>/<name>``.
        name: the statement.
        description: what it proves, for people.
        severity: ``WARN`` never fails a run.
        blocking: whether later phases wait for it.
    """

    asset: str
    name: str
    description: str
    severity: Severity = "ERROR"
    blocking: bool = True


@dataclass(frozen=True)
class CheckResult:
    """Outcome of a check."""

    spec: CheckSpec
    passed: bool
    message: str
    rows: tuple[dict[str, Any], ...] = field(default=())
    query: str | None = None

    @property
    def stops(self) -> bool:
        """Whether the next phase must not start."""
        return not self.passed and self.spec.blocking and self.spec.severity == "ERROR"
