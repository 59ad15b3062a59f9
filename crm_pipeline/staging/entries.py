"""Objects whose rows stand in no file of their own: entries that another object's rows list in a column."""

from __future__ import annotations

from crm_pipeline.exports.object_files import FilesRead
from crm_pipeline.exports.raw_tables import create_raw_table
from crm_pipeline.specs import SourceSpec
from crm_pipeline.staging.store import StagingStore, literal, quote


def read_entries(store: StagingStore, spec: SourceSpec, object_name: str) -> FilesRead:
    """Make ``raw.<object>`` of the lists in another object's typed rows; file and row are those of the row that lists.

    Entries that repeat within one list are one. The object must be one that says ``listed_in``.
    """
    own = spec.objects[object_name]
    listed = own.listed_in
    if listed is None:
        raise ValueError(f"{object_name} is no list of another object")
    create_raw_table(store, f"raw.{object_name}", own)
    owner = f"CAST({quote(spec.objects[listed.object].key)} AS VARCHAR)"
    columns = f"_row_id, _file, _row, {owner} AS owner, split_list({quote(listed.column)}, {literal(listed.separator)}) AS list"
    roles = {own.key: "owner || '-' || number", listed.parent: "owner", listed.value: "entry"}
    cells = ", ".join(roles.get(name, "NULL") for name in own.columns)
    tables = " UNION ALL ".join(
        f"SELECT {columns} FROM {quote(f'typed.{listed.object}{suffix}')}" for suffix in ("", "__rejected")
    )
    store.execute(
        f"INSERT INTO {quote(f'raw.{object_name}')} "
        f"SELECT row_number() OVER (ORDER BY _row_id, number), _file, _row, NULL, NULL, NULL, {cells}, NULL FROM ("
        "SELECT _row_id, _file, _row, owner, unnest(list) AS entry, generate_subscripts(list, 1) AS number "
        f"FROM ({tables}) WHERE list IS NOT NULL)"
    )
    rows = int(store.value(f"SELECT count(*) FROM {quote(f'raw.{object_name}')}"))
    return FilesRead(rows=rows)
