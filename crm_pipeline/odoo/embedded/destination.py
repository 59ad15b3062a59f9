"""The embedded destination: an Odoo database of our own for rehearsals."""

from __future__ import annotations

import gc
import json
from typing import TYPE_CHECKING, Any, Literal

from crm_pipeline.odoo.destination import Context, Domain, FieldSchema, LoadResult, Record, call_each_alone
from crm_pipeline.odoo.embedded.differences import DIFFERENCES
from crm_pipeline.odoo.embedded.frames import search_columns
from crm_pipeline.odoo.embedded.loading import Load, Refused
from crm_pipeline.odoo.embedded.methods import EACH, METHODS, ModelMethod
from crm_pipeline.odoo.embedded.orm import Orm
from crm_pipeline.odoo.embedded.reading import Reader
from crm_pipeline.odoo.embedded.registry import Registry
from crm_pipeline.odoo.embedded.rules import RULES
from crm_pipeline.odoo.embedded.seeds import plant
from crm_pipeline.odoo.embedded.store import Store
from crm_pipeline.odoo.errors import CallError, ConfigurationError
from crm_pipeline.odoo.schemas import bundled_versions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

    import polars as pl

from contextlib import contextmanager


class EmbeddedOdoo:
    """:class:`~crm_pipeline.odoo.destination.Destination` in one sqlite file.

    Args:
        path: the file; made and filled like a fresh Odoo when it does not exist.
        version: a bundled series, for example ``18.0``.
        now: the clock of ``create_date``, ``write_date`` and what Odoo stamps; naive UTC or aware.

    Raises:
        ConfigurationError: the version is not bundled, or the file holds another version.
    """

    kind: Literal["embedded"] = "embedded"

    def __init__(self, path: Path, version: str, *, now: Callable[[], datetime]) -> None:
        if version not in bundled_versions() or version not in DIFFERENCES:
            message = f"Odoo {version!r} is not bundled; set VERSION to one of {', '.join(bundled_versions())}"
            raise ConfigurationError(message)
        self._path, self._version, self._now = path, version, now
        self._store = Store(path)
        self._registry_stamp: Any = None
        with self._store.transaction():
            kept = self._store.meta("version")
            if kept is None:
                plant(self._store, version, now().strftime("%Y-%m-%d %H:%M:%S.%f"))
                self._store.set_meta("version", version)
                self._store.set_meta("registry", 0)
        if kept not in {None, version}:
            self._store.close()
            message = f"{path} holds an embedded Odoo {kept}, not {version}; set VERSION to {kept} or remove the file"
            raise ConfigurationError(message)

    @staticmethod
    def limits() -> tuple[str, ...]:
        """What a rehearsal here can't show about a real database, in sentences for reports."""
        return LIMITS

    def __repr__(self) -> str:
        return f"<EmbeddedOdoo {self.database} {self._version}>"

    @property
    def version(self) -> str:
        """The series, ``18.0``."""
        return self._version

    @property
    def database(self) -> str:
        """The file."""
        return f"embedded ({self._path})"

    @property
    def base_url(self) -> str | None:
        """There is no web client."""
        return None

    @property
    def batch_records(self) -> int:
        """Nothing here limits a call but memory: what a transaction costs is spread over many records."""
        return 5000

    def fields_get(self, model: str) -> dict[str, FieldSchema]:
        """See :class:`Destination`."""
        with self._orm(write=False) as orm:
            return dict(orm.registry.model(model).fields)

    def search_read(
        self,
        model: str,
        domain: Domain,
        fields: Sequence[str],
        *,
        offset: int = 0,
        limit: int | None = None,
        order: str | None = None,
        context: Context | None = None,
    ) -> list[Record]:
        """See :class:`Destination`."""
        with self._orm(write=False) as orm:
            kind = orm.registry.model(model)
            reader = Reader(orm, kind, fields)
            return reader.read(orm.search_docs(kind, domain, context or {}, offset, limit, order))

    def search_columns(
        self, model: str, domain: Domain, fields: Sequence[str], *, limit: int | None = None, order: str | None = None,
        context: Context | None = None,
    ) -> pl.DataFrame:  # fmt: skip
        """See :class:`Destination`."""
        with self._orm(write=False) as orm:
            made = search_columns(orm, orm.registry.model(model), domain, fields, context or {}, limit=limit, order=order)
        return made()

    def search_count(self, model: str, domain: Domain, *, context: Context | None = None) -> int:
        """See :class:`Destination`."""
        with self._orm(write=False) as orm:
            return orm.count(orm.registry.model(model), domain, context or {})

    def create(self, model: str, vals_list: Sequence[Record], *, context: Context | None = None) -> list[int]:
        """See :class:`Destination`."""
        with self._orm() as orm:
            return orm.create(model, vals_list, context or {})

    def write(self, model: str, ids: Sequence[int], vals: Record, *, context: Context | None = None) -> None:
        """See :class:`Destination`."""
        with self._orm() as orm:
            orm.write(model, ids, vals, context or {})

    def load(
        self, model: str, fields: Sequence[str], rows: Sequence[Sequence[Any]], *, context: Context | None = None
    ) -> LoadResult:
        """See :class:`Destination`."""
        try:
            with self._orm() as orm:
                return Load(orm, orm.registry.model(model), context or {}).run(fields, rows)
        except Refused as refused:
            return LoadResult(None, refused.messages)

    def unlink(self, model: str, ids: Sequence[int], *, context: Context | None = None) -> None:
        """See :class:`Destination`."""
        with self._orm() as orm:
            orm.unlink(model, ids, context or {})

    def call(self, model: str, method: str, ids: Sequence[int] | None = None, **kwargs: Any) -> Any:
        """See :class:`Destination`; raises CallError for methods the embedded destination does not have."""
        if method.startswith("_"):
            raise CallError(f"Private methods (such as {method}) cannot be called remotely.", call=f"{model}.{method}")
        found: ModelMethod | None = METHODS.get((model, method)) or METHODS.get(("*", method))
        if found is None:
            message = f"the embedded destination does not have {model}.{method}"
            raise CallError(message, call=f"{model}.{method}")
        if ids is None and self._version in (_OF_RECORDS.get(("*", method)) or _OF_RECORDS.get((model, method)) or ()):
            raise CallError("tuple index out of range", call=f"{model}.{method}")
        if self._version in _NOT_YET.get(method, ()):
            message = f"The method {method!r} does not exist on the model {model!r}"
            raise CallError(message, call=f"{model}.{method}")
        context = kwargs.pop("context", None) or {}
        with self._orm() as orm:
            return json.loads(json.dumps(found(orm, orm.registry.model(model), list(ids or ()), kwargs, context)))

    def call_each(
        self, model: str, method: str, groups: Sequence[Sequence[int]], *, context: Context | None = None
    ) -> list[str | None]:
        """See :class:`Destination`."""
        together = EACH.get((model, method))
        if together is not None:
            with self._orm() as orm:
                return together(orm, groups)
        return call_each_alone(self, model, method, groups, context)

    def explain(self, model: str, domain: Domain, *, context: Context | None = None) -> str:
        """The query plan of a search, for tests of indexes."""
        with self._orm(write=False) as orm:
            return orm.explain(orm.registry.model(model), domain, context or {})

    def close(self) -> None:
        """Close the file."""
        self._store.close()

    @contextmanager
    def _orm(self, *, write: bool = True) -> Iterator[Orm]:
        """One call: one transaction.

        A call makes many documents and no cycles: to look for cycles among them again and again took a tenth of the time.
        """
        with self._store.transaction(write=write):
            collects = gc.isenabled()
            gc.disable()
            try:
                yield Orm(self._store, self._registry(), DIFFERENCES[self._version], RULES, self._now())
            finally:
                if collects:
                    gc.enable()

    def _registry(self) -> Registry:
        """The models; read again when custom fields changed, here or in another process."""
        stamp = self._store.meta("registry")
        if stamp != self._registry_stamp:
            custom = self._store.find("ir.model.fields", state="manual")
            models = [doc for _, doc in self._store.find("ir.model", state="manual")]
            precisions = [doc for _, doc in self._store.find("decimal.precision")]
            self._registered = Registry(self._version, custom, models, precisions)
            self._registry_stamp = stamp
        return self._registered


