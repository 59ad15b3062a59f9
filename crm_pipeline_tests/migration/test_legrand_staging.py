"""The sample of a CRM of many modules, staged: files under new names, revisions, addresses that get no mass mail."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Iterator

import pytest

from crm_pipeline.migration.migration import Migration
from crm_pipeline.migration.renaming import plans, rename_files
from crm_pipeline.settings import Settings
from crm_pipeline.staging.aside import set_aside


@pytest.fixture(scope="module")
def staged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Migration]:
    root = tmp_path_factory.mktemp("legrand")
    shutil.copytree(Settings.load(environ={}).data.exports("legrand"), root / "exports" / "legrand")
    with Migration(Settings.load(root, {}), "legrand") as migration:
        migration.read(migration.newest_drop())
        migration.stage()
        yield migration


def test_documents_are_called_by_their_record_and_lie_in_their_folders(staged: Migration) -> None:
    (plan,) = plans(staged)
    renamed = rename_files(staged, plan)
    assert renamed.check.passed, renamed.check.rows
    with (renamed.folder / "renamed_files.csv").open(encoding="utf-8", newline="") as opened:
        listed = list(csv.DictReader(opened))
    assert listed
    names = dict(staged.store.rows("SELECT external_id, name FROM staged.ir_attachment WHERE _block = 'documents'"))
    documents = {
        name: (f"documents_{key}", folder)
        for key, name, folder in staged.store.rows(
            "SELECT document_id, regexp_extract(exported_file, '^[A-Z]+[0-9]+__') || document_id || '_' || file_name, doc_folder FROM typed.documents"
        )
    }
    for row in listed:
        folder, name = row["new_path"].rsplit("/", 1)
        record, stated = documents[name]
        assert folder == stated
        assert names[record] == name, "the attachment in Odoo is called so"
        assert (renamed.folder / row["new_path"]).stat().st_size == int(row["bytes"])
    assert not rename_files(staged, plan).written


def test_the_newest_revision_that_is_loaded_has_the_number(staged: Migration) -> None:
    store = staged.store
    ((number, newest, older),) = store.rows(
        "SELECT quote_number, max(quote_id), min(quote_id) FROM typed.quotes GROUP BY 1 HAVING count(*) = 2 ORDER BY 1 LIMIT 1"
    )
    names = "SELECT name, x_legrand_latest FROM staged.sale_order WHERE external_id = 'quotes_' || ?"
    assert store.rows(names, [newest]) == [(number, True)]
    assert store.rows(names, [older]) == [(f"{number} / rev 1", False)]
    before = store.value("SELECT count(*) FROM ops.issue WHERE reason = 'newer_revision_set_aside'")
    set_aside(store, "quotes", "quote_id", f"SELECT _row_id, 'quarantined', 'a_test', 'why' FROM typed.quotes WHERE quote_id = '{newest}'")
    staged.stage()
    assert store.rows(names, [older]) == [(number, True)], "nothing newer is loaded"
    said = store.rows("SELECT key FROM ops.issue WHERE reason = 'newer_revision_set_aside' ORDER BY 1")
    assert (older,) in said
    assert len(said) == before + 1


def test_who_must_not_be_e_mailed_is_listed_once_by_address(staged: Migration) -> None:
    listed = staged.store.rows("SELECT email FROM staged.mail_blacklist ORDER BY 1")
    asked = staged.store.rows("SELECT DISTINCT lower(email) FROM typed.contacts WHERE do_not_email AND email IS NOT NULL ORDER BY 1")
    assert listed == asked != []


def test_the_model_of_an_attachment_follows_from_what_it_belongs_to(staged: Migration) -> None:
    found = staged.store.rows(
        "SELECT DISTINCT split_part(res_id, '_', 1), res_model FROM staged.ir_attachment WHERE _block = 'documents' ORDER BY 1"
    )
    assert dict(found).items() <= {
        "accounts": "res.partner", "contacts": "res.partner", "opportunities": "crm.lead", "tickets": "helpdesk.ticket",
    }.items()  # fmt: skip
    assert len(found) > 1
