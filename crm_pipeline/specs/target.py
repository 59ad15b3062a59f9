"""How source objects become records of one Odoo model (``mapping_specs/<source>/<model>.yaml``)."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from crm_pipeline.specs.source import Identifier, SpecModel

FieldStatus = Literal["proposed", "confirmed", "ignored"]

#: Queues that wait for people's decisions about records.
Queue = Literal["owners", "products"]


class ValueMap(SpecModel):
    """A column translated through a table of values; matching ignores case and spacing."""

    column: Identifier
    values: dict[str, Any] = Field(description="source value → target value")
    otherwise: Any = Field(default=None, description="for values that are not listed; blank when not given")


class Reference(SpecModel):
    """A link to another target record by the key its external id is made of."""

    to: Identifier = Field(description="name of a source block of any target")
    key: tuple[str, ...] = Field(description="DuckDB expressions for the other record's key, in the id's order")
    when: str | None = Field(default=None, description="this link only where the DuckDB condition holds")
    via: str | None = Field(default=None, description="link to the record that this field of the other one points to")
    finished: bool = Field(default=False, description="the other record must be finished, not only created")


class ReferenceByValue(SpecModel):
    """A link to a record of one of several blocks; a value of the row says of which."""

    by: str = Field(description="DuckDB expression that says which block is meant")
    to: dict[str, Identifier] = Field(min_length=1, description="value → name of a source block of any target")
    key: tuple[str, ...] = Field(description="DuckDB expressions for the other record's key, the same for all blocks")

    @property
    def references(self) -> tuple[Reference, ...]:
        """One link for each value."""
        said = {value: value.replace("'", "''") for value in self.to}
        return tuple(Reference(to=block, key=self.key, when=f"({self.by}) = '{said[value]}'") for value, block in self.to.items())


class FileContent(SpecModel):
    """A file of the export: read when it is sent, compared by the checksum the destination keeps of it."""

    path: Identifier = Field(description="column with the path below the drop's folder")
    digest: Identifier = Field(description="column with the SHA-1 of the content")
    size: Identifier = Field(description="column with its size in bytes")
    compared_with: str = Field(default="checksum", description="the destination's field that holds the SHA-1")


class Lookup(SpecModel):
    """A link to reference data that Odoo has already (countries, states, currencies …)."""

    reference: Identifier = Field(description="name of a lookup in crm_pipeline/odoo/references.yaml")
    key: str | None = Field(default=None, description="DuckDB expression for the text to look up")
    model_of: Identifier | None = Field(default=None, description="look up the model of the record that this field links to")

    @model_validator(mode="after")
    def _one_text(self) -> Lookup:
        if (self.key is None) == (self.model_of is None):
            raise ValueError("say exactly one of 'key' and 'model_of'")
        return self


#: The field by which a record is archived.
ACTIVE = "active"

_ORIGINS = ("from_", "map", "ref", "refs", "lookup", "xmlid", "model_of", "sql", "file")


class FieldSpec(SpecModel):
    """Where one field's value comes from: exactly one of from, map, ref, refs, lookup, xmlid, model_of, const, sql, file."""

    from_: Identifier | None = Field(default=None, alias="from", description="a column")
    as_: str | None = Field(default=None, alias="as", description="named transform of the column")
    map: ValueMap | None = None
    ref: Reference | ReferenceByValue | tuple[Reference, ...] | None = Field(
        default=None, description="a link; of several the first whose 'when' holds, or the one that 'by' says"
    )
    refs: Reference | tuple[Reference, ...] | None = Field(
        default=None, description="several links: the key is a list; of several lists all of them"
    )
    lookup: Lookup | None = None
    xmlid: str | None = Field(default=None, description="a record Odoo itself ships, by its external id")
    model_of: Identifier | None = Field(
        default=None, description="the Odoo model of the record that this other field of the block links to"
    )
    const: Any = None
    sql: str | None = Field(default=None, description="DuckDB expression over the block's columns")
    file: FileContent | None = Field(default=None, description="the content of a file of the export")
    default: Any = Field(default=None, description="value where the source is blank")
    or_field: str | None = Field(default=None, description="field used where the destination's version lacks this one")
    optional: bool = Field(default=False, description="left out where the destination lacks the field or computes it")
    when_blank: Literal["clear", "omit"] = Field(
        default="clear", description="'omit' leaves a blank value out of the call instead of sending it empty"
    )
    resend: bool = Field(
        default=False, description="sent once more after any update of the record, because Odoo overwrites it then"
    )
    on_conflict: Literal["keep_odoo", "take_source"] = Field(
        default="keep_odoo",
        description="when people changed the field in Odoo and the source changed it too: keep theirs and queue it, or overwrite it",
    )
    computed: bool = Field(default=False, description="not sent: Odoo computes it, and verification compares it")
    late: bool = Field(
        default=False, description="sent when the record is finished, because giving it earlier has consequences in Odoo"
    )
    awaited: bool = Field(default=False, description="no field of Odoo: the row waits until the records it links to are there")
    at_end: bool = Field(default=False, description="compared at the end only, because loading later models completes it")
    tolerance: str | None = Field(
        default=None, description="DuckDB expression: a difference up to this much is Odoo's rounding, listed but no error"
    )
    staged_only: bool = Field(default=False, description="no field of Odoo: staged to order or partition the load")
    on_unresolved: Literal["hold", "blank"] = Field(
        default="hold", description="what a link does whose record is not in Odoo: hold the row back, or leave it empty"
    )
    compare: Literal["html", "url", "contains", "given", "never"] | None = Field(
        default=None,
        description="how verification compares; by default as the field's type asks for; 'given': only where there is a value",
    )
    status: FieldStatus = "confirmed"
    note: str = ""

    @model_validator(mode="after")
    def _one_origin(self) -> FieldSpec:
        if self.status == "ignored":
            return self
        given = [n for n in _ORIGINS if getattr(self, n) is not None]
        given += ["const"] if "const" in self.model_fields_set else []
        if len(given) != 1:
            raise ValueError(
                "say exactly one of from, map, ref, refs, lookup, xmlid, model_of, const, sql, file "
                f"(found {', '.join(g.strip('_') for g in given) or 'none'}); for example {{from: deal_name}}"
            )
        if self.as_ is not None and self.from_ is None:
            raise ValueError("'as' names a transform of the column in 'from', which is missing")
        if self.awaited and not self.links:
            raise ValueError("'awaited' needs a link in 'ref' or 'refs'")
        return self

    @property
    def is_sent(self) -> bool:
        """Whether the value goes into the call that creates the record."""
        return not (self.computed or self.late or self.awaited or self.staged_only)

    @property
    def is_resolved(self) -> bool:
        """Whether the staged value stands for a record of the destination, or for a file."""
        return bool(self.links or self.lookup or self.xmlid or self.file)

    @property
    def looked_up_in(self) -> str | None:
        """Name of the reference data the staged text is looked up in."""
        return "xmlid" if self.xmlid is not None else self.lookup.reference if self.lookup is not None else None

    @property
    def is_blank(self) -> bool:
        """Whether the value is always blank."""
        return "const" in self.model_fields_set and self.const is None and self.default is None

    @property
    def links(self) -> tuple[Reference, ...]:
        """All links this field may hold; empty when its value is no link."""
        given = self.refs if self.refs is not None else self.ref
        if isinstance(given, ReferenceByValue):
            return given.references
        return given if isinstance(given, tuple) else () if given is None else (given,)

    @property
    def named_for_model(self) -> str | None:
        """The field whose link says the model that is this one's value."""
        return self.lookup.model_of if self.lookup is not None else self.model_of


