"""Proposing a mapping and confirming it: the operations the command line and Dagster both call."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from crm_pipeline.exports.drops import list_drops
from crm_pipeline.migration.sign_off import is_person
from crm_pipeline.odoo.destination import FieldSchema
from crm_pipeline.odoo.environments import open_destination
from crm_pipeline.odoo.errors import CallError
from crm_pipeline.odoo.schemas import load_schema
from crm_pipeline.proposals.additions import propose_additions, write_additions
from crm_pipeline.proposals.advice import load_adviser
from crm_pipeline.proposals.confirmation import PROPOSAL_FILE, Confirmed, confirm, confirmations
from crm_pipeline.proposals.proposal import Proposal, propose, reader_for, understand
from crm_pipeline.proposals.review import ReviewedField, review, write_review
from crm_pipeline.reports.proposal import ReviewPage, build_proposal_page
from crm_pipeline.settings import Settings
from crm_pipeline.specs import list_sources, load_mapping
from crm_pipeline.specs.loader import SOURCE_FILE

_NAME = re.compile(r"[a-z][a-z0-9_]*")


class ProposalError(Exception):
    """A mapping can't be proposed or confirmed; the message says what to do."""


@dataclass(frozen=True)
class Proposed:
    """What was proposed, and where it is.

    Attributes:
        is_new: whether the source had no mapping: the specs are a whole mapping then, else additions beside it.
        folder: where the YAML is.
        page: the review table.
    """

    is_new: bool
    folder: Path
    page: Path
    fields: tuple[ReviewedField, ...]
    problems: tuple[str, ...]

    @property
    def sure(self) -> int:
        """Fields of which the proposal is more than 90 % sure."""
        return sum(field.confidence > 0.9 for field in self.fields)


def propose_source(
    settings: Settings, source: str, *, export: Path | None = None, out: Path | None = None, env: str | None = None,
    label: str | None = None, time_zone: str | None = None, currency: str | None = None, adviser: str | None = None,
    shows_values: bool = False, now: datetime | None = None,
) -> Proposed:  # fmt: skip
    """Propose a mapping of an export, or what an existing mapping lacks.

    A mapping of which nothing is confirmed yet is proposed anew; of any other, no file is changed: what it lacks is written
    beside it, into ``out``.

    Args:
        settings: where specs and exports are.
        source: name of the source, known or new.
        export: folder of the export; the newest drop of the source when not given.
        out: folder for the YAML; ``mapping_specs/<source>`` of a new source, the source's report folder of a known one.
        env: ask this environment's Odoo for its fields instead of taking the bundled ones.
        label: how people call the CRM.
        time_zone, currency: of the account, where the export doesn't say.
        adviser: ``package.module:factory`` of a second opinion (``proposals.advice``).
        shows_values: whether the adviser may see values of the export.
        now: time of the proposal, UTC.

    Raises:
        ProposalError: the name can't be one, or there is no export.
    """
    if not _NAME.fullmatch(source):
        raise ProposalError(f"'{source}' can't be the name of a source: write small letters, digits and '_', beginning with a letter")
    folder = export or _newest_drop(settings, source)
    if not folder.is_dir():
        raise ProposalError(f"{folder} is no folder; name the one with the exported files (--export)")
    version, schema = _schema(settings, source, env)
    own = settings.specs_root / source
    known = source in list_sources(settings.specs_root) and not _is_only_proposed(own)
    now = now or datetime.now(UTC).replace(tzinfo=None)
    reader = reader_for(schema, load_adviser(adviser) if adviser else None, shows_values=shows_values)
    understood = understand(folder, source, reader, label=label, time_zone=time_zone, currency=currency)
    labels = {(model, name): field.string for model, fields in schema.items() for name, field in fields.items()}
    reports = settings.data.reports(source, "proposal")
    if known:
        mapping = load_mapping(own)
        additions = propose_additions(own, mapping, understood, schema)
        target = out or reports
        write_additions(target, additions)
        fields = tuple(review(additions.proposal, labels))
        page = ReviewPage(mapping.source.label, source, "more", version, str(target), additions.proposal.problems, {})
        understood, problems = additions.proposal.understood, additions.proposal.problems
    else:
        proposal = propose(understood, source, schema)
        target = out or own
        _write(target, proposal)
        fields, problems = tuple(review(proposal, labels)), proposal.problems
        write_review(target, fields)
        page = ReviewPage(understood.draft.label, source, "new", version, str(target), problems, _left(proposal))
    path = build_proposal_page(page, understood, fields, reports, now)
    return Proposed(not known, target, path, fields, tuple(problems))


