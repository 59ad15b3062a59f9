"""Resolution files: what is wrong with one is said with file, row, column and what would be right."""

from __future__ import annotations

from pathlib import Path

import pytest

from crm_pipeline.exports.values import register_values
from crm_pipeline.migration.resolutions import ResolutionFileError, read_product_decisions
from crm_pipeline.staging.store import StagingStore

HEAD = "source_sku,source_name,decision,odoo_default_code\n"


def read(tmp_path: Path, text: str) -> list[tuple[str | None, ...]]:
    (tmp_path / "products.csv").write_text(text, encoding="utf-8")
    with StagingStore(tmp_path / "t.duckdb") as store:
        register_values(store.connection, "UTC", "dmy", {})
        read_product_decisions(store, tmp_path)
        return store.rows("SELECT * FROM ops.product_decision ORDER BY ALL")


def test_decisions_are_read_and_undecided_rows_left(tmp_path: Path) -> None:
    text = HEAD + "GTX-1,,map,W-1\n,Cable,create,\n,Later,,\n"
    assert read(tmp_path, text) == [("GTX-1", None, "map", "W-1"), (None, "Cable", "create", None)]


def test_the_exported_queue_itself_is_a_resolution_file(tmp_path: Path) -> None:
    text = "source_sku,source_name,decision,odoo_default_code,lines,why\n,GTXPro,fallback,,3,no record in Odoo matches\n"
    assert read(tmp_path, text) == [(None, "GTXPro", "fallback", None)]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("sku,decision\n", "row 1: unknown column 'sku'"),
        (HEAD + "A,,keep,\n", "row 2, decision 'keep': say one of map, create, fallback"),
        (HEAD + "A,,map,\n", "row 2, odoo_default_code '': map needs the internal reference of an Odoo product"),
        (HEAD + "A,,create,X\n", "row 2, odoo_default_code 'X': create takes no odoo_default_code"),
        (HEAD + ",,create,\n", "row 2, source_sku '': is blank; say what this decides about"),
        (HEAD + "A,,create,\na,,fallback,\n", "row 3, source_sku 'a': was decided in row 2 already"),
    ],
)
def test_a_wrong_file_is_refused_with_its_place(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(ResolutionFileError, match=r"products\.csv") as error:
        read(tmp_path, text)
    assert complaint in str(error.value)