#: method → the versions that do not have it yet
_NOT_YET = {"has_access": {"17.0"}, "formatted_read_group": {"17.0", "18.0"}}
#: method → the versions that answer it only when ids are given, be they none
_OF_RECORDS = {
    ("*", "has_access"): {"18.0"},
    ("account.move.line", "default_get"): {"17.0", "18.0"},
    ("product.template", "default_get"): {"18.0"},
    ("res.partner.bank", "default_get"): {"17.0", "18.0"},
}

LIMITS = (
    "rights: every call has the administrator's; access rules are checked for custom models only, record rules never",
    "views: what an xpath or a field finds in its parent, expressions, buttons and widgets are not checked, only fields",
    "views: an architecture that is not XML is refused; Odoo mends some of them",
    "views: inheriting views without architecture, which Odoo accepts and which break the form in 17.0, are refused",
    "custom fields: a relation without its model, which Odoo accepts and which breaks reads later, is refused",
    "access: rows made after their model count at once; processes of a real server may notice them late or not at all",
    "default_get: values of fields that are not in the bundled schema's defaults, such as of custom ones, are not known",
    "concurrency: calls run one after another, so serialization failures and locks do not occur",
    "mail: nothing is sent; rows in mail.mail show what a context that is not quiet would have queued",
    "other modules: only the bundled models exist; references by database id to any other model are believed",
    "computed fields: phone_sanitized, automated probabilities, activity states and counters are not computed",
    "taxes: only percentages on top of the price are computed, rounded globally in 19.0 only; tax lines take the income account",
    "prices: pricelist rules, fiscal positions and cash rounding are not applied; a price not given is the product's list price",
    "payment terms: one due date for a document, the one given",
    "currencies: exchange differences are not booked; the company's amount of a foreign tax line may be a cent off in 17.0",
    "numbers: a document's year and month are checked for fiscal years that are calendar years",
    "numbers: what Odoo gives next in a journal whose numbers have several patterns may be another number",
    "accounting: lock dates and hashes are not enforced; bank statements and invoices made from orders do not exist",
    "accounting: amounts written on posted entries, and drafts reconciled in 19.0, are refused",
    "automated actions, scheduled actions, customised views and constraints of other modules do not run",
    "languages other than en_US, several companies and company-dependent values are not simulated",
    "HTML is cleaned with another library than Odoo's: insignificant markup may differ",
    "speed and size limits of a server (time-outs, memory, request size) do not apply",
)
