from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest

from crm_pipeline.exports import ExportAudit, open_drop, read_object
from crm_pipeline.exports.values import register_values
from crm_pipeline.samples import NoSampleError, leadforce_files, sample_sources, write_sample
from crm_pipeline.samples.draw import Draw, shuffled
from crm_pipeline.samples.leadforce_dirt import DIRT
from crm_pipeline.samples.world import World
from crm_pipeline.specs import SourceSpec, load_mapping
from crm_pipeline.staging.references import check_references
from crm_pipeline.staging.store import StagingStore
from crm_pipeline.staging.typed import type_object
from crm_pipeline.transforms.functions import register_functions
from crm_pipeline_tests.exports.folders import codes
from crm_pipeline_tests.staging.accounting import accounting

SPECS = Path(__file__).parents[2] / "mapping_specs"


@dataclass
class Staged:
    """A sample that was read, typed and checked."""

    folder: Path
    store: StagingStore
    spec: SourceSpec
    audits: dict[str, ExportAudit]


def stage_sample(folder: Path, *, scale: int, clean: bool) -> Staged:
    write_sample("leadforce", folder / "drop", scale=scale, clean=clean)
    spec = load_mapping(SPECS / "leadforce").source
    store = StagingStore(folder / "sample.duckdb")
    register_values(store.connection, spec.time_zone, spec.date_order, spec.currency_symbols)
    register_functions(store.connection, account_currency=spec.account_currency)
    drop = open_drop(spec, folder / "drop")
    audits = {}
    for name in spec.objects:
        audits[name] = read_object(store, spec, name, drop)
        type_object(store, spec, name, audits[name])
    check_references(store, spec)
    return Staged(folder / "drop", store, spec, audits)


@pytest.fixture(scope="module")
def dirty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Staged]:
    staged = stage_sample(tmp_path_factory.mktemp("dirty"), scale=120, clean=False)
    yield staged
    staged.store.close()


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Staged]:
    staged = stage_sample(tmp_path_factory.mktemp("clean"), scale=40, clean=True)
    yield staged
    staged.store.close()


