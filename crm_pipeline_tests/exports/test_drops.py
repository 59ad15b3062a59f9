from __future__ import annotations

from pathlib import Path

import pytest

from crm_pipeline.exports import (
    Drop,
    DropNotFoundError,
    ManifestError,
    UnreadableFileError,
    list_drops,
    open_drop,
    read_object,
)
from crm_pipeline.exports.drops import open_with_base
from crm_pipeline.exports.errors import NoFullDropError
from crm_pipeline.staging.store import StagingStore
from crm_pipeline_tests.exports.folders import THINGS, codes, drop, raw_rows, source, write

CSV = "Thing ID,Name,Amount\nT1,a,1\n"


def test_drops_are_listed_by_name(tmp_path: Path) -> None:
    for name in ("2026-11-02-delta", "2026-10-31-full", ".trash"):
        (tmp_path / name).mkdir()
    (tmp_path / "notes.txt").write_text("no drop")
    assert list_drops(tmp_path) == ["2026-10-31-full", "2026-11-02-delta"]
    assert list_drops(tmp_path / "missing") == []


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(DropNotFoundError, match="nowhere is not a folder"):
        drop(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("things.csv", 1), ("THINGS.CSV", 1), ("Things_part2.csv", 2), ("things part 3.csv", 3), ("things-part-4.csv", 4),
        ("things_5.csv", 5), ("things_part10.csv", 10), ("things (part 2).csv", 2), ("things_part1.csv", 1),
        ("things (1).csv", None), ("things_1.csv", None), ("things2.csv", None), ("things_old.csv", None),
        ("things.csv.bak", None), ("things.xlsx", None), ("nothings.csv", None), ("things_part.csv", None),
    ],
)  # fmt: skip
def test_file_names_say_object_and_part(tmp_path: Path, name: str, part: int | None) -> None:
    opened = drop(write(tmp_path / "drop", {name: CSV}))
    assert {object_: [f.part for f in files] for object_, files in opened.files.items()} == (
        {"things": [part]} if part else {}
    )
    assert opened.unrecognised == (() if part else (name,))


def test_parts_come_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    names = ["things_part10.csv", "things.csv", "things_part2.csv", "things part 9.csv"]
    opened = drop(write(tmp_path / "drop", dict.fromkeys(names, CSV)))
    assert [f.name for f in opened.files["things"]] == [
        "things.csv",
        "things_part2.csv",
        "things part 9.csv",
        "things_part10.csv",
    ]


def test_a_name_that_ends_like_a_part_is_its_own_object(tmp_path: Path) -> None:
    spec = source({"things": THINGS, "second": THINGS | {"file": "things_2"}})
    opened = drop(write(tmp_path / "drop", {"things.csv": CSV, "things_2.csv": CSV}), spec)
    assert {name: [f.name for f in files] for name, files in opened.files.items()} == {
        "things": ["things.csv"],
        "second": ["things_2.csv"],
    }


def test_the_fingerprint_is_of_names_and_contents_that_count(tmp_path: Path) -> None:
    first = drop(write(tmp_path / "a", {"things.csv": CSV})).fingerprint
    assert drop(write(tmp_path / "b", {"things.csv": CSV, "readme.txt": "hello"})).fingerprint == first
    others = [
        {"things.csv": CSV + "T2,b,2\n"},
        {"things.csv": CSV.replace("a", "b")},
        {"Things.csv": CSV},
        {"things.csv": CSV, "deleted_records.csv": "Object,Record ID\n"},
        {"things.csv": CSV, "export_manifest.csv": "Object,File\nThing,things.csv\n"},
    ]
    found = {drop(write(tmp_path / f"c{n}", files)).fingerprint for n, files in enumerate(others)}
    assert len(found | {first}) == 6


def test_a_list_of_deleted_records_makes_a_delta(tmp_path: Path) -> None:
    assert not drop(write(tmp_path / "full", {"things.csv": CSV})).is_delta
    delta = drop(write(tmp_path / "delta", {"things.csv": CSV, "Deleted_Records.csv": "Object,Record ID\n"}))
    assert delta.is_delta
    assert delta.unrecognised == ()


