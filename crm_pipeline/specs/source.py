"""What a source CRM exports: files, headings, types, keys, references, limits (``mapping_specs/<source>/source.yaml``)."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Identifier = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]

#: Types a column may have; how each is read is stated in ``crm_pipeline.exports.values``.
ColumnType = Literal[
    "key", "str", "text", "html", "email", "url", "money", "dec", "int", "pct", "bool", "date", "dt", "enum",
    "enums",
]  # fmt: skip

#: What a custom field holds; what each becomes in Odoo is stated in ``crm_pipeline.specs.custom_fields``.
CustomKind = Literal[
    "text", "longtext", "html", "url", "email", "integer", "decimal", "money", "percent", "date", "datetime", "checkbox",
    "choice", "choices",
]  # fmt: skip


def folded(text: str) -> str:
    """A heading or word for comparison: without case, blanks and punctuation between words."""
    return re.sub(r"[\s_.-]+", "", text).casefold()


class SpecModel(BaseModel):
    """Base of all spec models: unknown keys are errors, values are immutable."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ColumnSpec(SpecModel):
    """One column of an export file."""

    heading: str = Field(description="heading as the CRM exports it; case, spacing and punctuation do not matter")
    aliases: tuple[str, ...] = Field(default=(), description="other headings seen for the same column")
    type: ColumnType = "str"
    required: bool = Field(default=False, description="the column must exist and every row must have a readable value")
    values: tuple[str, ...] = Field(default=(), description="the values an enum may have, and each of several in enums")
    on_bad: Literal["blank", "quarantine"] | None = Field(
        default=None, description="what an unreadable value does; by default 'quarantine' when required, else 'blank'"
    )
    as_number: bool = Field(
        default=False,
        description="a key that is a number: '1001', ' 001001 ' and '1001.0' are one; kept are its digits without leading zeros",
    )
    restore_zero: str | None = Field(
        default=None,
        description="pattern (RE2, of the whole text) of values that lost their leading 0 as numbers of a spreadsheet; it is "
        "put back",
    )
    note: str = ""

    @model_validator(mode="after")
    def _options_fit_the_type(self) -> ColumnSpec:
        if (self.type in {"enum", "enums"}) != bool(self.values):
            raise ValueError("'values' must be given for the types enum and enums, and only for them")
        if self.restore_zero is not None and self.type != "str":
            raise ValueError("'restore_zero' is for type str only")
        if self.as_number and self.type != "key":
            raise ValueError("'as_number' is for type key only")
        return self

    @property
    def quarantines_bad_values(self) -> bool:
        """Whether a row with an unreadable value here is quarantined (else the value is left blank with a warning)."""
        return self.on_bad == "quarantine" or (self.on_bad is None and self.required)


class ReferenceSpec(SpecModel):
    """A column that names a row of another object."""

    column: Identifier
    to: Identifier | dict[str, Identifier] = Field(
        description="the object referred to, or one object per value of the column named in 'by'"
    )
    by: Identifier | None = Field(default=None, description="the column that says which object is meant")
    to_column: Identifier | None = Field(default=None, description="column matched there; its key when not given")
    reason: str = Field(default="orphan_parent", description="quarantine reason when nothing matches")
    on_missing: Literal["quarantine", "blank", "queue"] = Field(
        default="quarantine", description="'queue': the row waits for a decision in orphans.csv; 'blank': it goes without"
    )

    decided_by: Identifier | None = Field(
        default=None,
        description="where the column is made of several: the exported one whose unknown values people decide about in values.csv",
    )

    @model_validator(mode="after")
    def _by_goes_with_several_objects(self) -> ReferenceSpec:
        if isinstance(self.to, dict) != (self.by is not None):
            raise ValueError("'by' must be given when 'to' lists one object per value, and only then")
        return self


class ExclusionSpec(SpecModel):
    """Rows that are left out by rule, counted and listed under the reason."""

    where: str = Field(description="DuckDB condition over the object's columns")
    reason: Identifier
    note: str = ""