def digests(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_a_clean_sample_is_accepted_without_a_word(clean: Staged) -> None:
    assert [audit for audit in clean.audits.values() if audit.problems or audit.warnings] == []
    assert clean.store.rows("SELECT * FROM ops.issue") == []
    counts = accounting(clean.store, clean.spec)
    assert counts["exported"].to_list() == counts["accepted"].to_list()
    assert min(counts["exported"].to_list()) > 0


def test_a_dirty_sample_passes_the_blocking_checks(dirty: Staged) -> None:
    assert [audit.problems for audit in dirty.audits.values() if audit.problems] == []
    assert accounting(dirty.store, dirty.spec)["balanced"].all()
    assert {audit.object: codes(audit.warnings) for audit in dirty.audits.values() if audit.warnings} == {
        "leads": ["nul_characters", "unmapped_column"],
        "deals": ["unmapped_column"],
    }


def test_a_dirty_sample_comes_in_every_format(dirty: Staged) -> None:
    files = [file for audit in dirty.audits.values() for file in audit.files]
    assert {file.encoding for file in files} == {"utf-8", "utf-8-sig", "utf-16", "cp1252"}
    assert {file.delimiter for file in files} == {",", ";", "\t"}
    assert [file.name for file in dirty.audits["deals"].files] == ["deals.csv", "deals_part2.csv"]


def test_dirt_of_every_kind_is_found(dirty: Staged) -> None:
    found = Counter(dirty.store.rows("SELECT object, reason FROM ops.issue"))
    expected = {
        "leads": {"blank_key", "identical_duplicate", "duplicate_primary_key", "unknown_value", "missing_value", "bad_value",
                  "currency_conflict"},
        "deals": {"blank_key", "duplicate_primary_key", "malformed_row", "missing_value", "orphan_parent", "parent_quarantined",
                  "unknown_stage", "bad_value"},
        "activities": {"bad_value", "identical_duplicate", "missing_value", "orphan_parent", "parent_quarantined", "unknown_value"},
        "notes": {"bad_value", "orphan_parent", "parent_quarantined"},
    }  # fmt: skip
    for name, reasons in expected.items():
        assert {reason for object_, reason in found if object_ == name} == reasons


def test_each_kind_of_dirt_falls_on_a_row_of_the_default_sample(dirty: Staged) -> None:
    rows = {
        audit.object if audit.object != "stages" else "pipeline_stages": audit.rows for audit in dirty.audits.values()
    }
    assert [(name, fault.what) for name, faults in DIRT.items() for fault in faults if fault.row >= rows[name]] == []


def test_totals_of_documents_are_the_sums_of_their_items(clean: Staged) -> None:
    for document, items, key in (
        ("proposals", "proposal_items", "proposal_id"),
        ("invoices", "invoice_items", "invoice_id"),
    ):
        wrong = clean.store.rows(
            f"SELECT d.{key} FROM typed.{document} AS d JOIN (SELECT {key}, sum(line_total) AS net FROM typed.{items} "
            f"GROUP BY ALL) AS i USING ({key}) WHERE d.subtotal <> i.net OR d.subtotal + d.tax_amount <> d.total"
        )
        assert wrong == []
    unbalanced = "SELECT 1 FROM typed.invoices WHERE status <> 'Void' AND amount_paid + balance_due <> total"
    assert clean.store.rows(unbalanced) == []
    without_customer = "SELECT 1 FROM typed.proposals JOIN typed.deals USING (deal_id) WHERE lead_id IS NULL"
    assert clean.store.rows(without_customer) == []


def test_people_and_companies_are_shared_as_in_real_life(dirty: Staged) -> None:
    store = dirty.store
    assert store.value("SELECT max(n) FROM (SELECT count(*) AS n FROM typed.leads GROUP BY company_name)") > 1
    assert store.value("SELECT count(*) FROM (SELECT email FROM typed.leads GROUP BY email HAVING count(*) > 1)") > 0
    assert store.value("SELECT count(*) FROM typed.leads WHERE email LIKE '%@gmail.com'") > 0
    scripts = store.value(
        "SELECT count(*) FROM typed.leads WHERE regexp_matches(first_name, '[\\p{Devanagari}\\p{Han}]')"
    )
    assert scripts > 0
    assert {row[0] for row in store.rows("SELECT DISTINCT pipeline FROM typed.deals")} == {
        "New Business",
        "Renewals",
        "new  business",
    }


def test_the_same_seed_gives_the_same_bytes(dirty: Staged, tmp_path: Path) -> None:
    write_sample("leadforce", tmp_path / "again", scale=120)
    assert digests(tmp_path / "again") == digests(dirty.folder)
    write_sample("leadforce", tmp_path / "other", scale=120, seed=2)
    assert digests(tmp_path / "other")["leads.csv"] != digests(dirty.folder)["leads.csv"]


def test_the_sample_in_the_repository_is_what_the_generator_writes(dirty: Staged) -> None:
    kept = SPECS.parent / "data" / "exports" / "leadforce" / "2026-10-31-full"
    assert digests(kept) == digests(dirty.folder)


def test_the_size_of_chunks_does_not_show(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for size in (7, 1000):
        monkeypatch.setattr(leadforce_files, "CHUNK", size)
        write_sample("leadforce", tmp_path / str(size), scale=60, clean=True)
    assert digests(tmp_path / "7") == digests(tmp_path / "1000")


@pytest.mark.parametrize("scale", [1, 2, 7])
def test_tiny_samples_are_whole(tmp_path: Path, scale: int) -> None:
    staged = stage_sample(tmp_path, scale=scale, clean=True)
    assert staged.store.rows("SELECT object, message FROM ops.issue") == []
    assert [audit.problems for audit in staged.audits.values() if audit.problems] == []
    staged.store.close()


@pytest.mark.parametrize("total", [1, 2, 7, 37, 240, 7919, 100_000])
def test_shuffling_is_a_permutation(total: int) -> None:
    rows = shuffled(pl.int_range(total, eager=True), total)
    assert sorted(rows.to_list()) == list(range(total))


def test_ids_of_deals_are_all_different() -> None:
    ids = World(10, 1).deal_id(pl.int_range(200_000, eager=True))
    assert ids.n_unique() == 200_000


def test_draws_are_even() -> None:
    counts = Counter(Draw(1).below("x", pl.int_range(10_000, eager=True), 10).to_list())
    assert set(counts) == set(range(10))
    assert all(900 < count < 1100 for count in counts.values())


def test_a_source_without_a_generator_is_named(tmp_path: Path) -> None:
    assert sample_sources() == ["leadforce", "legrand"]
    with pytest.raises(NoSampleError, match=r"No sample can be made for 'other'. There are generators for: leadforce, legrand"):
        write_sample("other", tmp_path, scale=1)
