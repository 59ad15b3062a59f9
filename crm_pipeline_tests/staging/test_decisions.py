"""Decisions about values and rows: what they do to typed rows, fates and issues, and what is said of those that can't be followed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm_pipeline.exports import open_drop, read_object
from crm_pipeline.migration.export_checks import read_objects
from crm_pipeline.migration.resolutions import ResolutionFileError, read_row_decisions, read_value_decisions
from crm_pipeline.reports.decisions import waiting_rows, waiting_values
from crm_pipeline.reports.queues import write_queues, write_workbook
from crm_pipeline.specs import Mapping
from crm_pipeline.staging.decision_outcomes import accept_warnings, decision_counts, unused_decisions
from crm_pipeline.staging.store import StagingStore
from crm_pipeline.verification.accounting import environment_fates
from crm_pipeline_tests.exports.folders import source, write
from crm_pipeline_tests.staging.accounting import accounting
from crm_pipeline_tests.staging.typed_rows import accepted, fates, issues

SPEC = source(
    {
        "stages": {
            "label": "Stage", "file": "stages", "key": "id",
            "columns": {"id": {"heading": "ID", "type": "key", "required": True}, "name": {"heading": "Stage Name"}},
            "derive": {"stage_key": "'main/' || fold(name)"},
        },
        "deals": {
            "label": "Deal", "file": "deals", "key": "id", "newest_by": "changed",
            "columns": {
                "id": {"heading": "Deal ID", "type": "key", "required": True},
                "stage": {"heading": "Deal Stage", "aliases": ["dealstage"], "required": True},
                "status": {"heading": "Status", "type": "enum", "values": ["Open", "Won"], "required": True},
                "tags": {"heading": "Tags", "type": "enums", "values": ["Red", "Blue", "Light, airy"]},
                "day": {"heading": "Close Day", "type": "date"},
                "changed": {"heading": "Changed", "type": "dt"},
            },
            "derive": {"stage_key": "'main/' || fold(stage)"},
            "references": [{"column": "stage_key", "to": "stages", "to_column": "stage_key", "reason": "unknown_stage", "decided_by": "stage"}],
            "rules": [{"when": "day IS NULL", "reason": "no_day", "fate": "warn", "message": "the day is blank."}],
        },
    }
)  # fmt: skip
HEAD = "Deal ID,Deal Stage,Status,Tags,Close Day,Changed\n"
STAGES = "ID,Stage Name\n1,Quote\n2,Negotiation\n"
VALUES, ROWS = "object,column,source_value,decision,target_value\n", "object,key,decision,column,new_value\n"
DAY = "01/02/2024"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StagingStore]:
    with StagingStore(tmp_path_factory.mktemp("store") / "test.duckdb") as opened:
        yield opened


def read(store: StagingStore, folder: Path, deals: str, values: str = "", rows: str = "") -> None:
    folder.mkdir(exist_ok=True)
    for name, head, lines in (("values", VALUES, values), ("rows", ROWS, rows)):
        (folder / f"{name}.csv").write_text(head + lines, encoding="utf-8")
    drop = open_drop(SPEC, write(folder / "drop-full", {"deals.csv": HEAD + deals, "stages.csv": STAGES}))
    read_value_decisions(store, folder, SPEC.objects)
    read_row_decisions(store, folder, SPEC.objects)
    read_objects(store, Mapping(SPEC, ()), drop)
    assert accounting(store, SPEC)["balanced"].all()


def done(store: StagingStore) -> list[tuple[Any, ...]]:
    return store.rows('SELECT key, decision, "column", before, after FROM ops.decided ORDER BY row_id, "column"')


def test_values_are_mapped_without_regard_to_case_and_spacing(store: StagingStore, tmp_path: Path) -> None:
    deals = f"D1,negotation,Open,,{DAY},\nD2, NEGOTATION  x,Opn,,{DAY},\nD3,Quote,OPN ,,{DAY},\n"
    read(store, tmp_path, deals, "deals,dealstage,Negotation,map,negotiation\ndeals,deal_stage,negotation x,map,Quote\ndeals,STATUS,opn,map,won\n")
    assert accepted(store, "deals", "id, stage, status") == [("D1", "negotiation", "Open"), ("D2", "Quote", "Won"), ("D3", "Quote", "Won")]
    assert store.rows("SELECT stage, status FROM raw.deals WHERE id = 'D2'") == [(" NEGOTATION  x", "Opn")], "raw shows what was exported"
    assert done(store) == [
        ("D1", "map", "stage", "negotation", "negotiation"), ("D2", "map", "stage", " NEGOTATION  x", "Quote"),
        ("D2", "map", "status", "Opn", "won"), ("D3", "map", "status", "OPN ", "won"),
    ]  # fmt: skip
    assert (fates(store, "deals"), issues(store, "deals"), unused_decisions(store, accepts=False)) == ([], [], ())


def test_values_are_blanked_and_rows_with_them_left_out(store: StagingStore, tmp_path: Path) -> None:
    deals = f"D1,Quote,Open,,soon,\nD2,Quote,Odd,,{DAY},\nD3,Quote,Open,,Soon,\n"
    read(store, tmp_path, deals, "deals,Close Day,SOON,blank,\ndeals,Status,odd,skip_row,\n")
    assert accepted(store, "deals", "id, day") == [("D1", None), ("D3", None)]
    assert store.rows("SELECT key, fate, reason, detail FROM ops.fate") == [
        ("D2", "excluded", "skipped_by_decision", "Status 'odd' (values.csv, row 3)")
    ]
    assert {reason for _, _, _, reason, _ in issues(store, "deals")} == {"no_day"}, "a blank is not unreadable"
    assert decision_counts(store) | {"values_blanked": 2, "rows_skipped": 1} == decision_counts(store)


def test_of_several_values_in_a_cell_each_is_decided_about(store: StagingStore, tmp_path: Path) -> None:
    deals = f'D1,Quote,Open,Red;Crimson; Sky,{DAY},\nD2,Quote,Open,"Light, airy",{DAY},\nD3,Quote,Open,Grey,{DAY},\nD4,Quote,Open,Mud|Red,{DAY},\n'
    read(store, tmp_path, deals)
    assert waiting_values(store)["source_value"].to_list() == ["Crimson", "Grey", "Mud", "Sky"]
    read(store, tmp_path, deals, "deals,Tags,crimson,map,Red\ndeals,Tags,Sky,map,blue\ndeals,Tags,Grey,blank,\ndeals,Tags,mud,skip_row,\n")
    assert accepted(store, "deals", "id, tags") == [("D1", ["Red", "Blue"]), ("D2", ["Light, airy"]), ("D3", None)]
    assert [fate[1:] for fate in fates(store, "deals")] == [("excluded", "skipped_by_decision")]
    assert (issues(store, "deals"), waiting_values(store).height) == ([], 0)


def test_rows_are_fixed_cell_by_cell_and_skipped_with_a_reason(store: StagingStore, tmp_path: Path) -> None:
    deals = f"D1,Quot,Opn,,{DAY},\nD2,Quote,Odd,,{DAY},\nD3,Quote,Open,,{DAY},\n"
    rows = "deals,D1,fix,deal stage,Quote\ndeals,D1,fix,Status,Won\ndeals,D2,skip,,'=a test of ours\ndeals,D3,fix,Close Day,2024-12-31\n"
    read(store, tmp_path, deals, "deals,Status,opn,map,Open\n", rows)
    assert accepted(store, "deals", "id, stage, status, day::VARCHAR") == [
        ("D1", "Quote", "Won", "2024-02-01"), ("D3", "Quote", "Open", "2024-12-31"),
    ]  # fmt: skip
    assert store.value("SELECT detail FROM ops.fate") == "=a test of ours (rows.csv, row 4)"
    assert decision_counts(store)["rows_fixed"] == 2
    assert decision_counts(store)["values_mapped"] == 0, "what was decided about the row counts"


def test_rows_without_a_key_of_their_own_are_named_by_their_place(store: StagingStore, tmp_path: Path) -> None:
    deals = f',Quote,Open,,{DAY},\nD2,Quote,Open,,{DAY},\nD2,Quote,Won,,{DAY},\n"x"y,,,,,\nD5,Quote,Open,,{DAY},\n'
    read(store, tmp_path, deals)
    environment_fates(store, Mapping(SPEC, ()), "sandbox")
    waiting = waiting_rows(store, Mapping(SPEC, ()))
    assert dict(zip(waiting["key"], waiting["reason"], strict=True)) == {
        "deals.csv:2": "blank_key", "deals.csv:4": "duplicate_primary_key", "deals.csv:5": "malformed_row",
    }  # fmt: skip
    deals = deals.replace(DAY, "soon", 1)
    rows = "deals,deals.csv:2,fix,Deal ID,D1\ndeals,Deals.csv:3,skip,,the wrong one\ndeals,deals.csv:5,skip,,a page break\ndeals,deals.csv:6,skip,,no\n"
    read(store, tmp_path, deals, rows=rows)
    assert accepted(store, "deals", "id, status") == [("D1", "Open"), ("D2", "Won"), ("D5", "Open")]
    assert {fate[1:] for fate in fates(store, "deals")} == {("excluded", "skipped_by_decision")}
    environment_fates(store, Mapping(SPEC, ()), "sandbox")
    assert set(waiting_rows(store, Mapping(SPEC, ()))["key"]) == {"deals.csv:2"}, "named as it was when its key was given"
    assert unused_decisions(store, accepts=False) == (
        "rows.csv, row 5: deals has no row at deals.csv:6 without a key of its own; the decision is not used",
    )


def test_no_older_version_takes_the_place_of_one_left_out_for_a_value(store: StagingStore, tmp_path: Path) -> None:
    deals = f"D1,Quote,Open,,{DAY},2024-01-01\nD1,Quote,Odd,,{DAY},2024-02-01\n"
    read(store, tmp_path, deals, "deals,Status,Odd,skip_row,\n")
    assert accepted(store, "deals", "id") == []
    assert fates(store, "deals") == [(2, "quarantined", "duplicate_primary_key"), (3, "excluded", "skipped_by_decision")]


def test_accepted_warnings_are_no_longer_open(store: StagingStore, tmp_path: Path) -> None:
    deals = "D1,Quote,Open,Mud,soon,\nD2,Quote,Open,Mud,soon,\nD3,Quote,Open,Mud,,\n"
    read(store, tmp_path, deals, rows="deals,D1,accept,,\ndeals,D2,accept,close day,\ndeals,D3,accept,no_day,\n")
    accept_warnings(store)
    assert [(row, reason) for row, _, _, reason, _ in issues(store, "deals")] == [(3, "unknown_value"), (3, "no_day"), (4, "unknown_value")]
    taken = store.rows("SELECT key, before, reason FROM ops.decided ORDER BY key, reason")
    assert taken == [("D1", "soon", "bad_value"), ("D1", None, "no_day"), ("D1", "Mud", "unknown_value"), ("D2", "soon", "bad_value"), ("D3", None, "no_day")]
    assert store.rows('SELECT source_value, "rows" FROM ops.open_value') == [("Mud", 2)]


def test_decisions_nothing_answers_to_are_told(store: StagingStore, tmp_path: Path) -> None:
    read(store, tmp_path, f"D1,Quote,Open,,{DAY},\n", "deals,Status,Odd,map,Open\n", "deals,D9,fix,Status,Open\ndeals,D1,accept,,\n")
    assert unused_decisions(store, accepts=False) == (
        "values.csv, row 2: no row of deals has status 'Odd'; the decision is not used",
        "rows.csv, row 2: deals has no row with the key D9; the decision is not used",
    )
    assert unused_decisions(store, accepts=True) == ("rows.csv, row 3: there is no such warning of deals D1; the decision is not used",)


def test_the_exported_sheets_themselves_are_filled_in(store: StagingStore, tmp_path: Path) -> None:
    deals = f"D1,Quote,-odd,,{DAY},\nD2,Quote,Open,,{DAY},\nD2,Limbo,Won,,{DAY},\n"
    read(store, tmp_path, deals)
    environment_fates(store, Mapping(SPEC, ()), "sandbox")
    values = waiting_values(store).with_columns(decision=pl.lit("map"), target_value=pl.lit("Won"))
    rows = waiting_rows(store, Mapping(SPEC, ())).filter(pl.col("key") == "deals.csv:4")
    rows = rows.with_columns(decision=pl.lit("skip"), column=pl.lit(""), new_value=pl.lit("twice"))
    write_workbook(tmp_path / "done" / "all.xlsx", {"values": values, "rows": rows})
    read_value_decisions(store, tmp_path / "done", SPEC.objects)
    read_row_decisions(store, tmp_path / "done", SPEC.objects)
    found = store.rows("SELECT source_value, target_value FROM ops.value_decision"), store.rows("SELECT key, decision FROM ops.row_decision")
    assert found == ([("-odd", "Won")], [("deals.csv:4", "skip")])
    (tmp_path / "csv").mkdir()
    write_queues(tmp_path / "csv", {"values": values})
    (tmp_path / "csv" / "queue_values.csv").rename(tmp_path / "csv" / "values.csv")
    read_value_decisions(store, tmp_path / "csv", SPEC.objects)
    assert store.rows("SELECT source_value FROM ops.value_decision") == [("-odd",)], "without the apostrophe that spreadsheets need"


@pytest.mark.parametrize(
    ("values", "rows", "said"),
    [
        ("dealz,Status,x,blank,\n", "", "values.csv, row 2, object 'dealz': is no object of the export; there are stages, deals"),
        ("deals,State,x,map,Open\n", "", "values.csv, row 2, column 'State': is no column of deals; it has Deal ID, Deal Stage"),
        ("deals,Deal ID,x,map,D1\n", "", "column 'Deal ID': is the key of deals"),
        ("deals,Status,x,map,Lost\n", "", "target_value 'Lost': is none of the listed values; 'Status' may be Open, Won"),
        ("deals,Tags,x,map,Red;Pink\n", "", "'Tags' may be Red, Blue, Light, airy"),
        ("deals,Close Day,x,map,31/02/2024\n", "", "target_value '31/02/2024': is no date in the export's order"),
        ("deals,Status,x,blank,\n", "", "decision 'blank': 'Status' must not be blank; map it, or skip_row"),
        ("deals,Deal Stage,Quote,map,Quot\n", "", "values.csv, row 2, target_value 'Quot': leads nowhere; there are main/quote, main/negotiation"),
        ("deals,Status,x,keep,\n", "", "decision 'keep': say one of map, blank, skip_row"),
        ("deals,Status,x,map,\n", "", "target_value '': map needs the value to take instead"),
        ("deals,Status,,blank,\n", "", "source_value '': is blank; say what this decides about"),
        ("deals,Status,x,map,Won\ndeals,status,X,map,Open\n", "", "row 3, source_value 'X': was decided in row 2 already"),
        ("", "deals,D1,fix,,x\n", "rows.csv, row 2, column '': is blank; say which cell is to be replaced"),
        ("", "deals,D1,fix,Stat,x\n", "rows.csv, row 2, column 'Stat': is no column of deals"),
        ("", "deals,D1,fix,Status,x\n", "rows.csv, row 2, new_value 'x': is none of the listed values; 'Status' may be Open, Won"),
        ("", "deals,D1,fix,Deal Stage,Quot\n", "new_value 'Quot': leads nowhere; there are main/quote, main/negotiation"),
        ("", "deals,D1,skip,,\n", "new_value '': skip needs a new_value"),
        ("", "deals,D1,skip,Status,x\n", "skip is about the whole row and takes no column"),
        ("", "deals,D1,accept,,x\n", "new_value 'x': accept takes no new_value"),
        ("", "deals,D1,accept,Stat,\n", "column 'Stat': is no column of deals, nor the reason of a warning"),
        ("", "deals,D2,accept,Status,\n", "key 'D2': has an error, which can't be accepted; fix it or skip the row. deals.csv, row 3"),
        ("", "deals,,skip,,x\n", "key '': is blank"),
        ("", "deals,D1,skip,,x\ndeals,D1,fix,Status,Won\n", "row 2, key 'D1': is skipped here, and other lines decide about it too"),
    ],
)  # fmt: skip
def test_a_wrong_decision_is_refused_with_its_place(store: StagingStore, tmp_path: Path, values: str, rows: str, said: str) -> None:
    with pytest.raises(ResolutionFileError) as error:
        read(store, tmp_path, f"D1,Quote,Open,,{DAY},\nD2,Quote,Odd,,{DAY},\n", values, rows)
    assert said in str(error.value)


cells = st.tuples(
    st.sampled_from(["D1", "D2", "D3", ""]), st.sampled_from(["Quote", "quot", "QUOT "]), st.sampled_from(["Open", "odd", " ODD", ""]),
    st.sampled_from(["", "Red;mud", "MUD"]), st.sampled_from(["", DAY, "soon"]), st.sampled_from(["", "2024-01-01", "2024-02-01"]),
).map(",".join)  # fmt: skip
broken = st.sampled_from(['"x"y,,,,,', "D1,Quote"])


@settings(max_examples=4, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(
    lines=st.lists(cells | cells | cells | broken, min_size=1, max_size=8),
    stage=st.sampled_from(["map,Quote", "skip_row,"]), status=st.sampled_from(["map,Won", "skip_row,"]),
    tags=st.sampled_from(["map,Blue", "blank,", "skip_row,"]), day=st.sampled_from(["fix,Close Day,2024-05-05", "skip,,why"]),
)  # fmt: skip
def test_whatever_is_decided_the_accounts_balance_and_raw_is_as_exported(
    store: StagingStore, tmp_path_factory: pytest.TempPathFactory, lines: list[str], stage: str, status: str, tags: str, day: str
) -> None:
    folder = tmp_path_factory.mktemp("drop")
    columns = "_file, _row, _problem, id, stage, status, tags, day, changed"
    deals = "\n".join([*lines, ""])
    values = f"deals,Deal Stage,quot,{stage}\ndeals,Status,odd,{status}\ndeals,Tags,mud,{tags}\n"
    read(store, folder, deals, values, f"deals,D2,{day}\ndeals,deals.csv:2,skip,,first\n")
    raw = store.rows(f"SELECT {columns} FROM raw.deals ORDER BY _row_id")
    read_object(store, SPEC, "deals", open_drop(SPEC, folder / "drop-full"))
    assert store.rows(f"SELECT {columns} FROM raw.deals ORDER BY _row_id") == raw
    reasons = "SELECT count(*) FROM ops.fate WHERE reason IN ('unknown_value', 'unknown_stage')"
    assert store.value(reasons) == 0, "every unknown value was decided about"
    skips = store.value("SELECT count(*) FROM ops.fate WHERE reason = 'skipped_by_decision'")
    assert skips == decision_counts(store)["rows_skipped"]
