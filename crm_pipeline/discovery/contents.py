"""What the rows of an export refer to: owners, parents, files, custom fields; read from the typed tables and their issues."""

from __future__ import annotations

from dataclasses import dataclass

from crm_pipeline.discovery.profile import ObjectProfile
from crm_pipeline.discovery.usage import ColumnUsage
from crm_pipeline.specs import Mapping
from crm_pipeline.specs.custom_fields import DEFINITIONS
from crm_pipeline.specs.source import folded
from crm_pipeline.staging.store import StagingStore, literal, quote
from crm_pipeline.transforms.policies import build_derived

_FILE_PROBLEMS = ("file_missing", "file_missing_url_kept", "file_empty", "file_outside_folder", "file_too_large", "file_ambiguous", "file_unreadable",
                  "url_not_http", "no_file", "no_text_file")  # fmt: skip


@dataclass(frozen=True)
class OwnerFact:
    """Somebody whom records name as owner or author; ``is_listed``: the users' list has them."""

    name: str
    email: str
    is_listed: bool
    is_active: bool
    records: int
    writings: int


@dataclass(frozen=True)
class LostReference:
    """Values of a column that lead to no row; up to three of them as examples."""

    object: str
    column: str
    reason: str
    rows: int
    examples: tuple[str, ...]


@dataclass(frozen=True)
class FilesFact:
    """The files that an object's rows stand for.

    Attributes:
        rows: rows that stand for a file, or name one.
        found, bytes: rows whose file is in the export, and the size of these files.
        addresses: rows with a web address instead.
        problems: reason → rows whose file can't be used.
        unindexed: files that no row names.
    """

    object: str
    rows: int
    found: int
    bytes: int
    addresses: int
    problems: tuple[tuple[str, int], ...]
    unindexed: int

    @property
    def missing(self) -> int:
        """Rows without a usable file."""
        return sum(count for reason, count in self.problems if reason != "file_missing_url_kept")

    @property
    def set_aside(self) -> int:
        """Rows that are set aside for other reasons, so that their file is not loaded."""
        return max(0, self.rows - self.found - self.addresses - self.missing)


@dataclass(frozen=True)
class CustomFieldFact:
    """A field of the account's own: where it is known from, how full it is, and what it becomes in Odoo."""

    object: str
    label: str
    heading: str
    is_listed: bool
    in_data: bool
    filled: int
    rows: int
    kind: str
    field: str
    options: int


@dataclass(frozen=True)
class SetAside:
    """Rows of an object that would make no record, or not yet, by reason."""

    object: str
    fate: str
    reason: str
    rows: int


def owners_named(store: StagingStore, mapping: Mapping) -> list[OwnerFact]:
    """Everyone whom records name as owner or author, most records first; makes the derived tables it takes."""
    found = []
    for name, spec in mapping.source.derived.items():
        if spec.policy != "owners":
            continue
        build_derived(store, mapping.source.model_copy(update={"derived": {name: spec}}))
        rows = store.rows(
            f"SELECT coalesce(name, ''), coalesce(email, ''), is_listed, is_active, records, writings FROM {quote(f'derived.{name}')} "
            "ORDER BY records DESC, writings DESC, name"
        )
        found += [OwnerFact(*row) for row in rows]
    return found


def lost_references(store: StagingStore, mapping: Mapping, usage: ColumnUsage) -> list[LostReference]:
    """Links between objects that lead nowhere, by object, column and reason."""
    found = []
    for name, spec in mapping.source.objects.items():
        reasons = sorted({reference.reason for reference in spec.references})
        if not reasons:
            continue
        rows = store.rows(
            """SELECT coalesce("column", ''), reason, count(*), coalesce(min(DISTINCT value, 3), []) FROM ops.issue
               WHERE object = ? AND list_contains(?, reason) GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2""",
            [name, reasons],
        )  # fmt: skip
        found += [LostReference(name, usage.headings(name, column), reason, count, tuple(examples)) for column, reason, count, examples in rows]
    return found


