"""What kind of file something is: by its name, else by its first bytes; the same on every machine."""

from __future__ import annotations

import mimetypes

#: Endings people attach and Python 3.11 doesn't know.
_MORE = {
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    ".odt": "application/vnd.oasis.opendocument.text",
    ".ods": "application/vnd.oasis.opendocument.spreadsheet",
    ".odp": "application/vnd.oasis.opendocument.presentation",
    ".msg": "application/vnd.ms-outlook",
    ".7z": "application/x-7z-compressed",
    ".rar": "application/vnd.rar",
    ".gz": "application/gzip",
    ".ics": "text/calendar",
    ".vcf": "text/vcard",
    ".md": "text/markdown",
    ".m4a": "audio/mp4",
}

#: First bytes → type. Office files are zip files: their names tell more.
_MAGIC = (
    (b"%PDF-", "application/pdf"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"PK\x03\x04", "application/zip"),
    (b"\x1f\x8b", "application/gzip"),
    (b"{\\rtf", "application/rtf"),
)
#: Bytes of a file's beginning that ``mime_of`` looks at.
HEAD = 16

#: Other spellings of a type, and types that say nothing.
_SAME = {
    "image/jpg": "image/jpeg",
    "image/pjpeg": "image/jpeg",
    "image/x-png": "image/png",
    "application/x-pdf": "application/pdf",
    "application/csv": "text/csv",
    "text/x-csv": "text/csv",
    "text/comma-separated-values": "text/csv",
    "application/x-zip-compressed": "application/zip",
    "application/x-zip": "application/zip",
    "application/x-gzip": "application/gzip",
    "application/x-rar-compressed": "application/vnd.rar",
    "application/xml": "text/xml",
    "text/rtf": "application/rtf",
    "text/x-vcard": "text/vcard",
    "audio/mp3": "audio/mpeg",
    "audio/wav": "audio/x-wav",
}
_UNSAID = frozenset({"", "application/octet-stream", "binary/octet-stream", "application/unknown"})
#: Browsers on Windows with Excel send CSV files as this.
_EXCEL_CSV = {"text/csv", "application/vnd.ms-excel"}


def _known_types() -> mimetypes.MimeTypes:
    types = mimetypes.MimeTypes()  # the built-in list, without the machine's own
    for ending, mime in _MORE.items():
        types.add_type(mime, ending)
    types.encodings_map.pop(".gz", None)
    return types


_TYPES = _known_types()


def mime_of(name: str, head: bytes) -> str | None:
    """The type a file's name tells, else its first bytes do; ``None`` when neither does."""
    # the ending only: guess_type takes 'data:...' for an address
    by_name, _ = _TYPES.guess_type("x" + name[name.rfind(".") :] if "." in name else "", strict=False)
    return by_name or next((mime for magic, mime in _MAGIC if head.startswith(magic)), None)


def types_agree(stated: str, found: str) -> bool:
    """Whether a stated type ('image/jpg', 'text/plain; charset=utf-8', 'PDF') means what was found, or says nothing."""
    plain = _normal(stated)
    return plain in _UNSAID or plain == _normal(found) or {plain, _normal(found)} == _EXCEL_CSV


def _normal(mime: str) -> str:
    plain = mime.partition(";")[0].strip().lower()
    if "/" not in plain:
        plain = mime_of("." + plain.lstrip("."), b"") or plain
    return _SAME.get(plain, plain)
