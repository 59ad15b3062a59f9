"""A CRM nobody has heard of is added with YAML and CSV alone: no Python knows it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from crm_pipeline.migration import run
from crm_pipeline.migration.migration import Migration
from crm_pipeline.odoo.embedded import EmbeddedOdoo
from crm_pipeline.orchestration import build_definitions
from crm_pipeline.settings import Settings

SOURCE = """
source: cardfile
label: Card file
time_zone: Europe/Vienna
date_order: dmy
account_currency: EUR
currency_symbols: {"€": EUR}
objects:
  firms:
    label: Firm
    file: firms
    required: true
    key: number
    columns:
      number: {heading: No, type: key, required: true}
      name: {heading: Firm, type: str, required: true}
      town: {heading: Town, type: str}
  visits:
    label: Visit
    file: visits
    key: number
    columns:
      number: {heading: No, type: key, required: true}
      firm: {heading: Firm No, type: key, required: true}
      day: {heading: Day, type: date, required: true}
      said: {heading: What was said, type: text}
    references:
      - {column: firm, to: firms}
"""
PARTNERS = """
model: res.partner
title: Firms
phase: 30
app: base
match: {policy: never}
sources:
  - name: firms
    object: firms
    accounts_for: firms
    external_id: firms_{number}
    fields:
      name: {from: name}
      is_company: {const: true}
      ref: {from: number}
      city: {from: town}
      user_id: {const: null}
"""
MESSAGES = """
model: mail.message
title: Visits
phase: 50
app: mail
match: {policy: never}
load: {order_by: [date]}
sources:
  - name: visits
    object: visits
    accounts_for: visits
    external_id: visits_{number}
    fields:
      model: {const: res.partner}
      res_id: {ref: {to: firms, key: [src.firm]}}
      date: {sql: noon(src.day)}
      message_type: {const: comment}
      subtype_id: {xmlid: mail.mt_note}
      body: {from: said, as: text_to_html, default: <p></p>}
      author_id: {const: null}
      email_from: {const: card file}
      reply_to: {const: card file}
      message_id: {sql: "'<visits_' || src.number || '@cardfile.migration>'"}
"""
FIRMS = "No;Firm;Town\n1;Bäckerei Huber;Graz\n2;Schlosserei & Söhne;Linz\n"
VISITS = 'No;Firm No;Day;What was said\n7;1;03.02.2024;"wants 3 < 4\nrolls"\n8;9;04.02.2024;nobody\n'


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    specs, drop = tmp_path / "specs" / "cardfile", tmp_path / "exports" / "cardfile" / "2024-03-01-full"
    for folder, files in (
        (specs, {"source.yaml": SOURCE, "res_partner.yaml": PARTNERS, "mail_message.yaml": MESSAGES}),
        (drop, {"firms.csv": FIRMS, "visits.csv": VISITS}),
    ):
        folder.mkdir(parents=True)
        for name, text in files.items():
            (folder / name).write_text(text, encoding="utf-8")
    plain = Settings.load(tmp_path, {"ODOO_SANDBOX_VERSION": "19.0"})
    return Settings(plain.data, tmp_path / "specs", plain.environ)


def test_its_rows_arrive_and_are_accounted_for(settings: Settings, tmp_path: Path) -> None:
    with Migration(settings, "cardfile") as migration:
        outcome = run.migrate(migration, "sandbox")
    assert outcome.ok, json.dumps([c for c in outcome.result["checks"] if not c["passed"]], indent=1)
    objects = outcome.result["objects"]
    assert objects["firms"]["loaded"] == 2
    assert (objects["visits"]["loaded"], objects["visits"]["reasons"]) == (1, {"orphan_parent": 1})
    assert outcome.result["verification"]["differences"] == 0
    odoo = EmbeddedOdoo(tmp_path / "staging" / "cardfile.sandbox.odoo-19.0.sqlite", "19.0", now=lambda: datetime.now(UTC))
    (name,) = odoo.search_read("ir.model.data", [("module", "=", "cardfile"), ("name", "=", "firms_1")], ["res_id"])
    (message,) = odoo.search_read("mail.message", [("model", "=", "res.partner"), ("res_id", "=", name["res_id"])], ["body", "date"])
    assert message["body"] == "<p>wants 3 &lt; 4<br>rolls</p>"
    assert message["date"] == "2024-02-03 12:00:00"


def test_it_has_assets_and_a_job(settings: Settings) -> None:
    definitions = build_definitions(settings)
    keys = {key.to_user_string() for key in definitions.resolve_asset_graph().get_all_asset_keys()}
    assert {"cardfile/src_firms", "cardfile/stg_mail_message", "cardfile/sandbox/res_partner", "cardfile/sandbox/report"} <= keys