def files_named(store: StagingStore, mapping: Mapping) -> list[FilesFact]:
    """The files of every object whose rows stand for files or have texts in files of their own."""
    found = []
    for name, spec in mapping.source.objects.items():
        if spec.files is None and spec.texts is None:
            continue
        rows = int(store.value(f"SELECT count(*) FROM {quote(f'raw.{name}')}"))
        reasons = dict(store.rows("SELECT reason, count(*) FROM ops.issue WHERE object = ? GROUP BY 1", [name]))
        problems = tuple((reason, reasons[reason]) for reason in _FILE_PROBLEMS if reason in reasons)
        if spec.files is not None:
            kinds = store.rows(
                f"""SELECT count(*) FILTER (file_kind = 'binary'), coalesce(sum(file_bytes) FILTER (file_kind = 'binary'), 0)::BIGINT,
                           count(*) FILTER (file_kind = 'url') FROM {quote(f"typed.{name}")}"""
            )[0]
        else:
            assert spec.texts is not None  # noqa: S101 - the condition above
            body = quote(spec.texts.body)
            table = quote(f"typed.{name}")
            path = quote(spec.texts.path)
            rows = int(store.value(f"SELECT count(nullif(trim({path}), '')) FROM {quote(f'raw.{name}')}"))
            kinds = (*store.rows(f"SELECT count({body}), coalesce(sum(length({body})), 0)::BIGINT FROM {table}")[0], 0)
        found.append(FilesFact(name, rows, kinds[0], kinds[1], kinds[2], problems, reasons.get("unindexed_file", 0)))
    return found


def custom_fields_found(store: StagingStore, profiles: dict[str, ObjectProfile]) -> list[CustomFieldFact]:
    """Every custom field of the inventory or of the data."""
    if not store.has_table(f"derived.{DEFINITIONS}"):
        return []
    found = []
    labels: dict[str, set[str]] = {}
    for row_id, name, label, heading, kind, model, field, options, column in store.rows(
        f'SELECT _row_id, object, label, heading, kind, model, name, len(options), "column" FROM {quote(f"derived.{DEFINITIONS}")} ORDER BY position'
    ):
        if name not in labels:
            rows = store.rows(f"SELECT DISTINCT unnest(map_keys(arg_min(_extra, _row_id))) FROM {quote(f'raw.{name}')} GROUP BY _file")
            labels[name] = {folded(each) for (each,) in rows}
        profile = profiles[name]
        filled = next((c.filled for c in profile.columns if c.name == column), 0)
        found.append(
            CustomFieldFact(
                name, label, heading, row_id is not None, folded(heading) in labels[name], filled, profile.rows, kind,
                f"{model}.{field}", options or 0,
            )
        )  # fmt: skip
    return found


def refused_fields(store: StagingStore, mapping: Mapping) -> list[str]:
    """Rows of the inventory no field can be made of, as sentences."""
    custom = mapping.source.custom_fields
    if custom is None:
        return []
    return [m for (m,) in store.rows("SELECT message FROM ops.issue WHERE object = ? AND severity = 'error' ORDER BY row_id", [custom.inventory])]


def rows_set_aside(store: StagingStore, mapping: Mapping) -> list[SetAside]:
    """Rows that reading and checking set aside, by object, fate and reason, in the order of the objects."""
    order = " ".join(f"WHEN {literal(name)} THEN {number}" for number, name in enumerate(mapping.source.objects))
    return [
        SetAside(*row)
        for row in store.rows(
            f"""SELECT * FROM (SELECT object, fate, coalesce(reason, fate) AS reason, count(*) AS "rows" FROM ops.fate
                WHERE fate IN ('quarantined', 'queued', 'duplicate', 'excluded') AND coalesce(reason, '') <> 'documented'
                GROUP BY 1, 2, 3)
                ORDER BY CASE object {order} END, "rows" DESC, fate, reason"""
        )
    ]  # fmt: skip
