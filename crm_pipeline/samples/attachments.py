"""The few small real files of a sample's attachments folder."""

from __future__ import annotations

import base64
import unicodedata
from pathlib import Path

_PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
_PDF = (
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
    b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 100]>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
)

#: File name, MIME type, content.
FILES: tuple[tuple[str, str, bytes], ...] = (
    ("brochure.pdf", "application/pdf", _PDF),
    ("logo.png", "image/png", _PNG),
    ("Größen und Maße.txt", "text/plain", "S, M, L – auf Anfrage XL\n".encode()),
    ("prices 2026.csv", "text/csv", b"sku,price\nGTX-100,1299.00\nLIC-STD,49.00\n"),
    ("会议纪要.txt", "text/plain", "客户同意价格。\n".encode()),
)


def write_attachments(folder: Path, *, decomposed: bool) -> None:
    """Write the files into ``folder/attachments``; with ``decomposed`` their names are as macOS writes them (NFD)."""
    target = folder / "attachments"
    target.mkdir(parents=True, exist_ok=True)
    for name, _, content in FILES:
        (target / (unicodedata.normalize("NFD", name) if decomposed else name)).write_bytes(content)
