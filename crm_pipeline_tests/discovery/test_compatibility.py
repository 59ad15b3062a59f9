from __future__ import annotations

from crm_pipeline.discovery.compatibility import ObjectMapping, compatibility
from crm_pipeline.discovery.usage import ColumnUsage
from crm_pipeline.settings import Settings
from crm_pipeline.specs import Mapping, load_mapping

SPECS = Settings.load(environ={}).specs_root
LEADFORCE, LEGRAND = load_mapping(SPECS / "leadforce"), load_mapping(SPECS / "legrand")


def table(mapping: Mapping) -> dict[str, ObjectMapping]:
    return {each.object: each for each in compatibility(mapping).objects}


def without_field(mapping: Mapping, model: str, name: str) -> Mapping:
    targets = tuple(
        target if target.model != model else target.model_copy(
            update={"sources": tuple(b.model_copy(update={"fields": {k: v for k, v in b.fields.items() if k != name}}) for b in target.sources)}
        )
        for target in mapping.targets
    )  # fmt: skip
    return Mapping(mapping.source, targets)


def test_every_object_has_a_row() -> None:
    for mapping in (LEADFORCE, LEGRAND):
        assert list(table(mapping)) == list(mapping.source.objects)


def test_the_relations_are_those_of_the_brief() -> None:
    leadforce, legrand = table(LEADFORCE), table(LEGRAND)
    assert leadforce["leads"].relation == "1:many"
    assert set(leadforce["leads"].models) == {"crm.lead", "res.partner"}
    assert [leadforce[name].relation for name in ("deals", "notes", "attachments", "proposals", "users")] == ["1:1"] * 5
    assert leadforce["stages"].is_lossy
    assert leadforce["auto_triggers"].status == "documentation only"
    assert [legrand[name].relation for name in ("accounts", "contacts", "opportunities", "tickets", "assets", "campaigns")] == ["1:1"] * 6
    assert legrand["tickets"].apps == ("helpdesk_mgmt",)
    assert compatibility(LEADFORCE).sentence == "8 of 13 objects map 1:1"


def test_the_table_follows_the_mapping() -> None:
    before, after = table(LEADFORCE)["deals"], table(without_field(LEADFORCE, "crm.lead", "date_deadline"))["deals"]
    assert not before.is_lossy
    assert after.is_lossy
    assert after.not_carried == ("Expected Close Date",)
    assert "Not carried over: Expected Close Date." in after.why


def test_a_proposed_field_waits_for_confirmation() -> None:
    target = LEADFORCE.target("mail.message")
    blocks = tuple(
        b.model_copy(update={"fields": {k: v.model_copy(update={"status": "proposed"}) if k == "body" else v for k, v in b.fields.items()}}) for b in target.sources
    )
    changed = Mapping(LEADFORCE.source, tuple(t if t.model != target.model else t.model_copy(update={"sources": blocks}) for t in LEADFORCE.targets))
    assert table(changed)["notes"].status.endswith("fields to confirm")
    assert table(LEADFORCE)["notes"].status == "confirmed"


def test_an_object_nothing_is_mapped_to_says_so() -> None:
    changed = Mapping(LEADFORCE.source, tuple(t for t in LEADFORCE.targets if t.model != "ir.attachment"))
    found = table(changed)["attachments"]
    assert (found.relation, found.status) == ("none", "not mapped")


def test_columns_are_followed_through_what_is_derived_of_them() -> None:
    usage = ColumnUsage(LEADFORCE)
    deals = LEADFORCE.blocks["deals"][1]
    assert usage.fields_from(deals, "deal_value")[0] == "expected_revenue"
    assert "stage_id" in usage.fields_from(deals, "deal_stage"), "by the stage's key, which is derived of it and joined by"
    assert usage.unused("leads") == []
    assert usage.headings("deals", "stage_key") == "Pipeline and Deal Stage"