class Join(SpecModel):
    """Another table beside the block's own, one row at most for each."""

    table: Identifier = Field(description="a source object or derived table; joined columns are <as>.<column>")
    as_: Identifier = Field(alias="as")
    on: dict[Identifier, str] = Field(description="column there → DuckDB expression here")


class Diversion(SpecModel):
    """Accounted rows that make no record here, with their fate."""

    where: str = Field(description="DuckDB condition over the block's columns")
    fate: Literal["merged", "excluded"]
    reason: Identifier
    into: Reference | None = Field(default=None, description="the record the row is merged into")
    note: str = ""

    @model_validator(mode="after")
    def _merged_says_into(self) -> Diversion:
        if (self.fate == "merged") != (self.into is not None):
            raise ValueError("'into' must be given for the fate merged, and only for it")
        return self


class RowWarning(SpecModel):
    """Rows that are loaded, but that somebody should look at."""

    when: str = Field(description="DuckDB condition over the block's columns")
    reason: Identifier
    column: Identifier | None = Field(default=None, description="the column concerned; its value is shown")
    message: str


class TagLinks(SpecModel):
    """Where the values of multiselect fields go that become tags."""

    field: Identifier = Field(description="field of the model that links to the tags; they come on top of what it is mapped to")
    to: Identifier = Field(description="the block whose records the tags are; its external id is made of the option, folded")


