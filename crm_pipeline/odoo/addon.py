"""Custom models and fields as an Odoo addon, for hosts where they can't be created over the API.

Odoo Online plans and hardened hosts let only deployed modules add fields. The addon has exactly what the migration would
create; once it is installed, the load finds its models and fields there and links to them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from crm_pipeline.specs import Mapping
from crm_pipeline.staging.store import StagingStore, quote

_CLASSES = {
    "char": "Char", "text": "Text", "html": "Html", "integer": "Integer", "float": "Float", "boolean": "Boolean",
    "date": "Date", "datetime": "Datetime", "selection": "Selection", "many2one": "Many2one", "many2many": "Many2many",
}  # fmt: skip
_TEMPLATES = {
    "__init__.py.j2": "__init__.py", "__manifest__.py.j2": "__manifest__.py", "models/__init__.py.j2": "models/__init__.py",
    "access.csv.j2": "security/ir.model.access.csv", "views.xml.j2": "views/views.xml",
}  # fmt: skip


@dataclass(frozen=True)
class AddonModel:
    """A model of the addon: a new one where it has a ``label``, else one that is extended."""

    name: str
    label: str | None
    fields: list[dict[str, Any]]

    @property
    def class_name(self) -> str:
        """Python class, ``CrmLead`` for crm.lead."""
        return "".join(part.capitalize() for part in re.split(r"[._]", self.name))

    @property
    def file_name(self) -> str:
        """Python module, ``crm_lead`` for crm.lead."""
        return self.name.replace(".", "_")


def write_addon(store: StagingStore, mapping: Mapping, folder: Path) -> Path:
    """Write the addon ``<source>_custom_fields`` below ``folder`` from what is staged; returns its path.

    Raises:
        FileExistsError: when the addon's folder is there already.
    """
    path = folder / f"{mapping.name}_custom_fields"
    if path.exists():
        raise FileExistsError(f"{path} is there already; remove it, or choose another --out")
    models = _models(store)
    templates = Environment(
        loader=PackageLoader("crm_pipeline.odoo", "addon_templates"), undefined=StrictUndefined, autoescape=False,  # noqa: S701
        trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True,
    )  # fmt: skip
    templates.filters["python"] = repr
    facts = {
        "label": mapping.source.label, "models": models, "depends": _depends(mapping, models),
        "access": _rows(store, "ir_model_access", ["name", "model_id", "group_id", "perm_read", "perm_write", "perm_create", "perm_unlink"]),
        "views": _rows(store, "ir_ui_view", ["external_id", "name", "model", "inherit_id", "arch"]),
    }  # fmt: skip
    for template, file in _TEMPLATES.items():
        text = templates.get_template(template).render(facts)
        if text.strip() or file.endswith(".py"):
            _write(path / file, text)
    for model in models:
        _write(path / "models" / f"{model.file_name}.py", templates.get_template("models/model.py.j2").render(model=model))
    return path


def _models(store: StagingStore) -> list[AddonModel]:
    labels = {row["model"]: row["name"] for row in _rows(store, "ir_model", ["model", "name"])}
    options: dict[str, list[tuple[str, str]]] = {}
    for row in _rows(store, "ir_model_fields_selection", ["field_id", "value", "name"], order="sequence"):
        options.setdefault(row["field_id"], []).append((row["value"], row["name"]))
    fields: dict[str, list[dict[str, Any]]] = {model: [] for model in labels}
    columns = ["external_id", "model", "name", "field_description", "ttype", "help", "relation", "relation_table", "domain"]
    for row in _rows(store, "ir_model_fields", columns):
        arguments = {"string": row["field_description"], "help": row["help"], "domain": row["domain"]}
        if row["ttype"] == "selection":
            arguments = {"selection": options.get(row["external_id"], [])} | arguments
        if row["relation"]:
            arguments = {"comodel_name": row["relation"], "relation": row["relation_table"]} | arguments
        given = {name: value for name, value in arguments.items() if value is not None}
        fields.setdefault(row["model"], []).append({"name": row["name"], "type": _CLASSES[row["ttype"]], "arguments": given})
    return [AddonModel(name, labels.get(name), sorted(own, key=lambda f: f["name"])) for name, own in sorted(fields.items())]


def _depends(mapping: Mapping, models: list[AddonModel]) -> list[str]:
    """Modules that bring the extended models."""
    extended = {model.name for model in models if model.label is None}
    apps = {app for target in mapping.targets if target.model in extended for app in target.apps[:1]}
    return sorted(apps) or ["base"]


def _rows(store: StagingStore, table: str, columns: list[str], order: str = "_order") -> list[dict[str, Any]]:
    """Rows of a staged table; columns it doesn't have are ``None``."""
    if not store.has_table(f"staged.{table}"):
        return []
    known = store.columns(f"staged.{table}")
    select = ", ".join(quote(name) if name in known else f"NULL AS {quote(name)}" for name in columns)
    return store.frame(f"SELECT {select} FROM {quote(f'staged.{table}')} ORDER BY {order}, _order").to_dicts()


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
