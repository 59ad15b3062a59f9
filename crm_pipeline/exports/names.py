"""File names of an export: which objects a file holds, and which part of them it is."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from crm_pipeline.specs import SourceSpec

SUFFIX = ".csv"
#: Endings of workbooks; those of older formats are recognized, so that their owner can be told what to do.
WORKBOOKS = frozenset({".xlsx", ".xlsm", ".xls", ".xlsb"})
_PART = re.compile(r"[ _-]*\(?part[ _-]*(?:no[ ._-]*)?(\d{1,4})\)?(?:[ _-]*of[ _-]*\d{1,4})?$|[_-](\d{1,4})$")


def fold_name(name: str) -> str:
    """A file name as it is compared: NFC, case-folded, blanks and '-' as '_'."""
    return re.sub(r"[ -]", "_", unicodedata.normalize("NFC", name).casefold().strip())


def fold_title(title: str) -> str:
    """A sheet's title as it is compared: NFC, case-folded, without outer and with single inner blanks."""
    return " ".join(unicodedata.normalize("NFC", title).casefold().split())


def match_files(spec: SourceSpec, name: str) -> tuple[tuple[str, ...], int] | None:
    """(objects, part) for a file name, ``None`` when it is no object's; a workbook may hold several.

    '<file>.csv' is part 1; '<file>_part2.csv', '<file> part 3.csv', '<file>-part-2.csv' and '<file>_2.csv' are parts.
    '<file> (1).csv' is what a browser calls a repeated download: no part.
    """
    stem, dot, suffix = unicodedata.normalize("NFC", name).casefold().rpartition(".")
    stems: dict[str, list[str]] = {}
    for object_name, spec_object in spec.objects.items():
        fits = dot + suffix == SUFFIX if spec_object.sheet is None else dot + suffix in WORKBOOKS
        if fits and spec_object.listed_in is None:
            for known in dict.fromkeys(map(fold_name, (spec_object.file, *spec_object.file_aliases))):
                stems.setdefault(known, []).append(object_name)
    if fold_name(stem) in stems:
        return tuple(stems[fold_name(stem)]), 1
    found = _PART.search(stem)
    if found is None or fold_name(stem[: found.start()]) not in stems:
        return None
    number = int(found.group(1) or found.group(2))
    objects = tuple(stems[fold_name(stem[: found.start()])])
    return (objects, number) if number >= (1 if found.group(1) else 2) else None


def is_named(name: str, stems: Sequence[str], *, workbook: bool) -> bool:
    """Whether a file name is one of ``stems`` with the ending of a workbook, or of a CSV."""
    stem, dot, suffix = unicodedata.normalize("NFC", name).casefold().rpartition(".")
    fits = dot + suffix in WORKBOOKS if workbook else dot + suffix == SUFFIX
    return fits and fold_name(stem) in {fold_name(known) for known in stems}
