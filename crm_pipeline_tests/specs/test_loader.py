"""Shipped specs are sound; bad ones are refused with file, key path and reason."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from crm_pipeline.odoo.references import load_references
from crm_pipeline.odoo.resolved import resolve_fields
from crm_pipeline.odoo.schemas import bundled_versions, load_schema
from crm_pipeline.settings import Settings
from crm_pipeline.specs import SpecError, list_sources, load_mapping
from crm_pipeline.specs.documents import read_yaml
from crm_pipeline.transforms.policies import PolicyError, check_policies

SPECS = Settings.load(environ={}).specs_root
SOURCE = {
    "source": "tiny", "label": "Tiny", "time_zone": "UTC", "date_order": "dmy", "account_currency": "EUR",
    "objects": {"people": {"label": "Person", "file": "people", "key": "id", "columns": {
        "id": {"heading": "Id", "type": "key", "required": True}, "name": {"heading": "Name"}}}},
}  # fmt: skip
BLOCK = {"name": "people", "object": "people", "external_id": "people_{id}", "fields": {"name": {"from": "name"}}}
TARGET = {"model": "res.partner", "title": "People", "phase": 1, "sources": [BLOCK]}


def write(root: Path, source: object = SOURCE, target: object = TARGET) -> Path:
    folder = root / "tiny"
    folder.mkdir()
    (folder / "source.yaml").write_text(yaml.safe_dump(source), encoding="utf-8")
    (folder / "res_partner.yaml").write_text(yaml.safe_dump(target), encoding="utf-8")
    return folder


@pytest.mark.parametrize("source", list_sources(SPECS))
@pytest.mark.parametrize("version", bundled_versions())
def test_shipped_targets_exist_in_every_bundled_odoo(source: str, version: str) -> None:
    mapping = load_mapping(SPECS / source)
    check_policies(mapping.source)
    schema = load_schema(version)
    own = {(row["model"], row["name"]) for b in mapping.target("ir.model.fields").sources for row in b.rows}
    custom = {row["model"] for t in mapping.targets if t.model == "ir.model" for b in t.sources for row in b.rows}
    for target in mapping.targets:
        if target.when_missing == "skip" and target.model not in schema:
            continue  # what is only there with an app Odoo itself doesn't bring
        known = dict(schema["crm.tag" if target.model in custom else target.model])
        known |= {name: known["id"] for model, name in own if model == target.model}
        for block in target.sources:
            assert resolve_fields(target, block, known)
            for spec in block.fields.values():
                assert spec.lookup is None or spec.lookup.reference in load_references()


def test_there_is_a_shipped_source() -> None:
    assert "leadforce" in list_sources(SPECS)


def test_a_minimal_mapping_loads(tmp_path: Path) -> None:
    mapping = load_mapping(write(tmp_path))
    assert mapping.name == "tiny"
    assert [t.model for t in mapping.targets] == ["res.partner"]


def _without(data: dict[str, object], name: str) -> dict[str, object]:
    return {key: value for key, value in data.items() if key != name}


def _block(**changes: object) -> dict[str, object]:
    return TARGET | {"sources": [TARGET["sources"][0] | changes]}  # type: ignore[index]


@pytest.mark.parametrize(
    ("target", "path", "reason"),
    [
        (_without(TARGET, "phase"), "phase", "Field required"),
        (TARGET | {"colour": "red"}, "colour", "Extra inputs"),
        (_block(fields={"name": {"from": "name", "const": 1}}), "sources.0.fields.name", "exactly one"),
        (_block(fields={"name": {}}), "sources.0.fields.name", "exactly one"),
        (_block(fields={"parent_id": {"ref": {"to": "nobody", "key": ["id"]}}}), "sources.0.fields.parent_id", "no target loads"),
        (_block(object="companies"), "sources.0.object", "neither a source object nor derived"),
        (_block(accounts_for="companies"), "sources.0.accounts_for", "no source object"),
        (_block(fields={"name": {"model_of": "nowhere"}}), "sources.0.fields.name", "no link of this block"),
        (_block(fields={"name": {"lookup": {"reference": "model"}}}), "sources.0.fields.name.lookup", "'key' and 'model_of'"),
        (_block(custom_fields=[{"object": "people"}]), "sources.0.custom_fields.0.object", "no custom fields in source.yaml"),
        (TARGET | {"match": {"policy": "link"}}, "match", "'by' must be given"),
        (TARGET | {"match": {"policy": "update", "by": ["name"]}}, "match.policy", "'never' or 'link'"),
    ],
)
def test_a_bad_target_is_refused_with_file_path_and_reason(tmp_path: Path, target: object, path: str, reason: str) -> None:
    folder = write(tmp_path, target=target)
    with pytest.raises(SpecError) as caught:
        load_mapping(folder)
    assert caught.value.file == folder / "res_partner.yaml"
    assert caught.value.path == path
    assert reason in caught.value.reason


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"source": "other"}, "source"),
        ({"date_order": "guess"}, "date_order"),
        ({"objects": {"people": SOURCE["objects"]["people"] | {"key": "nr"}}}, "objects.people"),  # type: ignore[index]
        ({"objects": {"people": SOURCE["objects"]["people"] | {"references": [{"column": "name", "to": "ghosts"}]}}}, ""),  # type: ignore[index]
    ],
)
def test_a_bad_source_is_refused_with_file_and_path(tmp_path: Path, change: dict[str, object], path: str) -> None:
    folder = write(tmp_path, source=SOURCE | change)
    with pytest.raises(SpecError) as caught:
        load_mapping(folder)
    assert caught.value.file == folder / "source.yaml"
    assert caught.value.path == path


INVENTORY: dict[str, object] = {
    "inventory": "people", "object": "name", "label": "name", "type": "name", "options": "name", "objects": {"Person": "people"},
    "types": {"Multi": "choices"}, "multiselect_of": [{"object": "Person", "become": "tags"}],
}  # fmt: skip


@pytest.mark.parametrize(
    ("taken", "path", "reason"),
    [
        ({}, "tags", "makes tags of multiselect fields of people"),
        ({"tags": {"field": "category_id", "to": "nobody"}}, "tags.to", "loaded before"),
        ({"tags": {"field": "name", "to": "people"}}, "tags.field", "not to several links"),
    ],
)
def test_multiselect_fields_that_become_tags_need_a_place_for_them(
    tmp_path: Path, taken: dict[str, object], path: str, reason: str
) -> None:
    target = _block(custom_fields=[{"object": "people", **taken}])
    with pytest.raises(SpecError, match=reason) as caught:
        load_mapping(write(tmp_path, source=SOURCE | {"custom_fields": INVENTORY}, target=target))
    assert caught.value.path == f"sources.0.custom_fields.0.{path}"


def test_multiselect_rules_are_about_known_objects(tmp_path: Path) -> None:
    custom = INVENTORY | {"multiselect_of": [{"object": "Firm", "become": "tags"}]}
    with pytest.raises(SpecError, match="'Firm' is none of the objects Person"):
        load_mapping(write(tmp_path, source=SOURCE | {"custom_fields": custom}))


def test_an_unknown_policy_or_option_is_refused(tmp_path: Path) -> None:
    for derived in ({"policy": "guess"}, {"policy": "first_row", "options": {"objekt": "people"}}):
        folder = tmp_path / derived["policy"]  # type: ignore[operator]
        folder.mkdir()
        mapping = load_mapping(write(folder, source=SOURCE | {"derived": {"first": derived}}))
        with pytest.raises(PolicyError, match="first"):
            check_policies(mapping.source)


def test_yaml_words_are_not_booleans_and_keys_stand_once(tmp_path: Path) -> None:
    file = tmp_path / "words.yaml"
    file.write_text("on: NO\nyes: off\nreally: true\n", encoding="utf-8")
    assert read_yaml(file) == {"on": "NO", "yes": "off", "really": True}
    file.write_text("a: 1\na: 2\n", encoding="utf-8")
    with pytest.raises(yaml.YAMLError, match="stands twice"):
        read_yaml(file)


def test_the_hash_follows_meaning_not_comments(tmp_path: Path) -> None:
    folder = write(tmp_path)
    first = load_mapping(folder).hash
    file = folder / "res_partner.yaml"
    file.write_text("# a remark\n" + file.read_text(encoding="utf-8"), encoding="utf-8")
    assert load_mapping(folder).hash == first
    (tmp_path / "second").mkdir()
    assert load_mapping(write(tmp_path / "second", target=TARGET | {"title": "Folk"})).hash != first


@pytest.mark.parametrize(
    ("create", "fields", "reason"),
    [
        ({"fence": "title"}, {"title": {"from": "name"}}, "mapped as a single link"),
        ({"fence": "category_id", "given": ["name"]}, {}, "not mapped as 'computed'"),
    ],
)
def test_what_keeps_late_calls_out_takes_no_mapped_field(
    tmp_path: Path, create: dict[str, object], fields: dict[str, object], reason: str
) -> None:
    target = TARGET | {"load": {"create": create}, "sources": [BLOCK | {"fields": {"name": {"from": "name"}} | fields}]}
    with pytest.raises(SpecError, match=reason):
        load_mapping(write(tmp_path, target=target))


def test_a_fence_may_be_a_field_that_is_always_blank(tmp_path: Path) -> None:
    fields = {"name": {"from": "name"}, "category_id": {"const": None}}
    target = TARGET | {"load": {"create": {"fence": "category_id"}}, "sources": [BLOCK | {"fields": fields}]}
    assert load_mapping(write(tmp_path, target=target)).targets[0].load.create is not None
