from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from crm_pipeline.discovery.automations import ACTIVE, AutomationSheet, UnknownMeaningError, translate
from crm_pipeline.odoo.automation_kinds import automation_kinds
from crm_pipeline.settings import Settings
from crm_pipeline.specs import SpecError, load_automations, load_mapping
from crm_pipeline.specs.automations import AutomationsSpec

SPECS = Settings.load(environ={}).specs_root
SOURCES = [path.parent.name for path in sorted(SPECS.glob("*/automations.yaml"))]
MAPPINGS = {name: load_mapping(SPECS / name) for name in SOURCES}


def spec_of(name: str) -> AutomationsSpec:
    spec = load_automations(SPECS / name, MAPPINGS[name])
    assert spec is not None
    return spec


def sheet(name: str = "leadforce", version: str = "18.0", *, spec: AutomationsSpec | None = None, known: int = 1, **row: Any) -> AutomationSheet:
    said = {"name": "Rule", "object": "Lead", "event": "Created", "action_type": "Create Task", "action_details": "Call", ACTIVE: "true"}
    if name == "legrand":
        said = {"name": "Rule", "module": "Lead Inbox", "trigger": "Lead received", "action": "Send e-mail 'Thanks'", ACTIVE: "true"}
    return translate(spec or spec_of(name), MAPPINGS[name], version, [said | row], lambda *_: known)[0]


@pytest.mark.parametrize("name", SOURCES)
def test_shipped_words_mean_something_odoo_has(name: str) -> None:
    spec, kinds = spec_of(name), automation_kinds()
    assert {w.means for w in (*spec.events, *spec.conditions) if w.means} <= kinds.triggers.keys()
    assert {w.means for w in (*spec.actions, *spec.details) if w.means} <= kinds.actions.keys()
    for about in spec.objects.values():
        block = MAPPINGS[name].blocks[about.block][1]
        assert {field.split(".")[0] for field in about.fields.values()} <= block.fields.keys()


def test_every_meaning_is_a_selection_value_of_every_version() -> None:
    kinds = automation_kinds()
    for version, known in kinds.versions.items():
        for meaning in kinds.triggers:
            trigger = kinds.trigger(meaning, version)
            assert trigger is not None, f"{meaning} in {version}"
            assert trigger.trigger in known.triggers
            assert trigger.trigger not in known.deprecated
        assert {action.state for action in kinds.actions.values()} <= known.actions.keys()


@pytest.mark.parametrize(
    ("version", "trigger", "before_update"), [("17.0", "on_create_or_write", True), ("18.0", "on_create_or_write", True), ("19.0", "on_create", False)]
)
def test_creation_is_said_as_each_version_says_it(version: str, trigger: str, before_update: bool) -> None:  # noqa: FBT001 - a parameter of the case
    found = sheet(version=version)
    assert found.trigger == trigger
    assert (("Before Update Domain", "[('id', '=', 0)]") in found.settings) == before_update


def test_a_version_that_is_not_known_gets_the_newest() -> None:
    assert sheet(version="21.0").trigger == sheet(version="19.0").trigger


def test_conditions_go_by_the_confirmed_mapping() -> None:
    found = sheet(condition="Lead Source = Website and Estimated Value > 50,000.50")
    assert found.domain == "[('source_id.name', '=', 'Website'), ('expected_revenue', '>', 50000.5)]"
    assert any("without its currency" in text for text in found.differences)
    assert found.verdict == "nearest"


def test_values_are_translated_through_the_mapping() -> None:
    found = sheet("legrand", module="Service Desk", trigger="Priority = urgent and age > 1 day", action="Notify Manager")
    assert found.model == "helpdesk.ticket"
    assert found.domain == "[('priority', '=', '3')]"
    assert found.trigger == "on_time_created"
    assert ("Delay", "1 day after that date") in found.settings
    assert found.verdict == "person", "nobody is called Manager in a rule of Odoo"
    assert ("Notify Manager", "Odoo's rules know no such role. Choose the person or address that is meant.") in found.missing


