from __future__ import annotations

from pathlib import Path

import pytest

from crm_pipeline.staging.store import StagingStore
from crm_pipeline_tests.exports.folders import THINGS, codes, drop, raw_rows, read, source, write

HEAD = "Thing ID,Name,Amount\n"


def rows(count: int, first: int = 1) -> str:
    return HEAD + "".join(f"T{n},name {n},{n}\n" for n in range(first, first + count))


def manifest(*lines: str) -> str:
    return "\n".join(["Object,File,Part,Parts,Rows In File,Records In UI,Row Cap", *lines, ""])


def audited(store: StagingStore, folder: Path, files: dict[str, str | bytes]) -> tuple[list[str], list[str]]:
    """Codes of blocking problems and of warnings."""
    audit = read(store, write(folder / "drop", files))
    assert audit.is_blocked == bool(audit.problems)
    return codes(audit.problems), codes(audit.warnings)


@pytest.mark.parametrize(
    ("line", "count", "problems"),
    [
        ("Thing,things.csv,1,1,5,5,100", 5, []),
        ("Thing,things.csv,,,5,,", 5, []),
        ("Thing,things.csv,1,1,6,6,100", 5, ["row_count_mismatch", "export_truncated"]),
        ("Thing,things.csv,1,1,4,,100", 5, ["row_count_mismatch"]),
        ("Thing,things.csv,1,1,5,9,100", 5, ["export_truncated"]),
        ("Thing,things.csv,1,1,5,4,100", 5, ["row_count_mismatch"]),
        ("Thing,things.csv,1,1,5,,5", 5, ["export_truncated"]),
        ("Thing,things.csv,1,1,5,5,5", 5, []),
        ("Thing,things.csv,1,1,100,,", 100, ["export_truncated"]),  # the cap of the spec
        ("Thing,things.csv,1,1,101,,", 101, []),
        ("Thing,things.csv,1,2,5,5,100", 5, ["missing_file"]),
        ("Thing,things_part2.csv,2,2,5,5,100", 5, ["missing_file"]),
        ("Thing,,,,5,5,", 5, []),
        ("Thing,other.csv,,,0,,", 5, []),
    ],
)
def test_counts_are_compared_with_the_manifest(
    store: StagingStore, tmp_path: Path, line: str, count: int, problems: list[str]
) -> None:
    found, _ = audited(store, tmp_path, {"things.csv": rows(count), "export_manifest.csv": manifest(line)})
    assert found == problems


def test_parts_count_together(store: StagingStore, tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "things.csv": rows(5),
        "things_part2.csv": rows(3, 6),
        "export_manifest.csv": manifest("Thing,things.csv,1,2,5,8,5", "Thing,things_part2.csv,2,2,3,8,5"),
    }
    assert audited(store, tmp_path, files) == ([], [])
    assert raw_rows(store, "_row_id, _file, _row")[4:6] == [(5, "things.csv", 6), (6, "things_part2.csv", 2)]


def test_without_a_manifest_only_the_cap_can_tell(store: StagingStore, tmp_path: Path) -> None:
    assert audited(store, tmp_path, {"things.csv": rows(99)}) == ([], ["no_manifest"])
    assert audited(store, tmp_path, {"things.csv": rows(100)}) == (["export_truncated"], ["no_manifest"])


