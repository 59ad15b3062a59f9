"""Confirming proposed fields: the word ``proposed`` becomes ``confirmed`` or ``ignored`` in the YAML, and nothing else in it changes."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

from crm_pipeline.proposals.drafting import flow
from crm_pipeline.specs import load_mapping
from crm_pipeline.specs.documents import read_yaml
from crm_pipeline.specs.loader import CONFIRMATION_FILE, SOURCE_FILE

PROPOSAL_FILE = "proposal.json"


class ConfirmationError(Exception):
    """What was asked to be confirmed is not there to be confirmed."""


@dataclass(frozen=True)
class ProposedField:
    """A field with the status ``proposed``, where it stands: model/block/field, file, and the place of the word."""

    name: str
    file: Path
    start: int
    end: int


@dataclass(frozen=True)
class Confirmed:
    """What a confirmation did.

    Attributes:
        confirmed, ignored: names of fields, as model/block/field.
        open: names of fields that are still proposed.
        mapping_hash: of the mapping as it is now.
    """

    confirmed: tuple[str, ...]
    ignored: tuple[str, ...]
    open: tuple[str, ...]
    mapping_hash: str


def proposed_fields(folder: Path) -> list[ProposedField]:
    """All fields of a mapping that are proposed and not confirmed, in order."""
    found = []
    for file in sorted(folder.glob("*.yaml")):
        if file.name not in {SOURCE_FILE, CONFIRMATION_FILE}:
            root = yaml.compose(file.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
            model = _value(root, "model")
            for block in _items(_value(root, "sources")):
                for key, spec in _pairs(_value(block, "fields")):
                    status = _value(spec, "status")
                    if status is not None and status.value == "proposed":
                        name = f"{model.value}/{_value(block, 'name').value}/{key}"
                        found.append(ProposedField(name, file, status.start_mark.index, status.end_mark.index))
    return found


def confidences(folder: Path) -> dict[str, float]:
    """Field (model/block/field) → confidence, as proposed last; none without a proposal."""
    file = folder / PROPOSAL_FILE
    if not file.exists():
        return {}
    content: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return {each["name"]: float(each["confidence"]) for each in content["fields"]}


def confirm(
    folder: Path, by: str, now: datetime, *, above: float | None = None, everything: bool = False,
    fields: Collection[str] = (), ignore: Collection[str] = (),
) -> Confirmed:  # fmt: skip
    """Confirm proposed fields of a mapping, and record who did.

    Args:
        folder: ``mapping_specs/<source>``.
        by: who confirms.
        now: when, UTC.
        above: confirm what was proposed with more confidence than this.
        everything: confirm all that is proposed.
        fields: names to confirm: model/block/field, or model.field for the field in every block.
        ignore: names to ignore: they are never loaded, and no longer stand against production.

    Raises:
        ConfirmationError: a name that is not proposed, or nothing chosen.
    """
    proposed = proposed_fields(folder)
    sure = confidences(folder)
    ignored = _chosen(proposed, ignore)
    chosen = _chosen(proposed, fields)
    chosen |= {f.name for f in proposed if everything or (above is not None and sure.get(f.name, 0.0) > above)}
    chosen -= ignored
    if not chosen and not ignored:
        highest = f"; the surest has {max((sure.get(f.name, 0.0) for f in proposed), default=0.0):.2f}" if proposed else ""
        raise ConfirmationError(f"{folder.name}: of {len(proposed)} proposed fields none is meant{highest}. Say --all-above, --all, --field or --ignore.")
    words = dict.fromkeys(chosen, "confirmed") | dict.fromkeys(ignored, "ignored")
    before = {file: file.read_text(encoding="utf-8") for file in {f.file for f in proposed}}
    for file, text in before.items():
        places = {(f.start, f.end): words[f.name] for f in proposed if f.file == file and f.name in words}
        file.write_text(_replaced(text, places), encoding="utf-8")
    try:
        now_hash = load_mapping(folder).hash
    except Exception:
        for file, text in before.items():
            file.write_text(text, encoding="utf-8")
        raise
    done = Confirmed(tuple(sorted(chosen)), tuple(sorted(ignored)), tuple(sorted(f.name for f in proposed if f.name not in words)), now_hash)
    _record(folder / CONFIRMATION_FILE, by, now, done)
    return done


def _chosen(proposed: list[ProposedField], names: Collection[str]) -> set[str]:
    found: set[str] = set()
    for name in names:
        meant = {f.name for f in proposed if name in {f.name, _short(f.name)}}
        if not meant:
            there = ", ".join(f.name for f in proposed[:5]) or "none"
            raise ConfirmationError(f"'{name}' is no proposed field; write model/block/field or model.field. Proposed are {there} …")
        found |= meant
    return found


def _short(name: str) -> str:
    model, _, field = name.split("/")
    return f"{model}.{field}"


def _replaced(text: str, places: Mapping[tuple[int, int], str]) -> str:
    for (start, end), word in sorted(places.items(), reverse=True):
        text = text[:start] + word + text[end:]
    return text


def _record(file: Path, by: str, now: datetime, done: Confirmed) -> None:
    """Append to ``confirmation.yaml``; what stands there is never changed."""
    head = "" if file.exists() else "# Who confirmed which fields of this mapping, and when (UTC). Written by crm-pipeline confirm.\nconfirmations:\n"
    entry = {
        "at": now.isoformat(timespec="seconds"), "by": by.strip(), "mapping": done.mapping_hash, "confirmed": list(done.confirmed),
        "ignored": list(done.ignored),
    }  # fmt: skip
    lines = [f"  {'- ' if number == 0 else '  '}{key}: {flow(value)}" for number, (key, value) in enumerate(entry.items())]
    with file.open("a", encoding="utf-8") as out:
        out.write(head + "\n".join(lines) + "\n")


def confirmations(folder: Path) -> list[dict[str, Any]]:
    """Everything that was confirmed so far, oldest first."""
    file = folder / CONFIRMATION_FILE
    return list(read_yaml(file)["confirmations"]) if file.exists() else []


def _value(node: Any, key: str) -> Any:
    return next((value for name, value in _pairs(node) if name == key), None)


def _pairs(node: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.tag == "tag:yaml.org,2002:merge":
                yield from _pairs(value)
            else:
                yield key.value, value


def _items(node: Any) -> list[Any]:
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []
