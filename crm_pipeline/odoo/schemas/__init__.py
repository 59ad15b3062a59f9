"""The schemas of fresh Odoo Community databases, one JSON per version: ``{model: {field: attributes}}``.

Captured with ``fields_get`` and ``default_get`` from real 17.0, 18.0 and 19.0 servers with crm, sale_management,
account, maintenance, mail, calendar and utm installed. What has its usual value is left out: ``store`` (true),
``required`` and ``readonly`` (false), ``ondelete`` (set null), and the label ``string`` where it follows from the
name. ``default`` is what ``default_get`` gave; ``@now`` and ``@today`` stand for the moment of creation. ``depends`` is
kept of stored required fields without a default: what Odoo computes them from when they are not given.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

from crm_pipeline.odoo.destination import FieldSchema

Attributes = Mapping[str, Any]


def bundled_versions() -> tuple[str, ...]:
    """The bundled series, oldest first, for example ``("17.0", "18.0", "19.0")``."""
    names = (entry.name for entry in resources.files(__name__).iterdir() if entry.name.endswith(".json"))
    return tuple(sorted((name.removesuffix(".json") for name in names), key=float))


@cache
def load_attributes(version: str) -> Mapping[str, Mapping[str, Attributes]]:
    """The bundled attributes as they are in the file, with selections as ``[[value, label], …]``.

    Raises:
        KeyError: the version is not bundled.
    """
    file = resources.files(__name__) / f"{version}.json"
    if not file.is_file():
        message = f"no schema of Odoo {version} is bundled, only {', '.join(bundled_versions())}"
        raise KeyError(message)
    models: dict[str, dict[str, Attributes]] = json.loads(file.read_text(encoding="utf-8"))
    return models


@cache
def load_schema(version: str) -> Mapping[str, Mapping[str, FieldSchema]]:
    """``{model: {field: FieldSchema}}`` of a fresh database; raises KeyError when the version is not bundled."""
    return {
        model: {name: field_schema(name, attributes) for name, attributes in fields.items()}
        for model, fields in load_attributes(version).items()
    }


def field_schema(name: str, attributes: Attributes) -> FieldSchema:
    """One field from ``fields_get`` attributes (a server's or a bundled file's)."""
    digits = attributes.get("digits")
    selection = attributes.get("selection") or ()
    return FieldSchema(
        name=name,
        type=attributes["type"],
        string=attributes.get("string") or implied_label(name),
        required=bool(attributes.get("required")),
        readonly=bool(attributes.get("readonly")),
        store=bool(attributes.get("store", True)),
        relation=attributes.get("relation") or None,
        relation_field=attributes.get("relation_field") or None,
        selection=tuple(item[0] for item in selection) if isinstance(selection, (list, tuple)) else (),
        size=attributes.get("size") or None,
        digits=(int(digits[0]), int(digits[1])) if digits else None,
    )


def implied_label(name: str) -> str:
    """The label that a field's name implies: ``partner_id`` → ``Partner``."""
    return re.sub(r"_ids?$", "", name).replace("_", " ").title()
