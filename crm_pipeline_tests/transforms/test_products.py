"""Products out of lines (R-11): SKU, else name, else a decision; nothing is guessed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from crm_pipeline.exports.values import register_values
from crm_pipeline.staging.store import StagingStore
from crm_pipeline.transforms.functions import register_functions
from crm_pipeline.transforms.listed import KeysOf, ListedKeysOptions, listed_keys
from crm_pipeline.transforms.products import Fallback, ProductLines, ProductOptions, products_by_sku

OPTIONS = ProductOptions(
    lines=(ProductLines(object="lines", sku="sku", name="name"),), fallback=Fallback(sku="OTHER", name="Other item")
)
Line = tuple[str | None, str | None]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StagingStore]:
    with StagingStore(Path(tmp_path_factory.mktemp("store")) / "tiny.duckdb") as opened:
        register_values(opened.connection, "UTC", "dmy", {})
        register_functions(opened.connection, account_currency="USD")
        yield opened


def products(
    store: StagingStore, *lines: Line, decisions: tuple[tuple[str | None, str | None, str, str | None], ...] = ()
) -> tuple[dict[str, tuple[str | None, str, bool, int]], list[str]]:
    """Products as key → (code looked for, name, creatable, lines), and the product key of each line."""
    frame = pl.DataFrame(lines, schema={"sku": pl.String, "name": pl.String}, orient="row").with_row_index("_row_id", 1)
    store.connection.register("_frame", frame)
    store.execute("CREATE OR REPLACE TABLE typed.lines AS SELECT * FROM _frame")
    store.execute("DELETE FROM ops.product_decision")
    for decision in decisions:
        store.execute("INSERT INTO ops.product_decision VALUES (?, ?, ?, ?)", list(decision))
    products_by_sku(store, "products", OPTIONS)
    found = {
        key: (code, name, creatable, count)
        for key, code, name, creatable, count in store.rows(
            "SELECT product_key, match_code, name, creatable, lines FROM derived.products"
        )
    }
    keys = [row[0] for row in store.rows(
        """SELECT product_key FROM typed.lines AS line LEFT JOIN derived.products_members AS member
           ON member.product_text = product_text(line.sku, line.name) ORDER BY _row_id"""
    )]  # fmt: skip
    return found, keys


def test_one_product_for_each_sku_whatever_its_spelling(store: StagingStore) -> None:
    found, keys = products(store, ("GTX-1", "GTX Pro"), ("gtx-1", "GTX Professional"), (" GTX-1 ", None))
    assert keys == ["gtx-1"] * 3
    assert found == {"gtx-1": ("GTX-1", "GTX Pro", True, 3)}


def test_a_name_belongs_to_the_sku_that_alone_has_it(store: StagingStore) -> None:
    found, keys = products(store, ("GTX-1", "GTX Pro"), (None, "gtx  pro"), (None, "GTXPro"))
    assert keys == ["gtx-1", "gtx-1", "name/gtxpro"], "'GTXPro' is another name than 'GTX Pro'"
    assert found["name/gtxpro"] == (None, "GTXPro", False, 1), "known by name only: not created without a decision"


def test_a_name_of_two_skus_is_guessed_to_be_neither(store: StagingStore) -> None:
    _, keys = products(store, ("A", "Cable"), ("B", "Cable"), (None, "Cable"))
    assert keys == ["a", "b", "name/cable"]


def test_a_line_without_sku_and_name_waits(store: StagingStore) -> None:
    found, keys = products(store, (None, None))
    assert keys == ["none"]
    assert found["none"][2] is False


@pytest.mark.parametrize(
    ("decision", "code", "key", "product"),
    [
        ("map", "ODOO-7", "name/gtxpro", ("ODOO-7", "GTXPro", False, 1)),
        ("create", None, "name/gtxpro", (None, "GTXPro", True, 1)),
        ("fallback", None, "other", ("OTHER", "Other item", True, 1)),
    ],
)
def test_decisions_come_first(
    store: StagingStore, decision: str, code: str | None, key: str, product: tuple[str | None, str, bool, int]
) -> None:
    found, keys = products(store, ("GTX-1", "GTX Pro"), (None, "GTXPro"), decisions=((None, "gtxpro", decision, code),))
    assert keys == ["gtx-1", key]
    assert found[key] == product
    assert found["gtx-1"] == ("GTX-1", "GTX Pro", True, 1), "other products are untouched"


def test_a_mapped_sku_is_looked_for_and_never_created(store: StagingStore) -> None:
    found, _ = products(store, ("GTX-1", "GTX Pro"), decisions=(("gtx-1", None, "map", "W-9"),))
    assert found == {"gtx-1": ("W-9", "GTX Pro", False, 1)}


def test_listed_keys_keep_their_order_and_leave_out_what_was_not_accepted(store: StagingStore) -> None:
    store.execute("CREATE OR REPLACE TABLE typed.notes AS SELECT 1 AS _row_id, 'N1' AS note_id, ['B', 'X', 'A'] AS wanted")
    store.execute("CREATE OR REPLACE TABLE typed.files AS SELECT unnest(['A', 'B', 'C']) AS file_id")
    options = ListedKeysOptions(object="notes", key="note_id", list="wanted", of=KeysOf(object="files", key="file_id"))
    listed_keys(store, "note_files", options)
    assert store.rows("SELECT key, keys FROM derived.note_files") == [("N1", ["B", "A"])]