class CustomColumns(SpecModel):
    """Custom fields that a block takes: those of an object, from its own table or from a joined one."""

    object: Identifier
    table: Identifier = Field(default="src", description="where the columns are: 'src', or the name of a join")
    tags: TagLinks | None = Field(default=None, description="for multiselect fields that become tags")


class SourceBlock(SpecModel):
    """One stream of rows into the model."""

    name: Identifier
    object: Identifier | None = Field(default=None, description="source object or derived table")
    rows: tuple[dict[str, Any], ...] = Field(default=(), description="the rows themselves, for fixed configuration")
    join: tuple[Join, ...] = ()
    each: dict[Identifier, Identifier] = Field(
        default_factory=dict, description="new column ← list column: one row for each element"
    )
    where: str | None = Field(default=None, description="only rows with this condition (DuckDB) come here")
    divert: tuple[Diversion, ...] = ()
    warn: tuple[RowWarning, ...] = ()
    one_per: tuple[str, ...] = Field(default=(), description="one record for each value of these expressions")
    accounts_for: Identifier | None = Field(
        default=None, description="the source object whose rows this block gives their fate"
    )
    external_id: str = Field(description="name pattern, {DuckDB expression} replaced; the module is the source's name")
    needed_when: str | None = Field(
        default=None, description="rows that must be resolved before a gated model loads (DuckDB); all when not given"
    )
    create_when: str | None = Field(
        default=None, description="rows that may be created when nothing in Odoo matches (DuckDB); all when not given"
    )
    label: str | None = Field(default=None, description="how people know a row of a queue (DuckDB expression)")
    custom_fields: tuple[CustomColumns, ...] = Field(default=(), description="whose custom fields become fields of the model")
    archive_deleted: bool | str = Field(
        default=False,
        description="whether the record of a row that the CRM deleted is archived; a DuckDB condition for some of them. Else it stays",
    )
    archive_absent: bool = Field(
        default=False, description="whether the record of a row that is missing from a newer full export is archived; else it stays"
    )
    fields: dict[str, FieldSpec]

    @model_validator(mode="after")
    def _one_table(self) -> SourceBlock:
        if (self.object is None) == (not self.rows):
            raise ValueError("say exactly one of 'object' and 'rows'")
        if (self.divert or self.warn) and self.accounts_for is None:
            raise ValueError("'divert' and 'warn' speak of exported rows, so 'accounts_for' must name their object")
        if (self.archive_deleted or self.archive_absent) and self.accounts_for is None:
            raise ValueError("'archive_deleted' and 'archive_absent' speak of exported rows, so 'accounts_for' must name their object")
        if self.archive_deleted or self.archive_absent:
            self.fields.setdefault(ACTIVE, FieldSpec(sql="TRUE"))
        return self


