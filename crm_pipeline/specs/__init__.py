"""The mapping language: what YAML under ``mapping_specs/`` may say, and how it is read."""

from crm_pipeline.specs.loader import Mapping, SpecError, list_sources, load_automations, load_discovery, load_mapping
from crm_pipeline.specs.source import ColumnSpec, DerivedSpec, ObjectSpec, SourceSpec
from crm_pipeline.specs.target import FieldSpec, SourceBlock, TargetSpec

__all__ = [
    "ColumnSpec",
    "DerivedSpec",
    "FieldSpec",
    "Mapping",
    "ObjectSpec",
    "SourceBlock",
    "SourceSpec",
    "SpecError",
    "TargetSpec",
    "list_sources",
    "load_automations",
    "load_discovery",
    "load_mapping",
]
