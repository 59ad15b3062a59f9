"""What can be wrong with a delivered export.

ExportError
├── DropNotFoundError       the folder is not there
├── NoFullDropError         a delta has no full drop before it
├── ManifestError           a cell of the manifest can't be used
└── UnreadableFileError     a file as a whole can't be read
    └── UndecodableByteError    because of a byte that is not in its encoding

A fault that concerns one object only (a missing column, a wrong count) is a ``Problem`` of its audit instead.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


class ExportError(Exception):
    """Base of all errors of this package."""


class DropNotFoundError(ExportError):
    """The folder of a drop does not exist."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        super().__init__(f"{folder} is not a folder. Put the exported files there, or name another drop.")


class NoFullDropError(ExportError):
    """A delta without the full drop that it changes."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            f"{folder} holds only what changed, and no full export lies before it in {folder.parent}. Put the full export there, under "
            "a name that sorts before it."
        )


class ManifestError(ExportError):
    """A cell of the manifest that can't be used."""

    def __init__(self, file: str, row: int, column: str, value: str, reason: str) -> None:
        self.file, self.row, self.column, self.value, self.reason = file, row, column, value, reason
        super().__init__(f"{file}, row {row}, column '{column}': '{value}' {reason}")


class UnreadableFileError(ExportError):
    """A file that can't be read as a whole."""

    def __init__(self, file: str, reason: str) -> None:
        self.file, self.reason = file, reason
        super().__init__(f"{file} {reason}")


class UndecodableByteError(UnreadableFileError):
    """A byte that does not exist in the file's encoding."""

    def __init__(self, file: str, encoding: str, byte: int, offset: int, advice: str) -> None:
        self.encoding, self.byte, self.offset = encoding, byte, offset
        super().__init__(file, f"can't be read as {encoding}: byte 0x{byte:02X} at offset {offset}. {advice}")


@dataclass(frozen=True)
class Problem:
    """A fault of one object's export; blocking or a warning by where it is listed.

    Attributes:
        code: short name, for instance 'missing_required_column'.
        message: one or two sentences: file, what happened, what to do.
        file: the file concerned, when it is one.
    """

    code: str
    message: str
    file: str | None = None