class MatchRule(SpecModel):
    """What to do with records that exist in Odoo already."""

    policy: Literal["never", "link"] = "never"
    by: tuple[str, ...] = Field(default=(), description="fields that must be equal, ignoring case and spacing")
    or_by: tuple[str, ...] = Field(default=(), description="a second set of fields, tried where the first finds none")
    within: tuple[Any, ...] = Field(default=(), description="Odoo domain the existing records must satisfy")
    archived: bool = Field(default=False, description="whether archived records count as existing")
    several: Literal["hold", "any"] = Field(
        default="hold", description="a row that matches several: 'hold' it for a person, or link to 'any' of them"
    )
    create: bool = Field(default=True, description="whether a record that matches nothing is created")
    ensure: dict[str, Any] = Field(
        default_factory=dict,
        description="values a linked record must have; where it has others they are written, and kept to be restored",
    )
    queue: Queue | None = Field(default=None, description="queue for records that match none or several")

    @model_validator(mode="after")
    def _by_goes_with_policy(self) -> MatchRule:
        if (self.policy == "never") == bool(self.by):
            raise ValueError("'by' must be given unless the policy is never")
        return self


class CreateRule(SpecModel):
    """New rows by ``create`` instead of ``load``: a half to a fifth of the server's work, with the external id in the same transaction."""

    fence: Identifier = Field(
        description="many2one or many2many through which the first record of a call refers to a passing record, which keeps late calls "
        "out; its model needs a name only, and no mapped value may be a many2one's"
    )
    context: dict[str, Any] = Field(default_factory=dict, description="added to the quiet context")
    given: tuple[Identifier, ...] = Field(
        default=(), description="computed fields that are given, because the context keeps Odoo from computing them"
    )
    by_default: dict[Identifier, Identifier | None] = Field(
        default_factory=dict,
        description="fields given as defaults of a call whose rows agree in them, because Odoo looks at every record that is given them; "
        "with a field's name not where the linked record has it true",
    )


class LoadRule(SpecModel):
    """How the rows are sent."""

    batch: int = Field(default=400, ge=1, le=2000)
    batch_bytes: int | None = Field(default=None, ge=1, description="files of one call together, beside 'batch'")
    lanes: int = Field(default=1, ge=1, le=8, description="connections at the same time")
    lane_by: Identifier | None = Field(default=None, description="rows with the same value stay in one lane, in order; those without go by any")
    order_by: tuple[str, ...] = Field(default=(), description="staged fields that give the order of creation")
    context: dict[str, Any] = Field(default_factory=dict, description="added to the quiet context of every call")
    create: CreateRule | None = Field(default=None, description="by 'create' instead of 'load'")


class ControlTotal(SpecModel):
    """A sum that must be equal on both sides."""

    field: str
    currency: str | None = Field(default=None, description="staged field that holds the currency code")
    by: tuple[Identifier, ...] = Field(
        default=(), description="staged fields by whose values the sum is broken down as well (type, status)"
    )
    note: str = ""


class Count(SpecModel):
    """Records counted on both sides by the value of one field."""

    by: Identifier = Field(description="a mapped field; a link counts by the record it leads to")
    period: Literal["month"] | None = Field(default=None, description="dates are counted by month")


class Gate(SpecModel):
    """A reconciliation queue that must be empty before this model is loaded."""

    queue: Queue
    policy: Literal["block", "hold"] = Field(
        default="block", description="'block': nothing is loaded; 'hold': only the rows concerned are held back"
    )
    fallback_login: str | None = Field(default=None, description="the Odoo user who takes what nobody is found for")


#: Checked by ``crm_pipeline.odoo.preflight.preconditions`` before the first record.
Precondition = Literal["chart_of_accounts", "lock_dates", "decimal_precision", "currency_rates", "products_accounts"]


class PartOf(SpecModel):
    """Records that are created in one call with the record they belong to: a document is loaded with all lines or not."""

    model: str = Field(description="the model they belong to")
    field: str = Field(description="its one2many field")
    link: Identifier = Field(description="the field here that links back")


class Step(SpecModel):
    """How a record is brought into a state: by a method without arguments."""

    call: Identifier = Field(description="method of the model")
    reached: tuple[str, ...] = Field(description="values of the state field that count as done")


class Settlement(SpecModel):
    """Payments are reconciled with the open lines of the document they pay."""

    document: Identifier = Field(description="staged-only link to the document")


