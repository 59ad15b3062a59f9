"""The preflight page: what a destination is and what would stop the load, as one HTML file to send to whoever can mend it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from crm_pipeline.reports import facts
from crm_pipeline.reports.facts import CheckFact, Verdict
from crm_pipeline.reports.rendering import template
from crm_pipeline.specs import Mapping
from crm_pipeline.staging.store import StagingStore

PREFLIGHT_FILE = "preflight.html"


@dataclass(frozen=True)
class PreflightFacts:
    """What preflight saw and said of an environment.

    Attributes:
        topics: topic → (name, value) of what is to know about the destination.
        models: what is there of each target model, and what would become of the staged rows.
        checks: outcomes, in the order of the catalogue.
    """

    topics: dict[str, list[tuple[str, str]]]
    models: list[dict[str, Any]]
    checks: list[CheckFact]

    @property
    def failed(self) -> list[CheckFact]:
        """What stops the load."""
        return [check for check in self.checks if check.failed]

    @property
    def warnings(self) -> list[CheckFact]:
        """What somebody should look at."""
        return [check for check in self.checks if not check.passed and not check.failed]

    @property
    def verdict(self) -> Verdict:
        """Whether the load may begin."""
        noted = f" {len(self.warnings)} {'warning' if len(self.warnings) == 1 else 'warnings'} to look at." if self.warnings else ""
        if self.failed:
            count = f"{len(self.failed)} {'check' if len(self.failed) == 1 else 'checks'}"
            return Verdict("bad", "The load can't begin", f"{count} would stop it. Nothing was written to Odoo.{noted}")
        return Verdict("good", "The load can begin", f"Nothing would stop it. Nothing was written to Odoo.{noted}")


def preflight_facts(store: StagingStore, env: str) -> PreflightFacts:
    """What the last preflight of an environment left in the staging store; empty before the first."""
    topics: dict[str, list[tuple[str, str]]] = {}
    for topic, name, value in store.rows("SELECT topic, name, value FROM ops.preflight_fact WHERE env = ? ORDER BY position", [env]):
        topics.setdefault(topic, []).append((name, value))
    models = store.frame(
        "SELECT * EXCLUDE (env, position) FROM ops.preflight_model WHERE env = ? ORDER BY position", [env]
    ).to_dicts()
    checks = [check for check in facts.check_facts(store, env) if check.phase == facts.PREFLIGHT]
    return PreflightFacts(topics, models, checks)


def build_preflight_page(
    store: StagingStore, mapping: Mapping, env: str, out_folder: Path, now: datetime
) -> Path | None:
    """Write ``preflight.html``; returns its path, or ``None`` when the last run did not come as far as preflight.

    Args:
        store: the staging store.
        mapping: the mapping in force.
        env: sandbox or production.
        out_folder: where the file goes; made when missing.
        now: time of building, UTC.
    """
    found = preflight_facts(store, env)
    if not found.checks:
        return None
    run = facts.newest_run(store, env)
    page = template("preflight.html.j2").render(
        label=mapping.source.label, env=env, built_at=now, preflight=found, verdict=found.verdict,
        rehearsal=run.get("odoo_kind") == "embedded", odoo_version=run.get("odoo_version"), run_facts=facts.run_facts(run, now),
    )  # fmt: skip
    out_folder.mkdir(parents=True, exist_ok=True)
    path = out_folder / PREFLIGHT_FILE
    path.write_text(page, encoding="utf-8")
    return path