class DetailSpec(SpecModel):
    """Columns an object gets from the rows that belong to it (a document's lines), before its rules are applied."""

    object: Identifier = Field(description="the object of the belonging rows")
    link: Identifier = Field(description="their column that names this object's key")
    columns: dict[Identifier, str] = Field(description="new column → DuckDB aggregate over the accepted belonging rows")


class RuleSpec(SpecModel):
    """What must not be true of a row that is otherwise readable; applied once all objects are read."""

    when: str = Field(description="DuckDB condition over the object's columns, derived and detail ones included")
    reason: Identifier
    column: Identifier | None = Field(default=None, description="the column concerned; its value is shown")
    message: str = Field(description="what is wrong and what to do")
    fate: Literal["quarantine", "warn"] = "quarantine"


#: Columns that an object with files gets beside those of its export, and their DuckDB types.
FILE_COLUMNS = {
    "file_kind": "VARCHAR",
    "file_source": "VARCHAR",
    "file_bytes": "BIGINT",
    "file_sha256": "VARCHAR",
    "file_sha1": "VARCHAR",
    "file_mime": "VARCHAR",
}


class FilesSpec(SpecModel):
    """The files an object's rows stand for: which columns name them, and the folder they lie in."""

    folder: str = Field(pattern=r"^\w[^\\/]*(/\w[^\\/]*)*$", description="folder beside the CSV files")
    name: Identifier = Field(
        description="column with the file's name, used where neither a path nor an address is given"
    )
    path: Identifier | None = Field(default=None, description="column with the path from the drop or from the folder")
    url: Identifier | None = Field(default=None, description="column with a web address; used where there is no file")
    size: Identifier | None = Field(default=None, description="column with the stated size in bytes")
    mime: Identifier | None = Field(default=None, description="column with the stated MIME type")
    max_bytes: int = Field(
        default=94_371_840, gt=0, description="larger files are quarantined; 90 MiB fits every protocol"
    )

    @property
    def columns(self) -> dict[str, str]:
        """Role → column, of the columns that are named."""
        roles = {"path": self.path, "name": self.name, "url": self.url, "size": self.size, "mime": self.mime}
        return {role: column for role, column in roles.items() if column is not None}


class HeaderSpec(SpecModel):
    """A line at the top of a text file, which becomes a column."""

    header: str = Field(description="name before the colon; case does not matter")
    type: Literal["str", "text", "dt", "date"] = "str"


class TextsSpec(SpecModel):
    """Text files that belong to an object's rows: header lines, a blank line, the text itself."""

    folder: str = Field(pattern=r"^\w[^\\/]*(/\w[^\\/]*)*$", description="folder beside the exported files")
    path: Identifier = Field(description="column with the path from the drop or from the folder; a row without one has no text")
    body: Identifier = Field(description="new column: what follows the first blank line")
    headers: dict[Identifier, HeaderSpec] = Field(default_factory=dict, description="new column → header line")
    not_texts: tuple[str, ...] = Field(default=(), description="folders below it that hold other files")
    max_bytes: int = Field(default=10_485_760, gt=0, description="longer texts are set aside")

    @property
    def columns(self) -> dict[str, str]:
        """New columns, with where each comes from."""
        found = {name: f"line {spec.header}: of the text file" for name, spec in self.headers.items()}
        return found | {self.body: "the text file after its header lines"}


class ListedInSpec(SpecModel):
    """Rows that another object's rows list in one of their columns, one row for each entry.

    The columns of such an object are filled by role: ``key`` with the owning row's key, '-' and the entry's number,
    ``parent`` with the owning row's key, ``value`` with the entry.
    """

    object: Identifier
    column: Identifier = Field(description="column with the list")
    separator: str = Field(default=";", min_length=1, max_length=1)
    parent: Identifier
    value: Identifier


