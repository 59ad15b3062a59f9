"""For a mapped CRM, what is new in its export is proposed beside the mapping, which stays as it is."""

from __future__ import annotations

import shutil
from pathlib import Path

from crm_pipeline.migration.proposing import propose_source
from crm_pipeline.settings import Settings
from crm_pipeline.specs import load_mapping
from crm_pipeline_tests.small_export import typical_export


def test_unmapped_columns_are_proposed_as_a_diff_that_loads(tmp_path: Path) -> None:
    plain = Settings.load(tmp_path / "data", {"ODOO_SANDBOX_VERSION": "18.0"})
    shutil.copytree(plain.specs_root / "leadforce", tmp_path / "specs" / "leadforce")
    settings = Settings(plain.data, tmp_path / "specs", plain.environ)
    typical_export().write(tmp_path / "data")
    drop = next((tmp_path / "data" / "exports" / "leadforce").iterdir())
    leads = next(drop.glob("leads.csv"))
    lines = leads.read_text(encoding="utf-8").splitlines()
    leads.write_text("\n".join([f"{lines[0]},Referred By,Shoe Size", *(f"{line},Uncle Bob,44" for line in lines[1:])]) + "\n", encoding="utf-8")
    before = {file.name: file.read_bytes() for file in (tmp_path / "specs" / "leadforce").iterdir() if file.is_file()}

    done = propose_source(settings, "leadforce")

    assert not done.is_new
    assert {file.name: file.read_bytes() for file in (tmp_path / "specs" / "leadforce").iterdir() if file.is_file()} == before
    names = {field.field for field in done.fields}
    assert "x_leadforce_shoe_size" in names
    diff = (done.folder / "proposal.diff").read_text(encoding="utf-8")
    assert "+      shoe_size: {heading: Shoe Size, type: " in diff
    assert not [line for line in diff.splitlines() if line.startswith("-") and not line.startswith("---")], "nothing is taken away"
    for file in done.folder.glob("*.yaml"):
        shutil.copy(file, tmp_path / "specs" / "leadforce" / file.name)
    fields = load_mapping(tmp_path / "specs" / "leadforce").target("crm.lead").sources[0].fields
    assert fields["x_leadforce_shoe_size"].status == "proposed"
    assert propose_source(settings, "leadforce").fields == (), "once taken over there is nothing to add"