def manifest(tmp_path: Path, **cells: str) -> str:
    """A manifest of one row with cells changed by their headings."""
    row = {"Object": "Thing", "File": "things.csv", "Rows In File": "1", "Time Zone": "", "Date Format": ""}
    row |= {name.replace("_", " "): value for name, value in cells.items()}
    return ",".join(row) + "\n" + ",".join(f'"{value}"' for value in row.values()) + "\n"


@pytest.mark.parametrize(
    ("text", "zone"),
    [
        ("Europe/Berlin", "Europe/Berlin"), ("europe/berlin", "Europe/Berlin"), ("Asia/Kolkata (IST)", "Asia/Kolkata"),
        ("(GMT+05:30) Chennai, Kolkata", "Asia/Kolkata"), ("(GMT+01:00) Berlin", "+01:00"), ("UTC", "UTC"), ("GMT", "UTC"),
        ("+05:30", "Asia/Kolkata"), ("UTC+2", "+02:00"), ("-03:30", "-03:30"), ("(UTC) London", "UTC"), ("", "Asia/Kolkata"),
        ("(GMT+05:30) Asia/Kolkata", "Asia/Kolkata"), ("America/Argentina/Buenos_Aires", "America/Argentina/Buenos_Aires"),
    ],
)  # fmt: skip
def test_time_zones_as_screens_show_them(tmp_path: Path, text: str, zone: str) -> None:
    opened = drop(write(tmp_path / "drop", {"export_manifest.csv": manifest(tmp_path, Time_Zone=text)}))
    assert opened.time_zone == zone


def test_the_specs_zone_is_meant_by_its_standard_offset(tmp_path: Path) -> None:
    folder = write(tmp_path / "drop", {"export_manifest.csv": manifest(tmp_path, Time_Zone="(GMT+10:00) Sydney")})
    assert drop(folder, source(time_zone="Australia/Sydney")).time_zone == "Australia/Sydney"
    assert drop(folder, source(time_zone="Australia/Perth")).time_zone == "+10:00"


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("DD/MM/YYYY", "dmy"), ("dd-mm-yyyy", "dmy"), ("D.M.YY", "dmy"), ("MM/DD/YYYY", "mdy"), ("m/d/yyyy hh:mm AM", "mdy"),
        ("YYYY-MM-DD", "ymd"), ("yyyy/mm/dd HH:mm:ss", "ymd"), ("ISO 8601", "ymd"), ("DD MMM YYYY", "dmy"), ("", "dmy"),
        ("YYYY-MM-DDTHH:mm:ss", "ymd"),
    ],
)  # fmt: skip
def test_date_formats_as_screens_show_them(tmp_path: Path, text: str, order: str) -> None:
    opened = drop(write(tmp_path / "drop", {"export_manifest.csv": manifest(tmp_path, Date_Format=text)}))
    assert opened.date_order == order


@pytest.mark.parametrize(
    ("cells", "says"),
    [
        ({"Time_Zone": "IST"}, "row 2, column 'Time Zone': 'IST' is no time zone we know for certain"),
        ({"Time_Zone": "Kolkata"}, "'Kolkata' is no time zone"),
        ({"Time_Zone": "+25:00"}, "'+25:00' is no time zone"),
        ({"Date_Format": "day first"}, "row 2, column 'Date Format': 'day first' is no date format we know"),
        ({"Date_Format": "DD/YYYY"}, "is no date format"),
        ({"Rows_In_File": "about 5"}, "row 2, column 'Rows In File': 'about 5' is not a whole number"),
        ({"Rows_In_File": "-1"}, "is not a whole number"),
        ({"Rows_In_File": "1.5"}, "is not a whole number"),
    ],
)
def test_an_unreadable_cell_of_the_manifest_is_named(tmp_path: Path, cells: dict[str, str], says: str) -> None:
    folder = write(tmp_path / "drop", {"export_manifest.csv": manifest(tmp_path, **cells)})
    with pytest.raises(ManifestError) as caught:
        drop(folder)
    assert says in str(caught.value)
    assert str(caught.value).startswith("export_manifest.csv, row 2")


