"""Reading what people export: drops, manifests, encodings, CSV, headings, values."""

from crm_pipeline.exports.audit import ExportAudit, FileAudit, read_object
from crm_pipeline.exports.drops import Drop, DropFile, list_drops, open_drop
from crm_pipeline.exports.errors import (
    DropNotFoundError,
    ExportError,
    ManifestError,
    Problem,
    UndecodableByteError,
    UnreadableFileError,
)
from crm_pipeline.exports.values import register_values

__all__ = [
    "Drop",
    "DropFile",
    "DropNotFoundError",
    "ExportAudit",
    "ExportError",
    "FileAudit",
    "ManifestError",
    "Problem",
    "UndecodableByteError",
    "UnreadableFileError",
    "list_drops",
    "open_drop",
    "read_object",
    "register_values",
]