def test_a_stage_is_chosen_beside_its_trigger() -> None:
    found = sheet(object="Deal", event="Stage Changed", condition="Deal Stage = Closed Won", action_type="Webhook", action_details="https://x.example/won")
    assert found.trigger == "on_stage_set"
    assert ("Stage", "the one named 'Closed Won'") in found.settings
    assert found.domain == "[('type', '=', 'opportunity')]", "deals are told from leads in the same model"
    assert found.verdict == "equivalent"
    assert "“https://x.example/won”" in found.actions[0].steps[0]


def test_a_value_no_record_has_is_said() -> None:
    assert any("No record of the export has 'Telex'" in text for text in sheet(condition="Lead Source = Telex", known=0).differences)


@pytest.mark.parametrize(
    ("row", "quoted"),
    [
        ({"object": "Company"}, "Company"),
        ({"event": "Full moon"}, "Full moon"),
        ({"event": ""}, "(no event)"),
        ({"event": "Daily"}, "Daily"),
        ({"condition": "Shoe Size > 44"}, "Shoe Size > 44"),
        ({"condition": "Estimated Value > a lot"}, "Estimated Value > a lot"),
        ({"condition": "when it feels right"}, "when it feels right"),
        ({"condition": "Lead Source = Website or Tags = hot; DROP TABLE x"}, None),
        ({"action_type": "Play Music", "action_details": "loud"}, "Play Music loud"),
        ({"action_type": ""}, "Call"),
        ({"action_type": "Notify Owner", "action_details": "SMS + mail"}, "SMS"),
    ],
)
def test_what_no_words_mean_is_quoted_and_never_guessed(row: dict[str, str], quoted: str | None) -> None:
    found = sheet(**dict[str, Any](row))
    if quoted is None:
        assert found.verdict != "equivalent"
    else:
        assert quoted in [words for words, _ in found.missing]
        assert found.verdict == "person"
    assert all(why for _, why in found.missing)


def test_an_action_its_model_can_not_take_is_no_equivalent() -> None:
    found = sheet("legrand", module="Campaigns", trigger="Member added", action="Send e-mail 'Hi'")
    assert found.model == "x_campaign_member"
    assert found.actions == []
    assert any("keeps no messages" in why for _, why in found.missing)


def test_switched_off_ones_are_listed_too() -> None:
    assert sheet(**dict[str, Any]({ACTIVE: "false"})).is_active is False
    assert sheet(**dict[str, Any]({ACTIVE: ""})).is_active is True


def test_a_meaning_nobody_knows_is_an_error() -> None:
    spec = spec_of("leadforce")
    broken = spec.model_copy(update={"actions": (spec.actions[0].model_copy(update={"pattern": ".*", "means": "sing"}),)})
    with pytest.raises(UnknownMeaningError, match="nothing means 'sing'"):
        sheet(spec=broken)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("object: nothing\ncolumns: {name: a, object: b, event: c, action: d}\nobjects: {}", "no source object 'nothing'"),
        ("object: auto_triggers\ncolumns: {name: name, object: object, event: event, action: act}\nobjects: {}", "no column 'act'"),
        ("object: auto_triggers\ncolumns: {name: name}\nobjects: {}", "say which column holds action, event, object"),
        ("object: auto_triggers\ncolumns: {name: name, object: object, event: event, action: action_type}\nobjects: {Lead: {block: nobody}}", "no target has a block 'nobody'"),
        ("object: auto_triggers\ncolumns: {name: name, object: object, event: event, action: action_type}\nobjects: {}\nevents: [{pattern: '(', means: created}]", "is no regular expression"),
        ("object: auto_triggers\ncolumns: {name: name, object: object, event: event, action: action_type}\nobjects: {}\nevents: [{pattern: x}]", "say what the words mean"),
    ],
)
def test_a_bad_spec_is_refused_with_file_and_reason(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "automations.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(SpecError, match=r"automations\.yaml") as refused:
        load_automations(tmp_path, MAPPINGS["leadforce"])
    assert reason in str(refused.value)


def test_no_file_is_no_automations(tmp_path: Path) -> None:
    found: Any = load_automations(tmp_path, MAPPINGS["leadforce"])
    assert found is None
