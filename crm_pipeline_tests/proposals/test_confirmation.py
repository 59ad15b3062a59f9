"""Confirming changes one word for each field and nothing else."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from crm_pipeline.proposals.confirmation import ConfirmationError, confirm, confirmations, proposed_fields
from crm_pipeline.specs import SpecError, load_mapping

SOURCE = """
source: tiny
label: Tiny
time_zone: UTC
date_order: dmy
account_currency: EUR
objects:
  firms:
    label: Firm
    file: firms
    key: number
    columns:
      number: {heading: No, type: key, required: true}
      name: {heading: Firm}
      town: {heading: Town}
"""
PARTNERS = """# What firms become.
model: res.partner
title: Firms
phase: 30
sources:
  - name: firms          # one for each
    object: firms
    external_id: firms_{number}
    fields:
      name: {from: name, status: proposed, note: "status: proposed"}   # the word in a note stays
      city:
        from: town
        status: 'proposed'
      is_company: {const: true}
"""
NOW = datetime(2026, 1, 2, 3, 4, 5)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "tiny"
    path.mkdir()
    (path / "source.yaml").write_text(SOURCE, encoding="utf-8")
    (path / "res_partner.yaml").write_text(PARTNERS, encoding="utf-8")
    return path


def test_comments_and_layout_stay(folder: Path) -> None:
    done = confirm(folder, "Ann <ann@x.example>", NOW, fields=["res.partner.name"], ignore=["res.partner/firms/city"])
    text = (folder / "res_partner.yaml").read_text(encoding="utf-8")
    assert text == PARTNERS.replace("name, status: proposed, note", "name, status: confirmed, note").replace("'proposed'", "ignored")
    assert (done.confirmed, done.ignored, done.open) == (("res.partner/firms/name",), ("res.partner/firms/city",), ())
    assert load_mapping(folder).target("res.partner").sources[0].fields["name"].status == "confirmed"


def test_who_and_when_is_kept_and_added_to(folder: Path) -> None:
    confirm(folder, "Ann <ann@x.example>", NOW, fields=["res.partner.name"])
    confirm(folder, "Bob <bob@x.example>", NOW, everything=True)
    assert [(each["by"], each["confirmed"]) for each in confirmations(folder)] == [
        ("Ann <ann@x.example>", ["res.partner/firms/name"]), ("Bob <bob@x.example>", ["res.partner/firms/city"]),
    ]
    assert confirmations(folder)[1]["mapping"] == load_mapping(folder).hash


def test_what_is_not_proposed_cannot_be_confirmed(folder: Path) -> None:
    with pytest.raises(ConfirmationError, match=r"'res.partner.is_company' is no proposed field"):
        confirm(folder, "Ann <ann@x.example>", NOW, fields=["res.partner.is_company"])
    with pytest.raises(ConfirmationError, match="none is meant"):
        confirm(folder, "Ann <ann@x.example>", NOW, above=0.9)


def test_a_mapping_that_would_not_load_stays_as_it_is(folder: Path) -> None:
    broken = PARTNERS.replace("from: town", "from: town\n        const: 1")
    (folder / "res_partner.yaml").write_text(broken, encoding="utf-8")
    assert len(proposed_fields(folder)) == 2
    with pytest.raises(SpecError, match="exactly one of"):
        confirm(folder, "Ann <ann@x.example>", NOW, everything=True)
    assert (folder / "res_partner.yaml").read_text(encoding="utf-8") == broken
    assert confirmations(folder) == []
