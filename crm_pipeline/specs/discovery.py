"""What discovery is to know of a source CRM beside its contract (``mapping_specs/<source>/discovery.yaml``)."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from crm_pipeline.specs.source import Identifier, SpecModel

#: How records can be taken out of the CRM: by nothing but its screens, by an interface with limits, by one for bulk.
Access = Literal["files", "limited_api", "bulk_api"]


class NamesSpec(SpecModel):
    """Names that people could confuse when two of them are nearly alike."""

    title: str = Field(description="what they are names of")
    object: Identifier
    name: str = Field(description="DuckDB expression over the object's typed columns")


class DiscoverySpec(SpecModel):
    """How a CRM gives its data away, and which of its names are compared with each other."""

    access: Access = "files"
    access_note: str = Field(default="", description="what that means for the export, a sentence for the scope document")
    names: tuple[NamesSpec, ...] = ()