class Finish(SpecModel):
    """What a record needs after it was created with all its parts: a check, a state, late fields."""

    state: str | None = Field(default=None, description="Odoo's field that says how far a record is")
    steps: dict[str, Step] = Field(default_factory=dict, description="value meant by the mapping → how it is reached")
    equal_before: tuple[str, ...] = Field(
        default=(), description="fields Odoo computed that must equal the mapping before a step is taken"
    )
    adjust_by: Identifier | None = Field(
        default=None, description="staged field: how far net and tax of a draft may be corrected to the mapping's amounts"
    )
    quiet: bool = Field(default=False, description="remove the followers and tracking notes that a step adds of its own accord")
    settle: Settlement | None = None

    @model_validator(mode="after")
    def _steps_need_a_state(self) -> Finish:
        if self.state is None and (self.steps or self.equal_before or self.adjust_by):
            raise ValueError("'state' must be given for steps, equal_before and adjust_by")
        return self


class TargetSpec(SpecModel):
    """One Odoo model and everything that is loaded into it."""

    model: str
    title: str
    description: str = ""
    enabled: bool = Field(default=True, description="false: nothing of this spec is done; for what is only wanted on request")
    phase: int = Field(description="order of loading; links may only point to the same or an earlier phase")
    app: Identifier | tuple[Identifier, ...] = Field(
        default=(), description="the Odoo module that brings the model; of several any one will do"
    )
    when_missing: Literal["stop", "skip"] = Field(
        default="stop", description="without the app: 'stop' before anything is loaded, or 'skip' the model and what needs its records"
    )
    match: MatchRule = MatchRule()
    load: LoadRule = LoadRule()
    gate: Gate | None = None
    control_totals: tuple[ControlTotal, ...] = ()
    counts: tuple[Count, ...] = ()
    unique_by: tuple[tuple[Identifier, ...], ...] = Field(
        default=(), description="sets of mapped fields that make two records the same thing, the first of a set not blank: verification "
        "looks for copies of loaded records by them; by the match rule's fields when not given",
    )
    on_refusal: Literal["warn", "stop"] = Field(
        default="warn", description="'stop': what builds on this model must not be loaded when Odoo refuses a record of it"
    )
    verify_again: bool = Field(
        default=False, description="read back once more at the end, because loading later models can write to its records"
    )
    part_of: PartOf | None = None
    finish: Finish | None = None
    preconditions: tuple[Precondition, ...] = Field(
        default=(), description="what must be true of the destination before anything is loaded"
    )
    sources: tuple[SourceBlock, ...]

    @property
    def table(self) -> str:
        """Name of the staged table, and last part of asset keys: the model with underscores."""
        return self.model.replace(".", "_")

    @property
    def apps(self) -> tuple[str, ...]:
        """The Odoo modules of which one must be installed; empty when the spec names none."""
        return (self.app,) if isinstance(self.app, str) else self.app

    @property
    def identities(self) -> tuple[tuple[str, ...], ...]:
        """Sets of fields by which a record that is not ours would be a copy of one that is."""
        return self.unique_by or tuple(names for names in (self.match.by, self.match.or_by) if names)

    @property
    def finishing(self) -> Finish | None:
        """How records are finished; late fields alone make a rule of their own."""
        if self.finish is None and any(spec.late for block in self.sources for spec in block.fields.values()):
            return Finish()
        return self.finish

    def as_one(self, blocks: tuple[SourceBlock, ...]) -> SourceBlock:
        """Blocks whose rows go into one call, as one: a field is a link where any of them says so.

        The staged column of the others is blank there or a link as well; the loader of specs sees to that.
        """
        merged: dict[str, FieldSpec] = {}
        for block in blocks:
            for name, spec in block.fields.items():
                if spec.status != "confirmed":
                    continue
                known = merged.get(name)
                if known is None or (spec.is_resolved and not known.is_resolved):
                    merged[name] = spec
                elif known.ref is not None and spec.ref is not None:
                    merged[name] = known.model_copy(update={"ref": tuple(dict.fromkeys((*known.links, *spec.links)))})
        return blocks[0].model_copy(update={"fields": merged})

    @property
    def field_specs(self) -> dict[str, FieldSpec]:
        """All mapped fields of all blocks, in order of first appearance."""
        return self.as_one(self.sources).fields
