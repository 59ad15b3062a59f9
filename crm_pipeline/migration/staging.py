"""One source CRM and its staging store: the newest export read, typed and shaped for Odoo, following what people decided."""

from __future__ import annotations

import functools
import logging
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Concatenate, ParamSpec, Self, TypeVar

import duckdb

from crm_pipeline.exports import ExportAudit
from crm_pipeline.exports.drops import Drop, list_drops, open_drop, open_with_base
from crm_pipeline.exports.values import DateOrder, register_values
from crm_pipeline.migration import records
from crm_pipeline.migration.catalogue import Catalogue
from crm_pipeline.migration.errors import MigrationError
from crm_pipeline.migration.export_checks import check_object, check_staged, read_objects
from crm_pipeline.migration.inputs import inputs_of
from crm_pipeline.migration.readiness import unconfirmed_needs
from crm_pipeline.migration.resolutions import (
    read_orphan_decisions,
    read_product_decisions,
    read_row_decisions,
    read_value_decisions,
    unused_orphan_decisions,
)
from crm_pipeline.odoo.normal import register_normal_forms
from crm_pipeline.odoo.numbering import register_numbering
from crm_pipeline.settings import ENVIRONMENTS, Settings
from crm_pipeline.specs import Mapping, load_mapping
from crm_pipeline.staging.custom_fields import mapping_in_force
from crm_pipeline.staging.decision_outcomes import accept_warnings, decision_counts, unused_decisions
from crm_pipeline.staging.digests import Digests, take_digests
from crm_pipeline.staging.diversions import forget_staging, record_findings
from crm_pipeline.staging.places import Place, Turn
from crm_pipeline.staging.restaging import PutAway, put_away
from crm_pipeline.staging.runs import newest_loaded_drop
from crm_pipeline.staging.staged import stage_target
from crm_pipeline.staging.store import StagingStore
from crm_pipeline.transforms.functions import register_functions
from crm_pipeline.transforms.policies import build_derived, check_policies
from crm_pipeline.verification.accounting import record_documented
from crm_pipeline.verification.checks import CheckResult

logger = logging.getLogger(__name__)

#: Macro of the specs' SQL: when what is staged was exported.
EXPORT_TIME = "export_time"
#: Called with (phase, rows done, rows in total).
Progress = Callable[[str, int, int], None]
S = TypeVar("S", bound="StagedSource")
P = ParamSpec("P")
R = TypeVar("R")


def kept_together(operation: Callable[Concatenate[S, P], R]) -> Callable[Concatenate[S, P], R]:
    """An operation whose findings are kept when it ends: what it writes can be derived again, and nothing of it is in Odoo."""

    @functools.wraps(operation)
    def kept(source: S, /, *args: P.args, **options: P.kwargs) -> R:
        with source.store.together():
            return operation(source, *args, **options)

    return kept


