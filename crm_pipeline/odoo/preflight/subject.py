"""What the rules of preflight look at: mapping, staged rows and destination, with what they all ask kept once."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any, NamedTuple, TypeVar

from crm_pipeline.odoo.destination import Destination, Domain, FieldSchema, Record
from crm_pipeline.odoo.errors import AccessRightsError, CallError, DataError
from crm_pipeline.odoo.lanes import together
from crm_pipeline.specs import Mapping, TargetSpec
from crm_pipeline.staging.store import StagingStore, literal, quote

T = TypeVar("T")

#: Everything is read whether archived or not, unless a rule asks for what is active.
EVERY = {"active_test": False}
#: No such model (Odoo 17 says so in the user's language, as a UserError), or no right to read it.
UNREADABLE = (CallError, DataError, AccessRightsError)
_OPERATIONS = ("read", "create", "write", "unlink")
#: Models that add to what ``ir.model.access`` says of them (``_check_access``, 18.0 and 19.0).
_SAY_THEMSELVES = ("mail.message", "mail.activity", "ir.attachment")
#: Models whose ``default_get`` wants ids before its fields (account.move.line 17.0, product.template 18.0) say so.
_MISSING_ARGUMENT = re.compile(r"missing 1 required positional argument: '(?P<name>\w+)'")
#: From this series on ``default_get`` takes its fields by name; before, in the place of ids (17.0, 18.0, 19.0 measured).
_NAMED_DEFAULTS = 19


class App(NamedTuple):
    """A module of the destination. ``state`` is Odoo's: installed, uninstalled, uninstallable, to upgrade."""

    name: str
    label: str
    state: str
    license: str

    @property
    def is_installed(self) -> bool:
        """Whether its models are there."""
        return self.state in {"installed", "to upgrade"}

    @property
    def is_enterprise(self) -> bool:
        """Whether it exists only in Odoo Enterprise."""
        return self.license.startswith("OEEL")


