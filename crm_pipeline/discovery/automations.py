"""Automations of a source CRM as specification sheets for whoever rebuilds them in Odoo.

Words are translated by ``automations.yaml`` and the confirmed mapping. What neither can express is quoted with the reason;
nothing is guessed, and nothing is created.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from crm_pipeline.discovery.conditions import Comparison, Comparisons, split_parts
from crm_pipeline.discovery.usage import KIND_FIELDS, ColumnUsage
from crm_pipeline.odoo.automation_kinds import TriggerKind, automation_kinds
from crm_pipeline.odoo.schemas import bundled_versions, load_attributes
from crm_pipeline.specs import Mapping, SourceBlock, TargetSpec
from crm_pipeline.specs.automations import AutomationsSpec, Role, WordSpec

Verdict = Literal["equivalent", "nearest", "person"]

#: What an action needs of its model: state → a field every such model has.
_NEEDED = {"mail_post": "message_ids", "sms": "message_ids", "followers": "message_ids", "next_activity": "activity_ids"}

#: Beside the columns of a listed automation: 'true' or 'false' where the CRM says whether it is switched on.
ACTIVE = "_active"

#: (object, column, value) → rows of the export that have it.
CountValue = Callable[[str, str, str], int]


class UnknownMeaningError(Exception):
    """``automations.yaml`` speaks of a meaning that Odoo's facts don't know."""

    def __init__(self, meaning: str) -> None:
        known = automation_kinds()
        super().__init__(
            f"automations.yaml: nothing means '{meaning}'; triggers mean {', '.join(known.triggers)}, actions mean {', '.join(known.actions)}"
        )


@dataclass(frozen=True)
class ServerAction:
    """One server action of a rule: its type, and how it is set up."""

    state: str
    label: str
    steps: tuple[str, ...]


@dataclass
class AutomationSheet:
    """One automation, and the rule that takes its place.

    Attributes:
        source: what the CRM says of it, heading and text.
        model, model_title: of the records it is about; empty where the words don't say.
        app: the Odoo app the model needs.
        trigger, trigger_label: value and label of ``base.automation.trigger``; empty where nothing means the event.
        settings: what is set beside the trigger, as label and value.
        domain: conditions as Odoo's domain, ``Apply on``; '[]' for all records.
        comparisons: each translated condition, with the fields it goes by.
        differences: how the rule differs from the automation; sentences.
        missing: what has no equivalent: the CRM's words, and why.
    """

    key: str
    name: str
    about: str
    is_active: bool
    source: tuple[tuple[str, str], ...]
    model: str = ""
    model_title: str = ""
    app: str = ""
    trigger: str = ""
    trigger_label: str = ""
    settings: list[tuple[str, str]] = field(default_factory=list)
    domain: str = "[]"
    comparisons: list[Comparison] = field(default_factory=list)
    actions: list[ServerAction] = field(default_factory=list)
    differences: list[str] = field(default_factory=list)
    missing: list[tuple[str, str]] = field(default_factory=list)

    @property
    def verdict(self) -> Verdict:
        """Whether Odoo has the same, something near it, or a person must decide."""
        if self.missing or not self.trigger or not self.actions:
            return "person"
        return "nearest" if self.differences else "equivalent"


def translate(
    spec: AutomationsSpec, mapping: Mapping, version: str, rows: list[dict[str, str]], counted: CountValue
) -> list[AutomationSheet]:
    """A sheet for each automation.

    Args:
        spec: what the CRM's words mean.
        mapping: the mapping in force.
        version: of Odoo; an unknown one gets the facts of the newest known.
        rows: the listed automations, column → text, '' where blank, and ``ACTIVE``.
        counted: how many rows of the export have a value.
    """
    translator = _Translator(spec, mapping, automation_kinds().known_version(version), counted)
    return [translator.sheet(row) for row in rows]


class _Translator:
    def __init__(self, spec: AutomationsSpec, mapping: Mapping, version: str, counted: CountValue) -> None:
        self._spec, self._mapping, self._version = spec, mapping, version
        self._kinds, self._usage, self._counted = automation_kinds(), ColumnUsage(mapping), counted
        bundled = version if version in bundled_versions() else bundled_versions()[-1]
        self._schema = load_attributes(bundled)

    def sheet(self, row: dict[str, str]) -> AutomationSheet:
        listed = self._mapping.source.objects[self._spec.object]
        said = [(listed.columns[column].heading, row.get(column) or "") for column in dict.fromkeys(self._spec.columns.values())]
        sheet = AutomationSheet(
            row.get(listed.key) or "", self._text(row, "name") or "(without name)", self._text(row, "object"),
            row.get(ACTIVE) != "false", tuple((heading, text) for heading, text in said if text),
        )  # fmt: skip
        event = _first(self._spec.events, self._text(row, "event"))
        found = self._about(sheet, event[0] if event else None)
        own = self._conditions(sheet, row, found)
        kinds = self._kind_of_record(sheet, found) if found is not None else []
        self._trigger(sheet, self._text(row, "event"), event, own, kinds)
        self._actions(sheet, row)
        return sheet

    def _text(self, row: dict[str, str], role: Role) -> str:
        column = self._spec.columns.get(role)
        return " ".join((row.get(column) or "").split()) if column else ""

    def _about(self, sheet: AutomationSheet, event: WordSpec | None) -> tuple[TargetSpec, SourceBlock, dict[str, str]] | None:
        about = self._spec.about(sheet.about)
        if about is None:
            sheet.missing.append((sheet.about, f"Nothing is known of an object called '{sheet.about}'; the mapping has {', '.join(self._spec.objects)}."))
            return None
        name = event.block if event is not None and event.block else about.block
        target, block = self._mapping.blocks[name]
        sheet.model, sheet.model_title, sheet.app = target.model, target.title, " or ".join(target.apps)
        return target, block, about.fields

    def _conditions(
        self, sheet: AutomationSheet, row: dict[str, str], found: tuple[TargetSpec, SourceBlock, dict[str, str]] | None
    ) -> tuple[WordSpec, dict[str, str], str] | None:
        """Translate the conditions; returns one that is a trigger of its own, with what it names and its text."""
        text, columns = self._text(row, "condition"), self._spec.columns
        if not text or (columns.get("condition") == columns["event"] and not _compares(self._spec, text)):
            return None
        own, reader = None, None
        if found is not None and found[1].object in self._mapping.source.objects:
            reader = Comparisons(self._spec, self._mapping, self._usage, found[1], found[2], self._counted)
        for part in split_parts(text, self._spec.joined_by):
            word = _first(self._spec.conditions, part)
            if word is not None and word[0].none:
                sheet.missing.append((part, word[0].none))
            elif word is not None:
                own = (*word, part)
            elif reader is None:
                sheet.missing.append((part, "A condition can be translated only for records whose mapping is known."))
            else:
                read = reader.read(part)
                if isinstance(read, Comparison):
                    sheet.comparisons.append(read)
                    sheet.differences += [read.caveat] if read.caveat else []
                else:
                    sheet.missing.append((part, read))
        return own

    def _kind_of_record(self, sheet: AutomationSheet, found: tuple[TargetSpec, SourceBlock, dict[str, str]]) -> list[tuple[str, str, Any]]:
        """The condition that tells the object's records from others in the same model; a difference where none can."""
        target, block, _ = found
        name = KIND_FIELDS.get(target.model)
        spec = block.fields.get(name) if name else None
        if name is None or spec is None or len(target.sources) == 1:
            return []
        if spec.const is not None:
            return [(name, "=", spec.const)]
        sheet.differences.append(
            f"{target.model} holds other records too, and the mapping decides '{name}' row by row. Add a condition on '{name}' if the rule "
            "is to leave the others out."
        )
        return []

    def _trigger(
        self, sheet: AutomationSheet, text: str, event: tuple[WordSpec, dict[str, str]] | None,
        own: tuple[WordSpec, dict[str, str], str] | None, kinds: list[tuple[str, str, Any]],
    ) -> None:  # fmt: skip
        word, named = (own[0], own[1]) if own is not None else event or (None, {})
        if word is None:
            why = "No event is stated." if not text else "Nothing is known of these words; say in automations.yaml what they mean."
            sheet.missing.append((text or "(no event)", why))
            return
        if word.none or word.means is None:
            sheet.missing.append((text, word.none))
            return
        kind = self._kinds.trigger(word.means, self._version)
        if kind is None:
            raise UnknownMeaningError(word.means)
        fields = self._schema.get(sheet.model)
        if kind.field and fields is not None and kind.field not in fields:
            sheet.missing.append((text, f"{sheet.model} has no field {kind.field}, which this trigger needs."))
            return
        labels = self._kinds.versions[self._version]
        sheet.trigger, sheet.trigger_label = kind.trigger, labels.triggers[kind.trigger]
        sheet.differences += [each for each in (word.differs, kind.note if not kind.before_update else "") if each]
        self._settings(sheet, kind, named, kinds)

    def _settings(self, sheet: AutomationSheet, kind: TriggerKind, named: dict[str, str], kinds: list[tuple[str, str, Any]]) -> None:
        kept = list(sheet.comparisons)
        if kind.setting:
            chosen = next((c for c in kept if c.field.split(".")[0] == kind.field and c.operator == "="), None)
            sheet.settings.append((kind.setting, f"the one named '{chosen.value}'" if chosen else "each (leave it empty)"))
            kept = [c for c in kept if c is not chosen]
        if kind.delay:
            sheet.settings.append(("Delay", _delay(named)))
        if kind.before_update:
            sheet.settings.append(("Before Update Domain", kind.before_update))
            sheet.settings.append(("Why", kind.note))
        sheet.domain = repr([*kinds, *(c.leaf for c in kept)])

    def _actions(self, sheet: AutomationSheet, row: dict[str, str]) -> None:
        text, details = self._text(row, "action"), self._text(row, "details")
        word = _first(self._spec.actions, text)
        if word is None or word[0].means is None:
            why = word[0].none if word else "Nothing is known of these words; say in automations.yaml what they mean." if text else "No action is stated."
            sheet.missing.append((f"{text} {details}".strip() or "(no action)", why))
            return
        meanings = {word[0].means: word[0].differs}
        for part in split_parts(details, self._spec.joined_by):
            more = _first(self._spec.details, part)
            if more is not None and more[0].means:
                meanings.setdefault(more[0].means, more[0].differs)
            elif more is not None:
                sheet.missing.append((part, more[0].none))
        sheet.differences += [each for each in meanings.values() if each]
        for meaning in meanings:
            self._add_action(sheet, meaning, text, {"details": details, **word[1]})

    def _add_action(self, sheet: AutomationSheet, meaning: str, text: str, named: dict[str, str]) -> None:
        kind = self._kinds.actions.get(meaning)
        if kind is None:
            raise UnknownMeaningError(meaning)
        needed, fields = _NEEDED.get(kind.state, ""), self._schema.get(sheet.model)
        if needed and (needed not in fields if fields is not None else sheet.model.startswith("x_")):
            sheet.missing.append((text, f"{sheet.model} keeps no {'activities' if needed == 'activity_ids' else 'messages'}, which this action needs."))
            return
        label = self._kinds.versions[self._version].actions[kind.state]
        if kind.decide:
            sheet.missing.append((text, kind.decide))
        filled = _Placeholders({"model": sheet.model or "the model", "action": label} | {k: f"“{v}”" for k, v in named.items() if v})
        sheet.actions.append(ServerAction(kind.state, label, tuple(step.format_map(filled) for step in kind.steps)))


class _Placeholders(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return "the export does not say which"


def _first(words: tuple[WordSpec, ...], text: str) -> tuple[WordSpec, dict[str, str]] | None:
    for word in words:
        named = word.read(text) if text else None
        if named is not None:
            return word, named
    return None


def _delay(named: dict[str, str]) -> str:
    amount, unit = named.get("amount"), named.get("unit", "").lower().rstrip("s")
    return f"{amount} {unit}{'' if amount == '1' else 's'} after that date" if amount else "the export does not say how long"


def _compares(spec: AutomationsSpec, text: str) -> bool:
    return any(re.search(rf"\s{re.escape(word)}\s", f" {text} ", re.IGNORECASE) for word in spec.operators)