class ObjectSpec(SpecModel):
    """One source object: a table of the export, in one file or several parts."""

    label: str
    description: str = ""
    file: str = Field(description="file name without ending; parts are <file>_part2 and so on")
    file_aliases: tuple[str, ...] = Field(default=(), description="other names the file comes under")
    sheet: str | None = Field(
        default=None, description="title of the sheet, where the file is an Excel workbook; without it the file is a CSV"
    )
    sheet_aliases: tuple[str, ...] = Field(default=(), description="other titles seen for the same sheet")
    listed_in: ListedInSpec | None = Field(
        default=None, description="where the rows are no file's: the texts of another object that list them"
    )
    required: bool = Field(default=False, description="an export without this file is refused")
    key: Identifier
    newest_by: Identifier | None = Field(default=None, description="date that decides between rows with one key")
    columns: dict[Identifier, ColumnSpec]
    derive: dict[Identifier, str] = Field(
        default_factory=dict, description="further columns as DuckDB expressions over the typed ones"
    )
    custom_prefix: str | None = Field(default=None, description="headings with this prefix are custom fields")
    references: tuple[ReferenceSpec, ...] = ()
    unique: tuple[Identifier, ...] = Field(default=(), description="further columns that may not repeat")
    exclude: tuple[ExclusionSpec, ...] = ()
    files: FilesSpec | None = Field(default=None, description="where the rows stand for files: how these are found")
    texts: TextsSpec | None = Field(default=None, description="where a row's text is in a file of its own: how it is read")
    details: tuple[DetailSpec, ...] = ()
    rules: tuple[RuleSpec, ...] = ()
    scope: Literal["migrated", "documented"] = Field(
        default="migrated", description="'documented': read, checked and reported, but no record is made of it"
    )

    @property
    def further_columns(self) -> dict[str, str]:
        """Columns beside those of the files, with where each comes from."""
        found = {name: f"expression {sql}" for name, sql in self.derive.items()}
        for detail in self.details:
            found |= {name: f"{sql} over {detail.object}" for name, sql in detail.columns.items()}
        found |= self.texts.columns if self.texts is not None else {}
        return found | (dict.fromkeys(FILE_COLUMNS, "the file itself") if self.files is not None else {})

    @property
    def file_name(self) -> str:
        """The file's usual name, as people are told it: 'leads.csv', 'Quotes.xlsx (sheet Quote Lines)'."""
        if self.listed_in is not None:
            return f"the lists of {self.listed_in.object}"
        return f"{self.file}.csv" if self.sheet is None else f"{self.file}.xlsx (sheet {self.sheet})"

    @model_validator(mode="after")
    def _names_exist(self) -> ObjectSpec:
        known = set(self.columns) | set(self.derive)
        made = set(self.texts.columns) if self.texts else set()
        named = {"key": [self.key], "newest_by": [self.newest_by] if self.newest_by else [], "unique": self.unique}
        named |= {f"references.{i}": [r.column, *([r.by] if r.by else [])] for i, r in enumerate(self.references)}
        named |= {f"files.{role}": [column] for role, column in (self.files.columns if self.files else {}).items()}
        named |= {"texts.path": [self.texts.path]} if self.texts else {}
        named |= {"listed_in": [self.listed_in.parent, self.listed_in.value]} if self.listed_in else {}
        if made & known:
            raise ValueError(f"texts: the column '{min(made & known)}' is there already; name it otherwise")
        for where, names in named.items():
            for name in names:
                if name not in known:
                    raise ValueError(f"{where}: no column '{name}' in this object")
        for index, reference in enumerate(self.references):
            if reference.decided_by is not None and reference.decided_by not in self.columns:
                raise ValueError(f"references.{index}: no column '{reference.decided_by}' in the export")
        for name in sorted(known & FILE_COLUMNS.keys()) if self.files else []:
            raise ValueError(f"files: the column '{name}' is made of the files; name the object's own column otherwise")
        if self.columns[self.key].type != "key" if self.key in self.columns else False:
            raise ValueError(f"key: column '{self.key}' must have type key")
        if self.sheet is None and self.sheet_aliases:
            raise ValueError("sheet_aliases: are for workbooks; name the 'sheet'")
        return self


