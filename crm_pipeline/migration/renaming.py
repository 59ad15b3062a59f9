"""The files of an export under new names, as the mapping plans them: written, and proven to be the originals."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from crm_pipeline.exports.renaming import Renaming, differing, write_renamed
from crm_pipeline.migration.errors import MigrationError
from crm_pipeline.migration.migration import Migration
from crm_pipeline.staging.store import quote
from crm_pipeline.verification.checks import SHOWN_ROWS, CheckResult, CheckSpec

_POLICY = "renamed_files"


@dataclass(frozen=True)
class RenamedFiles:
    """What became of one plan.

    Attributes:
        folder: where the files are.
        files, bytes: how many, and how large together.
        written: whether anything had to be written.
        kept: files that keep their old names, because the new one was taken; they are not in the folder.
    """

    folder: Path
    files: int
    bytes: int
    written: bool
    kept: int
    check: CheckResult


def plans(migration: Migration) -> list[str]:
    """Derived tables that plan new names."""
    return [name for name, spec in migration.mapping.source.derived.items() if spec.policy == _POLICY]


def check_of(source: str, plan: str) -> CheckSpec:
    """What is proven of the files of a plan."""
    return CheckSpec(
        f"{source}/{plan}", "files_are_the_originals",
        "Every file of the plan is there once under its new name, with the content it has in the export.", blocking=False,
    )  # fmt: skip


def rename_files(migration: Migration, plan: str) -> RenamedFiles:
    """Copy the files of a plan below ``<data>/renamed``; the export was read and staged.

    Raises:
        MigrationError: nothing was staged yet.
        RenamingError: the export changed since it was read, or something else is in the folder.
    """
    store, source = migration.store, migration.mapping.name
    if not store.has_table(f"derived.{plan}"):
        raise MigrationError(f"no export of {source} was staged yet; run the migration with --dry-run first")
    drop = str(store.value('SELECT "drop" FROM ops.reading'))
    folder = migration.settings.data.renamed(source, drop) / plan
    table = quote(f"derived.{plan}")
    rows = store.rows(
        f"SELECT old_path, new_path, bytes, sha256, coalesce(why, '') FROM {table} WHERE new_path IS NOT NULL ORDER BY _row_id"
    )
    renamings = [Renaming(*row) for row in rows]
    written = write_renamed(migration.settings.data.exports(source) / drop, folder, renamings)
    odd = differing(folder)
    message = f"{len(renamings)} files in {folder}" if not odd else f"{len(odd)} files are not as they should be"
    check = CheckResult(check_of(source, plan), not odd, message, tuple(odd[:SHOWN_ROWS]))
    kept = int(store.value(f"SELECT count(*) FROM {table} WHERE new_path IS NULL"))
    return RenamedFiles(folder, len(renamings), sum(each.bytes for each in renamings), written, kept, check)
