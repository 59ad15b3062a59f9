"""The content of a file of the export as Odoo takes it, read at the moment it is sent and proven to be what was staged."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path


class FileContentError(Exception):
    """A file of the drop is not there any more, or holds something else than when it was staged."""


def read_content(root: Path | None, cell: str) -> str:
    """Base64 of the file a cell names.

    Args:
        root: folder of the drop.
        cell: ``<SHA-1> <path below root>``; empty stays empty.

    Raises:
        FileContentError: the file can't be read, or its SHA-1 is another than the staged one.
    """
    if not cell:
        return ""
    digest, _, path = cell.partition(" ")
    if root is None:
        raise FileContentError(f"{path}: the folder of the export is not known; run migrate with the drop")
    try:
        content = (root / path).read_bytes()
    except OSError as error:
        raise FileContentError(f"{path}: can't be read from the export ({error.strerror}); put it back and run again") from error
    if hashlib.sha1(content, usedforsecurity=False).hexdigest() != digest:
        raise FileContentError(f"{path}: was changed after the export was read; run again, so that it is read anew")
    return base64.b64encode(content).decode()