class ManifestSpec(SpecModel):
    """The list beside the files that says how many records there are: filled in by the operator, or the CRM's own.

    ``rows_in_file`` counts a file, ``records_in_ui`` all records of its object. With ``tier_limit`` and ``storage_limit``
    it says what the account may hold; more than that is a warning.
    """

    file: str
    sheet: str | None = Field(default=None, description="title of its sheet, where it is a workbook")
    sheet_aliases: tuple[str, ...] = ()
    columns: dict[
        Literal[
            "object",
            "file",
            "sheet",
            "part",
            "parts",
            "rows_in_file",
            "records_in_ui",
            "row_cap",
            "exported_at",
            "time_zone",
            "date_format",
            "tier",
            "tier_limit",
            "storage_used",
            "storage_limit",
        ],
        tuple[str, ...],
    ] = Field(description="headings of each column, first the usual one")


#: What a field of several choices becomes: a field with options of its own, or tags of its record.
Multiselect = Literal["options", "tags"]


class MultiselectSpec(SpecModel):
    """What becomes of the multiselect fields of one object, or of one of them."""

    object: str = Field(description="value of the inventory's column 'object'")
    label: str | None = Field(default=None, description="the field's label; all multiselect fields of the object when not given")
    become: Multiselect


class CustomFieldsSpec(SpecModel):
    """How the inventory of custom fields in an export is read, and what becomes of the values."""

    inventory: Identifier = Field(description="the source object that lists the fields; its columns are named below")
    object: Identifier = Field(description="column: what the field belongs to")
    label: Identifier
    heading: Identifier | None = Field(default=None, description="column: heading in the export; the label when not given")
    type: Identifier
    options: Identifier = Field(description="column: the values of a choice")
    separator: str = Field(default="|", min_length=1, description="between the options")
    help: Identifier | None = None
    objects: dict[str, Identifier] = Field(description="value of the column 'object' → source object")
    types: dict[str, CustomKind] = Field(description="value of the column 'type' → what the field holds")
    on_illegal: Literal["blank", "quarantine", "add"] = Field(
        default="blank",
        description="a value that is no option (R-14): left blank with a warning, its row set aside, or added as an option",
    )
    multiselect: Multiselect = Field(
        default="options", description="what fields of several choices become: a field with options of its own, or tags of the record"
    )
    multiselect_of: tuple[MultiselectSpec, ...] = Field(default=(), description="those that become otherwise; the first that fits counts")

    @model_validator(mode="after")
    def _multiselects_are_of_objects(self) -> CustomFieldsSpec:
        for each in self.multiselect_of:
            if self.object_of(each.object) is None:
                raise ValueError(f"multiselect_of: '{each.object}' is none of the objects {', '.join(self.objects)}")
        return self

    def several_become(self, word: str, label: str) -> Multiselect:
        """What a field of several choices becomes."""
        name = self.object_of(word)
        for each in self.multiselect_of:
            if self.object_of(each.object) == name and (each.label is None or folded(each.label) == folded(label)):
                return each.become
        return self.multiselect

    def makes_tags(self, name: str) -> bool:
        """Whether multiselect fields of a source object may become tags."""
        chosen = {each.become for each in self.multiselect_of if self.object_of(each.object) == name}
        return "tags" in {self.multiselect, *chosen}

    def object_of(self, word: str) -> str | None:
        """The source object that the inventory calls so."""
        return next((name for key, name in self.objects.items() if folded(key) == folded(word)), None)

    def kind(self, word: str) -> CustomKind | None:
        """What a field of the type that the inventory calls so holds."""
        return next((kind for key, kind in self.types.items() if folded(key) == folded(word)), None)


