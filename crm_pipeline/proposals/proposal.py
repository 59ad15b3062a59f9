"""The proposed mapping of an export nobody has mapped: read, profiled, understood, drafted as specs."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from crm_pipeline.exports import open_drop, read_object, register_values
from crm_pipeline.odoo.destination import FieldSchema
from crm_pipeline.proposals.advice import Adviser
from crm_pipeline.proposals.confidence import shipped_confidence
from crm_pipeline.proposals.draft import draft_source
from crm_pipeline.proposals.drafting import BlockDraft, TargetDraft
from crm_pipeline.proposals.export import Export
from crm_pipeline.proposals.history import draft_history
from crm_pipeline.proposals.partners import draft_partners
from crm_pipeline.proposals.pipeline import draft_pipeline
from crm_pipeline.proposals.profile import count_values, profile_objects, stated_date_order
from crm_pipeline.proposals.reference_data import draft_reference_data
from crm_pipeline.proposals.relations import Link, find_key, find_links, with_links
from crm_pipeline.proposals.source_text import source_text
from crm_pipeline.proposals.table import Reader, TableReading
from crm_pipeline.proposals.vocabulary import general_vocabulary, learnt_terms, value_words
from crm_pipeline.specs import SourceSpec
from crm_pipeline.staging.store import StagingStore

#: Other spellings of currencies in a column that says so.
_ISO = 3


@dataclass(frozen=True)
class Understood:
    """An export as far as it was understood: its draft contract, tables, keys and links."""

    draft: SourceSpec
    tables: Mapping[str, TableReading]
    keys: Mapping[str, str]
    links: Mapping[tuple[str, str], tuple[Link, ...]]
    conventions: tuple[str, ...]
    skipped: tuple[str, ...]


@dataclass(frozen=True)
class Proposal:
    """Specs to confirm.

    Attributes:
        files: file name → text, for ``mapping_specs/<source>``.
        targets: what the target files were made of.
        problems: what could not be proposed, as sentences.
    """

    name: str
    understood: Understood
    files: Mapping[str, str]
    targets: tuple[TargetDraft, ...]
    problems: tuple[str, ...]

    @property
    def fields(self) -> int:
        """How many fields are proposed."""
        return sum(len(block.fields) for target in self.targets for block in target.blocks)


def reader_for(
    schema: Mapping[str, Mapping[str, FieldSchema]], adviser: Adviser | None = None, *, shows_values: bool = False
) -> Reader:
    """The reader that knows all that ships, and a destination's fields."""
    vocabulary = replace(general_vocabulary().with_labels(schema), learnt=learnt_terms())
    return Reader(vocabulary, shipped_confidence(), schema, adviser, shows_values)


def understand(
    folder: Path, name: str, reader: Reader, *, label: str | None = None, time_zone: str | None = None, currency: str | None = None
) -> Understood:
    """Read a folder's tables: kinds, columns, keys, links.

    Args:
        folder: the exported files.
        name: name of the source.
        reader: knows vocabulary and destination.
        label: how people call the CRM.
        time_zone: of the account; UTC when not given.
        currency: of the account; what a currency column holds most, else EUR, when not given.

    Raises:
        NothingToProposeError: there is no table in it.
    """
    draft, skipped = draft_source(folder, name, label)
    drop = open_drop(draft, folder)
    with tempfile.TemporaryDirectory() as scratch, StagingStore(Path(scratch) / "proposal.duckdb") as store:
        for each in draft.objects:
            read_object(store, draft, each, drop)
        count_values(store, draft.objects)
        order = stated_date_order(store)
        register_values(store.connection, "UTC", order, draft.currency_symbols)
        profiles = profile_objects(store, draft.objects)
        tables = {
            each: reader.read(each, spec.label, {c: (col.heading, profiles[each][c]) for c, col in spec.columns.items()})
            for each, spec in draft.objects.items()
        }
        keys = {each: key for each, table in tables.items() if (key := find_key(table)) is not None}
        links = find_links(store, tables, keys)
        tables = with_links(tables, links)
    money = currency or _currency(tables)
    conventions = (
        f"times without an offset are in {time_zone or 'UTC'}" + ("" if time_zone else " (nothing in the export says; --time-zone)"),
        f"dates such as 03/04/2024 are {'day/month' if order == 'dmy' else 'month/day'}",
        f"amounts that state no currency are in {money or 'EUR'}" + ("" if money else " (nothing in the export says; --currency)"),
    )
    draft = draft.model_copy(update={"date_order": order, "time_zone": time_zone or "UTC", "account_currency": money or "EUR"})
    return Understood(draft, tables, keys, links, conventions, skipped)


def _currency(tables: Mapping[str, TableReading]) -> str | None:
    for table in tables.values():
        for column in table.columns:
            values = column.profile.choices
            if "currency" in column.heading.casefold() and values and len(values[0]) == _ISO and values[0].isupper():
                return values[0]
    return None


def propose(understood: Understood, name: str, schema: Mapping[str, Mapping[str, FieldSchema]]) -> Proposal:
    """Draft the specs of a source nobody has mapped."""
    export = Export(
        name, understood.draft.label, understood.tables, understood.keys, understood.links, schema, value_words()
    )
    partners = draft_partners(export)
    pipeline = draft_pipeline(export)
    history, problems = draft_history(export)
    targets = [*([partners] if partners else []), *pipeline, *history]
    targets = [*draft_reference_data(export), *targets]
    used = {str(block.head["accounts_for"]) for target in targets for block in target.blocks if "accounts_for" in block.head}
    for each, table in understood.tables.items():
        if each not in understood.keys:
            problems.append(f"{table.label}: no column tells its rows apart, so it is not in the proposal")
        elif each not in used and not any(p.startswith(f"{table.label}:") for p in problems):
            helps = {"user": "owners are found by it", "stage": "stages are made of the values in use"}.get(str(table.kind), table.reasons[0])
            problems.append(f"{table.label}: {helps}; it is read and reported, nothing else is proposed for its rows")
    files = {"source.yaml": source_text(export, understood.draft, used, understood.conventions)}
    files |= {target.file: target.text() for target in targets}
    return Proposal(name, understood, files, tuple(targets), tuple(problems))


def fields_of(proposal: Proposal) -> list[tuple[TargetDraft, BlockDraft, str]]:
    """Every proposed field: its target, block and name."""
    return [(target, block, name) for target in proposal.targets for block in target.blocks for name in block.fields]