@pytest.mark.parametrize(
    ("heading", "first", "second"),
    [
        ("Time Zone", "Asia/Kolkata", "Europe/Berlin"),
        ("Date Format", "DD/MM/YYYY", "MM/DD/YYYY"),
        ("Rows In File", "5", "6"),
        ("Records In UI", "5", "6"),
    ],
)
def test_rows_of_the_manifest_must_not_contradict_each_other(
    tmp_path: Path, heading: str, first: str, second: str
) -> None:
    text = f"Object,File,{heading}\nThing,things.csv,{first}\nThing,things.csv,{second}\n"
    with pytest.raises(ManifestError, match=f"row 3, column '{heading}': .* contradicts row 2"):
        drop(write(tmp_path / "drop", {"export_manifest.csv": text}))


def test_manifest_rows_find_their_object(tmp_path: Path) -> None:
    text = (
        "OBJECT;file;Rows-In-File;Records In UI\r\n"
        "Things;;1;1,234\r\nTHING;;2;\r\n;THINGS.csv;3;\r\nany;things_part2;4;\r\nLoans;loans.csv;5;\r\n;;;\r\n"
    )
    opened = drop(write(tmp_path / "drop", {"Export_Manifest.csv": text.encode("utf-16")}))
    assert opened.manifest is not None
    assert [(r.row, r.object, r.rows_in_file, r.records_in_ui) for r in opened.manifest.rows] == [
        (2, "things", 1, 1234), (3, "things", 2, None), (4, "things", 3, None), (5, "things", 4, None), (6, None, 5, None),
    ]  # fmt: skip


def test_a_manifest_without_its_headings_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError, match=r"has none of the headings Object and File"):
        drop(write(tmp_path / "drop", {"export_manifest.csv": "a,b\n1,2\n"}))


def layers(root: Path, *drops: tuple[str, dict[str, str]]) -> Drop:
    """Write drops and open the last with what it is laid over."""
    for name, files in drops:
        write(root / name, files)
    return open_with_base(source(), root, drops[-1][0])


FULL = ("1-full", {"things.csv": "Thing ID,Name,Amount\nT1,a,1\n"})


def test_a_delta_is_read_with_the_full_export_and_the_deltas_before_it(tmp_path: Path, store: StagingStore) -> None:
    drop = layers(tmp_path, ("0-full", {}), FULL, ("2-delta", {"things.csv": "Thing ID,Name,Amount\nT2,b,2\n"}), ("3-delta", {}))
    assert [layer.name for layer in drop.layers] == ["1-full", "2-delta", "3-delta"]
    audit = read_object(store, source(), "things", drop)
    assert [file.name for file in audit.files] == ["things.csv", "2-delta/things.csv"]
    assert codes(audit.problems) == []
    assert raw_rows(store, "_file, thing_id") == [("things.csv", "T1"), ("2-delta/things.csv", "T2")]


def test_a_delta_without_a_column_would_empty_it(tmp_path: Path, store: StagingStore) -> None:
    drop = layers(tmp_path, FULL, ("2-delta", {"things.csv": "Thing ID,Name\nT1,b\n"}))
    (problem,) = read_object(store, source(), "things", drop).problems
    assert problem.code == "missing_column"
    assert "2-delta/things.csv has no column Amount, which things.csv has" in problem.message


def test_a_delta_without_manifest_has_the_conventions_of_what_it_is_laid_over(tmp_path: Path, store: StagingStore) -> None:
    stated = "Object,File,Rows In File,Time Zone,Date Format\nthings,things.csv,1,Europe/Berlin,MM/DD/YYYY\n"
    full = ("1-full", FULL[1] | {"export_manifest.csv": stated})
    drop = layers(tmp_path, full, ("2-delta", {"things.csv": "Thing ID,Name,Amount\nT2,b,2\n"}))
    assert (drop.time_zone, drop.date_order) == ("Europe/Berlin", "mdy")
    assert codes(read_object(store, source(), "things", drop).problems) == []


def test_a_delta_alone_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(NoFullDropError, match="no full export lies before it"):
        layers(tmp_path, ("2-delta", {}))


@pytest.mark.parametrize(
    ("name", "deleted", "is_delta"),
    [("2026-11-15", True, True), ("2026-11-15", False, False), ("2026-11-15_Delta", False, True), ("2026-11-15-full", True, False)],
)
def test_what_makes_a_drop_a_delta(tmp_path: Path, name: str, *, deleted: bool, is_delta: bool) -> None:
    files = {"deleted_records.csv": "Object,Record ID\n"} if deleted else {}
    assert open_drop(source(), write(tmp_path / name, files)).is_delta is is_delta
