"""What a source CRM exports: files, headings, types, keys, references, limits (``mapping_specs/<source>/source.yaml``)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Identifier = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]

#: Types a column may have; how each is read is stated in ``crm_pipeline.exports.values``.
ColumnType = Literal[
    "key", "str", "text", "html", "email", "url", "money", "dec", "int", "pct", "bool", "date", "dt", "enum"
]


class SpecModel(BaseModel):
    """Base of all spec models: unknown keys are errors, values are immutable."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ColumnSpec(SpecModel):
    """One column of an export file."""

    heading: str = Field(description="heading as the CRM exports it; case, spacing and punctuation do not matter")
    aliases: tuple[str, ...] = Field(default=(), description="other headings seen for the same column")
    type: ColumnType = "str"
    required: bool = Field(default=False, description="the column must exist and every row must have a readable value")
    values: tuple[str, ...] = Field(default=(), description="the values an enum may have")
    on_bad: Literal["blank", "quarantine"] | None = Field(
        default=None, description="what an unreadable value does; by default 'quarantine' when required, else 'blank'"
    )
    note: str = ""

    @model_validator(mode="after")
    def _enum_has_values(self) -> ColumnSpec:
        if (self.type == "enum") != bool(self.values):
            raise ValueError("'values' must be given for type enum, and only for it")
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
    on_missing: Literal["quarantine", "blank"] = "quarantine"

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


class ObjectSpec(SpecModel):
    """One source object: a table of the export, in one file or several parts."""

    label: str
    description: str = ""
    file: str = Field(description="file name without ending; parts are <file>_part2 and so on")
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
        return found | (dict.fromkeys(FILE_COLUMNS, "the file itself") if self.files is not None else {})

    @model_validator(mode="after")
    def _names_exist(self) -> ObjectSpec:
        known = set(self.columns) | set(self.derive)
        named = {"key": [self.key], "newest_by": [self.newest_by] if self.newest_by else [], "unique": self.unique}
        named |= {f"references.{i}": [r.column, *([r.by] if r.by else [])] for i, r in enumerate(self.references)}
        named |= {f"files.{role}": [column] for role, column in (self.files.columns if self.files else {}).items()}
        for where, names in named.items():
            for name in names:
                if name not in known:
                    raise ValueError(f"{where}: no column '{name}' in this object")
        for name in sorted(known & FILE_COLUMNS.keys()) if self.files else []:
            raise ValueError(f"files: the column '{name}' is made of the files; name the object's own column otherwise")
        if self.columns[self.key].type != "key" if self.key in self.columns else False:
            raise ValueError(f"key: column '{self.key}' must have type key")
        return self


class ManifestSpec(SpecModel):
    """The list the operator fills in beside the files: how many rows the CRM's screen showed for each."""

    file: str
    columns: dict[
        Literal[
            "object",
            "file",
            "part",
            "parts",
            "rows_in_file",
            "records_in_ui",
            "row_cap",
            "exported_at",
            "time_zone",
            "date_format",
        ],
        tuple[str, ...],
    ] = Field(description="headings of each column, first the usual one")


class DerivedSpec(SpecModel):
    """A table made of source objects by a named policy (``crm_pipeline.transforms``)."""

    policy: str
    description: str = ""
    options: dict[str, object] = Field(default_factory=dict, description="what the policy takes; see its docstring")


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
    objects: dict[Identifier, ObjectSpec]
    derived: dict[Identifier, DerivedSpec] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _references_exist(self) -> SourceSpec:
        for name, spec in self.objects.items():
            for reference in spec.references:
                targets = reference.to.values() if isinstance(reference.to, dict) else [reference.to]
                for target in targets:
                    if target not in self.objects:
                        raise ValueError(f"objects.{name}.references.{reference.column}: no object '{target}'")
        for name, spec in self.objects.items():
            for detail in spec.details:
                if detail.object not in self.objects:
                    raise ValueError(f"objects.{name}.details: no object '{detail.object}'")
        for name in self.derived:
            if name in self.objects:
                raise ValueError(f"derived.{name}: an object has this name already")
        return self
