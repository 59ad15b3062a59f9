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
currency_symbols: {"€": EUR, "$": USD}
custom_fields:
  inventory: fields
  object: card
  label: label
  type: kind
  options: options
  objects: {Firm: firms}
  types: {several: choices, amount: money}
  multiselect: tags
objects:
  fields:
    label: Field
    file: fields
    key: number
    columns:
      number: {heading: No, type: key, required: true}
      card: {heading: Card, type: str}
      label: {heading: Label, type: str}
      kind: {heading: Kind, type: str}
      options: {heading: Options, type: str}
  firms:
    label: Firm
    file: firms
    required: true
    key: number
    columns:
      number: {heading: No, type: key, required: true}
      name: {heading: Firm, type: str, required: true}
      town: {heading: Town, type: str}
      words: {heading: Words, type: str}
    derive:
      word_list: split_list(words, ',')
  people:
    label: Person
    file: people
    key: number
    columns:
      number: {heading: No, type: key, required: true}
      name: {heading: Name, type: str, required: true}
  visits:
    label: Visit
    file: visits
    key: number
    columns:
      number: {heading: No, type: key, required: true}
      kind: {heading: Kind, type: enum, required: true, values: [firm, person]}
      card: {heading: Card, type: key, required: true}
      day: {heading: Day, type: date, required: true}
      said: {heading: What was said, type: text}
    references:
      - {column: card, by: kind, to: {firm: firms, person: people}}
derived:
  tags:
    policy: distinct_values
    options: {of: [{object: firms, value: unnest(word_list)}, {object: custom_field_options, value: "CASE WHEN ttype = 'tags' THEN option END"}]}
"""
TAGS = """
model: res.partner.category
title: Tags
phase: 20
app: base
match: {policy: link, by: [name]}
sources:
  - name: tags
    object: tags
    one_per: [fold(value)]
    external_id: tag_{fold(value)}
    fields: {name: {from: value}}
"""
FIELDS = """
model: ir.model.fields
title: Fields
phase: 21
match: {policy: link, by: [model, name]}
sources:
  - name: custom_field
    object: custom_field_definitions
    accounts_for: fields
    divert: [{where: src.ttype = 'tags', fate: excluded, reason: kept_as_tags}]
    external_id: field_{src.name}
    fields:
      name: {from: name}
      model: {from: model, computed: true}
      model_id: {lookup: {reference: model, key: src.model}}
      field_description: {from: label}
      ttype: {from: ttype}
      state: {const: manual}
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
    custom_fields: [{object: firms, tags: {field: category_id, to: tags}}]
    fields:
      name: {from: name}
      is_company: {const: true}
      ref: {from: number}
      city: {from: town}
      user_id: {const: null}
      category_id: {refs: {to: tags, key: ["list_transform(src.word_list, lambda x: fold(x))"]}}
  - name: people
    object: people
    accounts_for: people
    external_id: people_{number}
    fields: {name: {from: name}, is_company: {const: false}}
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
      model: {model_of: res_id}
      res_id: {ref: {by: src.kind, to: {firm: firms, person: people}, key: [src.card]}}
      date: {sql: noon(src.day)}
      message_type: {const: comment}
      subtype_id: {xmlid: mail.mt_note}
      body: {from: said, as: text_to_html, default: <p></p>}
      author_id: {const: null}
      email_from: {const: card file}
      reply_to: {const: card file}
      message_id: {sql: "'<visits_' || src.number || '@cardfile.migration>'"}
"""
FIRMS = "No;Firm;Town;Words;Trades;Turnover\n1;Bäckerei Huber;Graz;old, Bread;bread,Cake;€ 10\n2;Schlosserei & Söhne;Linz;;;$ 20\n"
PEOPLE = "No;Name\n1;Anna Huber\n"
VISITS = (
    "No;Kind;Card;Day;What was said\n"
    '7;firm;1;03.02.2024;"wants 3 < 4\nrolls"\n8;firm;9;04.02.2024;nobody\n9;person;1;05.02.2024;hello\n'
)
INVENTORY = "No;Card;Label;Kind;Options\n1;Firm;Trades;several;Bread|Cake|Locks\n2;Firm;Turnover;amount;\n"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    specs, drop = tmp_path / "specs" / "cardfile", tmp_path / "exports" / "cardfile" / "2024-03-01-full"
    for folder, files in (
        (
            specs,
            {
                "source.yaml": SOURCE, "res_partner.yaml": PARTNERS, "mail_message.yaml": MESSAGES,
                "res_partner_category.yaml": TAGS, "ir_model_fields.yaml": FIELDS,
            },
        ),
        (drop, {"firms.csv": FIRMS, "people.csv": PEOPLE, "visits.csv": VISITS, "fields.csv": INVENTORY}),
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
    assert (objects["visits"]["loaded"], objects["visits"]["reasons"]) == (2, {"orphan_parent": 1})
    assert objects["fields"]["reasons"] == {"kept_as_tags": 1}, "no field, but tags"
    assert outcome.result["verification"]["differences"] == 0
    odoo = EmbeddedOdoo(tmp_path / "staging" / "cardfile.sandbox.odoo-19.0.sqlite", "19.0", now=lambda: datetime.now(UTC))
    (name,) = odoo.search_read("ir.model.data", [("module", "=", "cardfile"), ("name", "=", "firms_1")], ["res_id"])
    (message,) = odoo.search_read("mail.message", [("model", "=", "res.partner"), ("res_id", "=", name["res_id"])], ["body", "date"])
    assert message["body"] == "<p>wants 3 &lt; 4<br>rolls</p>"
    assert message["date"] == "2024-02-03 12:00:00"


def test_its_multiselect_fields_are_tags_and_its_amounts_say_their_currency(settings: Settings, tmp_path: Path) -> None:
    with Migration(settings, "cardfile") as migration:
        assert run.migrate(migration, "sandbox").ok
        odd = migration.store.rows("SELECT key, value FROM ops.issue WHERE reason = 'currency_not_kept'")
        anna = migration.store.rows("SELECT model FROM staged.mail_message WHERE res_id = 'people_1'")
    assert odd == [("2", "USD")]
    assert anna == [("res.partner",)]
    odoo = EmbeddedOdoo(tmp_path / "staging" / "cardfile.sandbox.odoo-19.0.sqlite", "19.0", now=lambda: datetime.now(UTC))
    names = {tag["id"]: tag["name"] for tag in odoo.search_read("res.partner.category", [], ["name"])}
    (huber,) = odoo.search_read("res.partner", [("ref", "=", "1")], ["category_id", "x_cardfile_firm_turnover"])
    assert sorted(names[tag] for tag in huber["category_id"]) == ["Bread", "Cake", "old"], "one tag, from a word and an option"
    assert "Locks" in names.values(), "an option that nobody has chosen can still be"
    assert huber["x_cardfile_firm_turnover"] == 10
    assert "x_cardfile_firm_trades" not in odoo.fields_get("res.partner")


def test_it_has_assets_and_a_job(settings: Settings) -> None:
    definitions = build_definitions(settings)
    keys = {key.to_user_string() for key in definitions.resolve_asset_graph().get_all_asset_keys()}
    assert {"cardfile/src_firms", "cardfile/stg_mail_message", "cardfile/sandbox/res_partner", "cardfile/sandbox/report"} <= keys