class InventorySpec(SpecModel):
    """A list for the report: what the source has of something that Odoo keeps otherwise, or nowhere."""

    title: str
    note: str = ""
    sql: str = Field(description="DuckDB query over typed and derived tables; its column names are the headings")


class DerivedSpec(SpecModel):
    """A table made of source objects by a named policy (``crm_pipeline.transforms``)."""

    policy: str
    description: str = ""
    options: dict[str, object] = Field(default_factory=dict, description="what the policy takes; see its docstring")


class OperationsSpec(SpecModel):
    """How the migration is run until it is over. No part of the mapping: changing it asks for no new sign-off."""

    delta_cron: str = Field(default="0 6,12,18 * * *", description="when the newest export is applied during the cutover window")
    hypercare_cron: str = Field(default="0 7 * * 1-5", description="when Odoo is looked at after the cutover")
    hypercare_days: int = Field(default=5, ge=1, description="business days of hypercare after the cutover")
    responsible: dict[Identifier, str] = Field(
        default_factory=dict, description="step of the runbook → who does it: export, freeze, delta, verification, decision, communication, hypercare"
    )


class SourceSpec(SpecModel):
    """A source CRM."""

    source: Identifier
    label: str
    description: str = ""
    time_zone: str = Field(description="IANA zone of the account, for times without an offset")
    date_order: Literal["dmy", "mdy", "ymd"] = Field(description="order of day, month and year where not ISO")
    fallback_encoding: str = Field(default="cp1252", description="for files without BOM that are not valid UTF-8")
    account_currency: str = Field(description="ISO code of amounts that state none")
    currency_symbols: dict[str, str] = Field(default_factory=dict, description="symbol → ISO code")
    row_cap: int | None = Field(
        default=None, description="rows the CRM's screen exports at most, where no manifest says"
    )
    manifest: ManifestSpec | None = None
    footer: str | None = Field(
        default=None,
        description="pattern (of the whole text, case does not matter) of a line below the rows of a sheet that is no row; a number "
        "in its first group is how many rows there are",
    )
    custom_fields: CustomFieldsSpec | None = None
    inventories: tuple[InventorySpec, ...] = ()
    objects: dict[Identifier, ObjectSpec]
    derived: dict[Identifier, DerivedSpec] = Field(default_factory=dict)
    operations: OperationsSpec = OperationsSpec()

    @model_validator(mode="after")
    def _references_exist(self) -> SourceSpec:
        for name, spec in self.objects.items():
            for reference in spec.references:
                targets = reference.to.values() if isinstance(reference.to, dict) else [reference.to]
                for target in targets:
                    if target not in self.objects:
                        raise ValueError(f"objects.{name}.references.{reference.column}: no object '{target}'")
        for name, spec in self.objects.items():
            if spec.listed_in is not None and spec.listed_in.object not in list(self.objects)[: list(self.objects).index(name)]:
                raise ValueError(f"objects.{name}.listed_in: '{spec.listed_in.object}' must be an object before it")
            for detail in spec.details:
                if detail.object not in self.objects:
                    raise ValueError(f"objects.{name}.details: no object '{detail.object}'")
        for name in self.derived:
            if name in self.objects:
                raise ValueError(f"derived.{name}: an object has this name already")
        self._check_custom_fields()
        return self

    def _check_custom_fields(self) -> None:
        custom = self.custom_fields
        if custom is None:
            return
        for name in (custom.inventory, *custom.objects.values()):
            if name not in self.objects:
                raise ValueError(f"custom_fields: no object '{name}'")
        for role in ("object", "label", "heading", "type", "options", "help"):
            column = getattr(custom, role)
            if column is not None and column not in self.objects[custom.inventory].columns:
                raise ValueError(f"custom_fields.{role}: no column '{column}' in {custom.inventory}")