def test_a_full_part_is_complete_when_a_part_that_is_not_full_follows(store: StagingStore, tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {"things.csv": rows(100), "things_part2.csv": rows(3, 101)}
    assert audited(store, tmp_path, files) == ([], ["no_manifest"])
    files = {"things.csv": rows(100), "things_part2.csv": rows(100, 101)}
    assert audited(store, tmp_path, files) == (["export_truncated"], ["no_manifest"])


def test_missing_parts_block(store: StagingStore, tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {"things.csv": rows(2), "things_part3.csv": rows(2, 3)}
    assert audited(store, tmp_path, files) == (["missing_file"], ["no_manifest"])


def test_two_files_for_one_part_block(store: StagingStore, tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {"things.csv": rows(2), "things_part1.csv": rows(2)}
    assert audited(store, tmp_path, files)[0] == ["duplicate_part"]


def test_a_required_file_must_be_there_but_not_in_a_delta(store: StagingStore, tmp_path: Path) -> None:
    spec = source({"things": THINGS | {"required": True}})
    audit = read(store, write(tmp_path / "full", {}), spec)
    assert codes(audit.problems) == ["missing_file"]
    assert "things.csv is missing" in audit.problems[0].message
    audit = read(store, write(tmp_path / "delta", {"deleted_records.csv": "Object,Record ID\n"}), spec)
    assert audit.problems == ()


def test_an_optional_file_that_is_missing_gives_an_empty_table(store: StagingStore, tmp_path: Path) -> None:
    audit = read(store, write(tmp_path / "drop", {}))
    assert (audit.rows, audit.problems, audit.missing_optional) == (0, (), ())
    assert raw_rows(store) == []


def test_the_manifest_lists_a_file_that_is_missing(store: StagingStore, tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {"export_manifest.csv": manifest("Thing,things.csv,1,1,5,5,")}
    audit = read(store, write(tmp_path / "drop", files))
    assert codes(audit.problems) == ["missing_file"]
    assert audit.problems[0].message.startswith("export_manifest.csv, row 2 lists things.csv, which is not in drop")


@pytest.mark.parametrize(
    "heading", ["Thing ID", "thing_id", " THING-ID ", '"Thing\nID"', "Thing\u00a0ID", "thing.id", "ThingID"]
)
def test_headings_match_whatever_their_case_blanks_and_punctuation(
    store: StagingStore, tmp_path: Path, heading: str
) -> None:
    audit = read(store, write(tmp_path / "drop", {"things.csv": f"{heading},Title\nT1,a\n"}))
    assert audit.problems == ()
    assert audit.missing_optional == ("amount",)
    assert raw_rows(store) == [("T1", "a", None)]


def test_a_missing_required_column_blocks(store: StagingStore, tmp_path: Path) -> None:
    audit = read(store, write(tmp_path / "drop", {"things.csv": "Name,Amount\na,1\n"}))
    assert codes(audit.problems) == ["missing_required_column"]
    assert audit.problems[0].message.startswith("things.csv has no column 'Thing ID'.")


def test_unknown_columns_are_listed_and_kept(store: StagingStore, tmp_path: Path) -> None:
    spec = source({"things": THINGS | {"custom_prefix": "CF:"}})
    text = 'Thing ID,Score,CF: Size,cf :Colour,CFO,"Odd\none",\nT1,9,L,red,Ann,x,\nT2,,,,,,lost\n'
    audit = read(store, write(tmp_path / "drop", {"things.csv": text}), spec)
    assert audit.custom_columns == ("CF: Size", "cf :Colour")
    assert audit.unknown_columns == ("Score", "CFO", "Odd one", "(column 7)")
    assert codes(audit.warnings) == ["unmapped_column", "no_manifest"]
    extra = raw_rows(
        store, "_extra['Score'], _extra['CF: Size'], _extra['cf :Colour'], _extra['Odd one'], _extra['(column 7)']"
    )
    assert extra == [("9", "L", "red", "x", None), (None, None, None, None, "lost")]


def test_an_empty_column_without_heading_is_nothing(store: StagingStore, tmp_path: Path) -> None:
    audit = read(store, write(tmp_path / "drop", {"things.csv": "Thing ID,Name,,\nT1,a,,\n"}))
    assert audit.unknown_columns == ()


def test_a_heading_may_repeat_only_with_the_same_values(store: StagingStore, tmp_path: Path) -> None:
    audit = read(store, write(tmp_path / "same", {"things.csv": "Thing ID,Name,name\nT1,a,a\nT2,,\n"}))
    assert audit.problems == ()
    audit = read(store, write(tmp_path / "other", {"things.csv": "Thing ID,Name,name\nT1,a,a\nT2,b,c\n"}))
    assert codes(audit.problems) == ["duplicate_heading"]
    assert "'Name' twice, with different values in 1 rows" in audit.problems[0].message


def test_a_columns_own_heading_is_preferred_to_an_alias(store: StagingStore, tmp_path: Path) -> None:
    audit = read(store, write(tmp_path / "drop", {"things.csv": "Title,Thing ID,Name\nMr,T1,a\n"}))
    assert raw_rows(store) == [("T1", "a", None)]
    assert audit.unknown_columns == ("Title",)


def test_parts_may_have_their_columns_in_another_order(store: StagingStore, tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {"things.csv": rows(1), "things_part2.csv": "Amount;Old ref;thing id\n5;x;T2\n"}
    audit = read(store, write(tmp_path / "drop", files))
    assert raw_rows(store) == [("T1", "name 1", "1"), ("T2", None, "5")]
    assert audit.missing_optional == ()
    assert audit.unknown_columns == ("Old ref",)


def test_one_unreadable_part_does_not_hide_the_others(store: StagingStore, tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {"things.csv": b"", "things_part2.csv": rows(2)}
    audit = read(store, write(tmp_path / "drop", files))
    assert codes(audit.problems) == ["unreadable_file"]
    assert [(f.name, f.rows) for f in audit.files] == [("things_part2.csv", 2)]


def test_reading_again_replaces_what_was_read(store: StagingStore, tmp_path: Path) -> None:
    read(store, write(tmp_path / "a", {"things.csv": rows(5)}))
    read(store, write(tmp_path / "b", {"things.csv": rows(2)}))
    assert len(raw_rows(store)) == 2


def test_values_are_read_with_the_drops_zone_and_order(store: StagingStore, tmp_path: Path) -> None:
    text = "Object,File,Time Zone,Date Format\nThing,things.csv,Europe/Berlin,MM/DD/YYYY\n"
    folder = write(tmp_path / "drop", {"things.csv": rows(1), "export_manifest.csv": text})
    audit = read(store, folder)
    assert (
        (audit.time_zone, audit.date_order)
        == (drop(folder).time_zone, drop(folder).date_order)
        == ("Europe/Berlin", "mdy")
    )