@dataclass(frozen=True)
class Subject:
    """What is examined.

    Args:
        store: the staging store with staged targets.
        mapping: the mapping in force.
        destination: the database; it is only read.
        env: environment, for what the ledger knows.
        standing: models whose staged rows were all loaded just as they are, and that nobody touched since.
    """

    store: StagingStore
    mapping: Mapping
    destination: Destination
    env: str
    standing: frozenset[str] = frozenset()

    def fields(self, model: str) -> dict[str, FieldSchema] | None:
        """The live schema of a model; ``None`` when the destination has no such model."""
        if model not in self._schemas:
            self._schemas[model] = self._fields(model)
        return self._schemas[model]

    def _fields(self, model: str) -> dict[str, FieldSchema] | None:
        try:
            return self.destination.fields_get(model)
        except CallError:
            return None

    def read(self, model: str, domain: Domain, fields: Sequence[str], *, archived: bool = True) -> list[Record] | None:
        """Records of a model; ``None`` when the destination has no such model or the user may not read it."""
        try:
            return self.destination.search_read(model, domain, fields, limit=5000, context=EVERY if archived else None)
        except UNREADABLE:
            return None

    def count(self, model: str, domain: Domain) -> int | None:
        """Number of records, archived ones included; ``None`` as :meth:`read`."""
        try:
            return self.destination.search_count(model, domain, context=EVERY)
        except UNREADABLE:
            return None

    def defaults(self, model: str, names: Sequence[str]) -> dict[str, Any]:
        """The values Odoo gives to fields that are left out."""
        if not names:
            return {}
        found: dict[str, Any]
        if self.major >= _NAMED_DEFAULTS:
            found = self.destination.call(model, "default_get", fields=list(names))
            return found
        try:
            found = self.destination.call(model, "default_get", list(names))  # type: ignore[arg-type]
        except CallError as error:
            named = _MISSING_ARGUMENT.search(error.message)
            if named is None:
                raise
            found = self.destination.call(model, "default_get", [], **{named["name"]: list(names)})
        return found

    def together(self, calls: Iterable[Callable[[], T]]) -> list[T]:
        """Results of independent reads, several under way at the same time."""
        return together(calls)

    def dependencies(self, model: str, names: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """Field → what Odoo computes it from; empty when it computes nothing."""
        if not names:
            return {}
        found = self.destination.call(model, "fields_get", allfields=list(names), attributes=["depends"])
        return {name: tuple(found.get(name, {}).get("depends") or ()) for name in names}

    def staged(self, target: TargetSpec) -> int:
        """Rows staged for a target."""
        return self._staged.get(target.table, 0)

    @cached_property
    def _staged(self) -> dict[str, int]:
        tables = self.store.tables("staged")
        counts = (f"SELECT {literal(name)}, count(*) FROM {quote(f'staged.{name}')}" for name in tables)
        return dict(self.store.rows(" UNION ALL ".join(counts))) if tables else {}

    @cached_property
    def _schemas(self) -> dict[str, dict[str, FieldSchema] | None]:
        """Those of all targets are asked for at once."""
        models = [target.model for target in self.mapping.targets]
        return dict(zip(models, self.together(partial(self._fields, model) for model in models), strict=True))

    @cached_property
    def major(self) -> int:
        """The destination's major version."""
        return int(self.destination.version.partition(".")[0])

    @cached_property
    def apps(self) -> dict[str, App]:
        """Modules by name."""
        found = self.read("ir.module.module", [], ["name", "shortdesc", "state", "license"]) or []
        return {
            r["name"]: App(r["name"], r.get("shortdesc") or r["name"], r["state"] or "", r.get("license") or "") for r in found
        }

    @cached_property
    def granted(self) -> frozenset[tuple[str, str]]:
        """(model, operation) that ``ir.model.access`` grants the user, as Odoo reads it (17.0, 18.0, 19.0); others are to be asked.

        Models with a say of their own are left out, and all where the user may not read these lists.
        """
        fields = self.fields("res.users") or {}
        groups = next((name for name in ("all_group_ids", "groups_id") if name in fields), None)
        uid = self.destination.call("res.users", "context_get").get("uid")
        user = self.read("res.users", [("id", "=", uid)], [groups]) if groups else None
        grants = self.read("ir.model.access", [("active", "=", True)], ["model_id", "group_id", *(f"perm_{each}" for each in _OPERATIONS)])
        models = self.read("ir.model", [], ["model"])
        if not user or not grants or not models:
            return frozenset()
        names, mine = {record["id"]: record["model"] for record in models}, {False, *user[0][str(groups)]}
        return frozenset(
            (names[each["model_id"]], operation)
            for each in grants if each["group_id"] in mine and names.get(each["model_id"], _SAY_THEMSELVES[0]) not in _SAY_THEMSELVES
            for operation in _OPERATIONS if each[f"perm_{operation}"]
        )  # fmt: skip

    @cached_property
    def provided(self) -> dict[str, dict[str, FieldSchema]]:
        """Model → the custom fields that the migration itself creates before it uses them."""
        return provided_fields(self.store)

    @cached_property
    def absent(self) -> tuple[TargetSpec, ...]:
        """Targets whose model the destination hasn't, and which the migration doesn't make."""
        return tuple(t for t in self.mapping.targets if t.model not in self.created and self.fields(t.model) is None)

    @cached_property
    def created(self) -> frozenset[str]:
        """Custom models that the migration itself creates."""
        if not self.store.has_table("staged.ir_model"):
            return frozenset()
        return frozenset(model for (model,) in self.store.rows("SELECT model FROM staged.ir_model"))

    @cached_property
    def present(self) -> tuple[TargetSpec, ...]:
        """Targets that can be looked at: their model is there, or comes with the migration."""
        absent = {t.model for t in self.absent}
        return tuple(t for t in self.mapping.targets if t.model not in absent)

    def schema(self, target: TargetSpec) -> dict[str, FieldSchema]:
        """The fields of a present target, with those the migration brings."""
        return self.provided.get(target.model, {}) | self.fields_to_be(target.model)

    def fields_to_be(self, model: str) -> dict[str, FieldSchema]:
        """The live schema of a model, with the options that the migration adds to selections of its own."""
        live = self.fields(model) or {}
        grown = {
            name: replace(live[name], selection=tuple(dict.fromkeys((*live[name].selection, *values))))
            for (of, name), values in self._own_options.items() if of == model and name in live
        }  # fmt: skip
        return live | grown

    @cached_property
    def _own_options(self) -> dict[tuple[str, str], list[str]]:
        """(model, field) → options staged for a field that an earlier run created."""
        found: dict[tuple[str, str], list[str]] = {}
        if self.store.has_table("staged.ir_model_fields_selection"):
            for model, name, value in self.store.rows(
                """SELECT field.model, field.name, option.value FROM staged.ir_model_fields_selection AS option
                   JOIN staged.ir_model_fields AS field ON field.external_id = option.field_id
                   JOIN ops.ledger AS entry ON entry.external_id = field.external_id AND entry.env = ?
                   AND entry.model = 'ir.model.fields' AND entry.origin = 'created'""",
                [self.env],
            ):
                found.setdefault((model, name), []).append(value)
        return found


def provided_fields(store: StagingStore) -> dict[str, dict[str, FieldSchema]]:
    """Model → the custom fields that the migration itself creates before it uses them."""
    if not store.has_table("staged.ir_model_fields"):
        return {}
    found: dict[str, dict[str, FieldSchema]] = {}
    columns = store.columns("staged.ir_model_fields")
    relation = "relation" if "relation" in columns else "NULL"
    plain = FieldSchema("", "", "", required=False, readonly=False, store=True)
    for model, name, ttype, related in store.rows(f"SELECT model, name, ttype, {relation} FROM staged.ir_model_fields"):
        found.setdefault(model, {})[name] = replace(plain, name=name, type=ttype, string=name, relation=related)
    return found
