"""File names of an export: which object a file belongs to, and which part of it it is."""

from __future__ import annotations

import re
import unicodedata

from crm_pipeline.specs import SourceSpec

SUFFIX = ".csv"
_PART = re.compile(r"[ _-]*\(?part[ _-]*(?:no[ ._-]*)?(\d{1,4})\)?(?:[ _-]*of[ _-]*\d{1,4})?$|[_-](\d{1,4})$")


def fold_name(name: str) -> str:
    """A file name as it is compared: NFC, case-folded, blanks and '-' as '_'."""
    return re.sub(r"[ -]", "_", unicodedata.normalize("NFC", name).casefold().strip())


def match_file_name(spec: SourceSpec, name: str) -> tuple[str, int] | None:
    """(object, part) for a file name, ``None`` when it is no object's.

    '<file>.csv' is part 1; '<file>_part2.csv', '<file> part 3.csv', '<file>-part-2.csv' and '<file>_2.csv' are parts.
    '<file> (1).csv' is what a browser calls a repeated download: no part.
    """
    stem, dot, suffix = unicodedata.normalize("NFC", name).casefold().rpartition(".")
    if dot + suffix != SUFFIX:
        return None
    stems = {fold_name(spec_object.file): name for name, spec_object in spec.objects.items()}
    if fold_name(stem) in stems:
        return stems[fold_name(stem)], 1
    found = _PART.search(stem)
    if found is None or fold_name(stem[: found.start()]) not in stems:
        return None
    number = int(found.group(1) or found.group(2))
    return (stems[fold_name(stem[: found.start()])], number) if number >= (1 if found.group(1) else 2) else None