class StagedSource:
    """A source CRM with its staging store: from the newest drop to target-shaped tables; close it to free the store.

    Args:
        settings: data root, specs and environments.
        source: name of the source CRM.
        progress: called while rows are loaded and read back.
        clock: current time, UTC.
        store_path: a staging store of its own, for what must not touch the source's.
        turn: the run this is part of; a run of its own when not given.

    Attributes:
        confirmed: the mapping of the specs.
        audits: what was delivered of each object, once an export was read.
        mapping: the mapping in force: with the custom fields of the export that was read last.
    """

    def __init__(
        self, settings: Settings, source: str, *, progress: Progress = lambda phase, done, total: None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC).replace(tzinfo=None), store_path: Path | Place | None = None,
        turn: Turn | None = None,
    ) -> None:  # fmt: skip
        self.settings, self.progress, self.clock = settings, progress, clock
        self.confirmed: Mapping = load_mapping(settings.specs_root / source)
        check_policies(self.confirmed.source)
        self.catalogue = Catalogue(self.confirmed)
        self.started_by = settings.user
        turn = turn or Turn(f"{clock():%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:8]}")
        self.run_id = turn.run_id
        self.store = StagingStore(store_path or settings.store(source), turn=turn)
        self.mapping = mapping_in_force(self.store, self.confirmed)
        self.audits: dict[str, ExportAudit] = {}
        self._is_staged = False
        self._inputs: dict[str, str] = {}
        spec = self.mapping.source
        register_values(self.store.connection, *self._conventions(), spec.currency_symbols)
        register_functions(self.store.connection, account_currency=spec.account_currency)
        register_normal_forms(self.store.connection)
        register_numbering(self.store.connection)
        self.store.execute(f"CREATE OR REPLACE TEMP MACRO {EXPORT_TIME}() AS (SELECT max(exported_at) FROM ops.reading)")

    def newest_drop(self, name: str | None = None, *, deltas: bool = False) -> Drop:
        """Open a drop by name, or the newest one; a delta together with what it is laid over.

        Args:
            name: name of its folder.
            deltas: whether the newest may be a delta. Without, it is the newest full one, or the last one that was loaded
                anywhere where that is newer: what a delta brought is never taken back.

        Raises:
            MigrationError: there is no such drop.
        """
        folder = self.settings.data.exports(self.mapping.name)
        names = list_drops(folder)
        if name is not None and name not in names:
            raise MigrationError(f"no drop '{name}' in {folder}; there are: {', '.join(names) or 'none'}")
        loaded = max((found for env in ENVIRONMENTS if (found := self.last_loaded(env)) is not None), default="")
        for candidate in [name] if name else reversed(names):
            drop = open_drop(self.mapping.source, folder / str(candidate))
            if name or deltas or not drop.is_delta or drop.name <= loaded:
                return open_with_base(self.mapping.source, folder, drop.name) if drop.is_delta else drop
        raise MigrationError(f"no export found: put the files of one full export into {folder}/<drop name>/")

    def last_loaded(self, env: str) -> str | None:
        """The newest drop that was loaded into an environment since it was last rolled back."""
        return newest_loaded_drop(self.store, env)

    def refuse_older(self, env: str, drop: str | None = None) -> None:
        """Raise ``MigrationError`` when a drop, or what is staged, is older than what an environment holds."""
        name, loaded = drop or self.store.value('SELECT "drop" FROM ops.reading'), self.last_loaded(env)
        if name is not None and loaded is not None and name < loaded:
            raise MigrationError(
                f"drop '{name}' is older than '{loaded}', which was loaded into the {env} already; loading it would put older values "
                f"over newer ones. Load '{loaded}' or a newer drop, or roll the {env} back first"
            )

    @kept_together
    def read(self, drop: Drop, *, only_changes: bool = False, again: bool = False) -> list[CheckResult]:
        """Read and type every object of the drop.

        Nothing is done, by :meth:`stage` neither, while the same files, specs and decisions are staged already, unless
        ``again`` asks for it; the outcomes of the checks are those that were kept. With ``only_changes`` it is noted that
        this run sends and reads back what changed, and nothing else.
        """
        data, spec = self.settings.data, self.confirmed.source
        inputs = self._inputs.pop(drop.fingerprint, None) or self._inputs_of(drop)
        self._is_staged = not again and self._stands_staged(inputs)
        if self._is_staged:
            self.store.execute("UPDATE ops.reading SET run_id = ?, only_changes = ?", [self.run_id, only_changes])
            logger.info("the export, the mapping and the decisions are those that are staged; nothing is read again")
            return records.kept_checks(self.store, records.STAGING, (c for n in spec.objects for c in self.catalogue.source_checks(n).values()))
        put_away(self.store, keep=not again)
        self.store.execute("DELETE FROM ops.reading")
        self.store.execute(
            """INSERT INTO ops.reading ("drop", fingerprint, read_at, exported_at, layers, time_zone, date_order, run_id, only_changes, inputs,
                                        staged) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, FALSE)""",
            [drop.name, drop.fingerprint, self.clock(), self._exported_at(drop), [layer.name for layer in drop.layers],
             drop.time_zone, drop.date_order, self.run_id, only_changes, inputs],
        )  # fmt: skip
        for read_decisions in (read_orphan_decisions, read_value_decisions, read_row_decisions):
            read_decisions(self.store, data.resolutions(self.confirmed.name), spec.objects)
        self.audits, self.mapping = read_objects(self.store, self.confirmed, drop, again=again)
        for unused in unused_orphan_decisions(self.store):
            logger.warning("orphans.csv: %s has its parent, or is not in the export; the decision is not used", unused)
        for unused in unused_decisions(self.store, accepts=False):
            logger.warning("%s", unused)
        record_documented(self.store, self.mapping)
        take_digests(self.store, "typed")
        digests = Digests(self.store)
        results = [
            result
            for name in self.mapping.source.objects
            for result in check_object(
                self.store, self.mapping.source, self.catalogue.source_checks(name), self.audits[name], digests.of_table(f"typed.{name}")
            )
        ]
        records.keep_checks(self.store, records.STAGING, self.run_id, results)
        return results

    def _conventions(self) -> tuple[str, DateOrder]:
        """Time zone and date order that what is staged was read with; the spec's when nothing is."""
        spec = self.confirmed.source
        found = self.store.rows("SELECT time_zone, date_order FROM ops.reading WHERE time_zone IS NOT NULL")
        return found[0] if found else (spec.time_zone, spec.date_order)

    def _exported_at(self, drop: Drop) -> datetime:
        """When the drop was exported, UTC: the latest time its manifest states, else that of its newest file."""
        spec = self.confirmed.source
        register_values(self.store.connection, drop.time_zone, drop.date_order, spec.currency_symbols)
        stated = [row.exported_at for layer in drop.layers if layer.manifest is not None for row in layer.manifest.rows]
        found: datetime | None = self.store.value("SELECT max(parse_dt(said)) FROM unnest(?::VARCHAR[]) AS t(said)", [stated])
        newest = max((f.path.stat().st_mtime for layer in drop.layers for files in layer.files.values() for f in files), default=0.0)
        return found or datetime.fromtimestamp(newest, UTC).replace(tzinfo=None)

    @kept_together
    def stage(self) -> list[CheckResult]:
        """Build derived and target-shaped tables, following what people decided.

        Raises:
            MigrationError: too little of the mapping is confirmed.
        """
        if self._is_staged:
            checks = (c for target in self.mapping.targets for c in self.catalogue.staged_checks(target).values())
            return records.kept_checks(self.store, records.STAGING, checks)
        needs = unconfirmed_needs(self.confirmed)
        if needs:
            shown = "; ".join(needs[:3]) + (f"; and {len(needs) - 3} more" if len(needs) > 3 else "")
            raise MigrationError(f"{shown}. Confirm it (crm-pipeline confirm {self.confirmed.name}), or set 'enabled: false' in its YAML")
        read_product_decisions(self.store, self.settings.data.resolutions(self.mapping.name))
        build_derived(self.store, self.mapping.source)
        for schema in ("typed", "derived"):
            take_digests(self.store, schema)
        forget_staging(self.store, self.mapping)
        inputs, before = self._statement_inputs(), PutAway(self.store)
        results = []
        for target in self.mapping.targets:
            counts = stage_target(self.store, self.mapping, target, inputs, before)
            record_findings(self.store, self.mapping, target)
            accept_warnings(self.store)
            results += check_staged(self.store, target, self.catalogue.staged_checks(target), counts)
        for unused in unused_decisions(self.store, accepts=True):
            logger.warning("%s", unused)
        if done := [f"{count} {what.replace('_', ' ')}" for what, count in decision_counts(self.store).items() if count]:
            logger.info("decisions of values.csv and rows.csv: %s", ", ".join(done))
        records.keep_checks(self.store, records.STAGING, self.run_id, results)
        if not any(result.stops for result in results):
            self.store.execute("UPDATE ops.reading SET staged = TRUE")
        return results

    def _statement_inputs(self) -> Callable[[str], str]:
        """Gives the digest of an SQL statement of the specs with all it depends on.

        Beside the columns it reads these are the export's time, zone and date order, and the functions of this package.
        """
        exported_at, *conventions = self.store.rows("SELECT exported_at, time_zone, date_order FROM ops.reading")[0]
        digests, made_with = Digests(self.store), (*conventions, version("crm-pipeline"), duckdb.__version__)

        def inputs(sql: str) -> str:
            return f"{digests.of_query(sql)} {made_with} {exported_at if EXPORT_TIME in sql else ''}"

        return inputs

    def _inputs_of(self, drop: Drop) -> str:
        return inputs_of(drop, self.confirmed, self.settings.data.resolutions(self.confirmed.name))

    def _stands_staged(self, inputs: str) -> bool:
        """Whether all tables before the load are there, made of these inputs."""
        return bool(self.store.value("SELECT staged AND inputs = ? FROM ops.reading", [inputs]))

    def is_staged(self, drop: Drop) -> bool:
        """Whether a drop is staged as it would be now; what it is made of is known to the :meth:`read` that follows."""
        inputs = self._inputs[drop.fingerprint] = self._inputs_of(drop)
        return self._stands_staged(inputs)

    def close(self) -> None:
        """Free the staging store."""
        self.store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