def confirm_source(
    settings: Settings, source: str, by: str, *, above: float | None = None, everything: bool = False,
    fields: tuple[str, ...] = (), ignore: tuple[str, ...] = (), now: datetime | None = None,
) -> Confirmed:  # fmt: skip
    """Confirm proposed fields of a mapping; see ``proposals.confirmation``.

    Raises:
        ProposalError: the source has no mapping, or ``by`` names nobody.
    """
    if source not in list_sources(settings.specs_root):
        raise ProposalError(f"'{source}' has no mapping yet; propose one: crm-pipeline propose {source}")
    if not is_person(by):
        raise ProposalError(f"'{by}' does not say who confirms; write \"Name <mail@company>\"")
    now = now or datetime.now(UTC).replace(tzinfo=None)
    return confirm(settings.specs_root / source, by, now, above=above, everything=everything, fields=fields, ignore=ignore)


def _newest_drop(settings: Settings, source: str) -> Path:
    folder = settings.data.exports(source)
    drops = list_drops(folder)
    if not drops:
        raise ProposalError(f"no export found: put the files of one full export into {folder}/<drop name>/, or name their folder (--export)")
    return folder / drops[-1]


def _is_only_proposed(folder: Path) -> bool:
    """Whether a mapping is a proposal that nobody has confirmed anything of."""
    if not (folder / PROPOSAL_FILE).exists() or confirmations(folder):
        return False
    mapping = load_mapping(folder)
    return all(spec.status == "proposed" for t in mapping.targets for block in t.sources for spec in block.fields.values())


def _schema(settings: Settings, source: str, env: str | None) -> tuple[str, Mapping[str, Mapping[str, FieldSchema]]]:
    """(version, fields by model) of an environment's database, else of the bundled series that the sandbox names."""
    if env is None:
        version = settings.environment("sandbox", source).version or ""
        return version, load_schema(version)
    destination = open_destination(settings.environment(env, source))
    try:
        bundled = load_schema(destination.version) if destination.kind == "embedded" else {}
        found: dict[str, Mapping[str, FieldSchema]] = dict(bundled)
        for model in _models() if not bundled else ():
            try:
                found[model] = destination.fields_get(model)
            except CallError:  # the app is not installed
                continue
        return destination.version, found
    finally:
        destination.close()


def _models() -> tuple[str, ...]:
    from crm_pipeline.proposals.blocks import NAMED  # noqa: PLC0415
    from crm_pipeline.proposals.vocabulary import general_vocabulary  # noqa: PLC0415

    kinds = (kind.model for kind in general_vocabulary().kinds.values())
    return tuple(dict.fromkeys([*kinds, *(model for model, _ in NAMED.values()), "crm.team"]))


def _write(folder: Path, proposal: Proposal) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    ours = (folder / PROPOSAL_FILE).exists()
    foreign = [] if ours else sorted(file.name for file in folder.glob("*.yaml"))
    if foreign:
        raise ProposalError(f"{folder} holds {foreign[0]}, which is no earlier proposal; name an empty folder (--out)")
    for old in folder.glob("*.yaml"):
        old.unlink()
    for name, text in proposal.files.items():
        (folder / name).write_text(text, encoding="utf-8")
    if folder.name == proposal.name and (folder / SOURCE_FILE).exists():
        load_mapping(folder)


def _left(proposal: Proposal) -> dict[str, list[str]]:
    """Table → headings that became nothing: neither key nor field, in tables that are loaded."""
    used = {(block.table, c.name) for t in proposal.targets for block in t.blocks for draft in block.fields.values() for c in draft.columns}
    loaded = {block.table for target in proposal.targets for block in target.blocks}
    found = {}
    for name, table in proposal.understood.tables.items():
        headings = [c.heading for c in table.columns if (name, c.name) not in used and c.name != proposal.understood.keys.get(name)]
        if name in loaded and headings and table.kind not in {"user", "stage"}:
            found[table.label] = headings
    return found
