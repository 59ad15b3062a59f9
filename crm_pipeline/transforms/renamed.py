"""New names and folders for the files of an object's rows: a plan, which leaves the export as it is.

Exports are never changed. The plan is what an attachment may be called (``new_name``) and what
:mod:`crm_pipeline.exports.renaming` copies the files by.
"""

from __future__ import annotations

from crm_pipeline.specs.source import Identifier, SpecModel
from crm_pipeline.staging.store import StagingStore, literal, quote

#: Bytes of a folder's path; deeper ones can't be unpacked on every system.
_LONGEST_FOLDER = 180
_PART = "fitted_file_name(safe_file_name(part), '')"


class RenamedFilesOptions(SpecModel):
    r"""Whose files, and what they are to be called (DuckDB expressions over the object's columns).

    Attributes:
        key: column that tells files apart whose new names would be one.
        name: the new name, ending included.
        folder: the folder it goes to, with '/' or '\' between its parts; none when not given or blank.
    """

    object: Identifier
    key: Identifier
    name: str
    folder: str = "NULL"


def renamed_files(store: StagingStore, name: str, options: RenamedFilesOptions) -> None:
    """Writes ``derived.<name>``: one row for each accepted row whose file is in the drop.

    Columns: ``key``; ``old_path`` from the drop's folder; ``new_path`` from the folder of the renamed files, its parts
    ``folder`` and ``new_name``; ``bytes``; ``sha256``; ``why`` the name is not exactly the one asked for (else blank).
    Names are safe on every file system and at most 255 bytes long. Of several that would be one where case and unicode's
    normal forms don't count, the first keeps it and the others get their key; a name that is taken even then is
    ``NULL``, with the reason.
    """
    o = options
    parts = "list_filter(string_split(replace(wanted_folder, chr(92), '/'), '/'), lambda part: trim(part) NOT IN ('', '.', '..'))"
    store.execute(f"""
        CREATE OR REPLACE TEMP TABLE _wanted AS
        SELECT *, fitted_file_name(safe, '') AS fitted, CASE WHEN strlen(tidy) <= {_LONGEST_FOLDER} THEN tidy END AS folder
        FROM (
            SELECT *, safe_file_name(wanted) AS safe,
                   nullif(array_to_string(list_transform({parts}, lambda part: {_PART}), '/'), '') AS tidy
            FROM (
                SELECT _row_id, {quote(o.key)}::VARCHAR AS key, file_source AS old_path, file_bytes AS bytes,
                       file_sha256 AS sha256, ({o.name})::VARCHAR AS stated, coalesce(stated, file_source) AS wanted, nullif(trim(({o.folder})::VARCHAR), '') AS wanted_folder
                FROM {quote(f"typed.{o.object}")} WHERE file_kind = 'binary'
            )
        )
    """)
    path = "concat_ws('/', folder, {name})"
    first = f"row_number() OVER (PARTITION BY file_path_key({path.format(name='fitted')}) ORDER BY _row_id) = 1"
    folders = (
        "SELECT file_path_key(array_to_string(string_split(folder, '/')[:depth], '/')) "
        "FROM (SELECT DISTINCT folder, unnest(range(1, len(string_split(folder, '/')) + 1)) AS depth FROM _wanted)"
    )
    marked = "fitted_file_name(safe, ' (' || safe_file_name(key) || ')')"
    store.execute(f"""
        CREATE OR REPLACE TABLE {quote(f"derived.{name}")} AS
        SELECT _row_id, key, old_path, CASE WHEN is_free THEN {path.format(name="given")} END AS new_path, folder,
               CASE WHEN is_free THEN given END AS new_name, bytes, sha256,
               nullif(concat_ws('; ',
                   CASE WHEN stated IS NULL THEN {literal("nothing says what the file is to be called, so it keeps its name")} END,
                   CASE WHEN safe <> stated THEN {literal("characters or parts that are unsafe in file names were replaced")} END,
                   CASE WHEN fitted <> safe THEN {literal("the name was too long and is cut")} END,
                   CASE WHEN NOT is_first AND is_free THEN {literal("another file has the name, so it has its key")} END,
                   CASE WHEN NOT is_free THEN {literal("another file has the name even with its key; the file keeps its old one")} END,
                   CASE WHEN wanted_folder IS NOT NULL AND folder IS NULL
                        THEN {literal("the folder's path can't be used, so the file is in none")}
                        WHEN replace(trim(wanted_folder, '/\'), chr(92), '/') <> folder
                        THEN {literal("the folder's path is not as it was stated, to be safe on every system")} END), '') AS why
        FROM (
            SELECT *, row_number() OVER (PARTITION BY file_path_key({path.format(name="given")}) ORDER BY is_first DESC, _row_id) = 1
                      AND file_path_key({path.format(name="given")}) NOT IN ({folders}) AS is_free
            FROM (SELECT *, CASE WHEN is_first THEN fitted ELSE {marked} END AS given FROM (SELECT *, {first} AS is_first FROM _wanted))
        ) ORDER BY _row_id
    """)
    store.execute("DROP TABLE _wanted")
