from __future__ import annotations

from crm_pipeline.orchestration.progress import ProgressLog


def test_lines_come_at_intervals_with_rate_and_time_left() -> None:
    now = [0.0]
    lines: list[str] = []
    log = ProgressLog(lines.append, clock=lambda: now[0])
    for step in range(1, 101):
        now[0] = step * 0.1
        log("load crm.lead", step * 40, 4000)
    assert lines[0] == "load crm.lead: 840 of 4,000 rows (21%), 420 rows/s, about 8 s left"
    assert lines[-1] == "load crm.lead: 4,000 of 4,000 rows (100%), 404 rows/s, 9.9 s"
    assert len(lines) == 5


def test_phases_are_counted_apart_and_nothing_is_divided_by_zero() -> None:
    lines: list[str] = []
    log = ProgressLog(lines.append, clock=lambda: 5.0)
    log("load res.users", 0, 0)
    log("verify res.users", 3, 3)
    assert lines == ["load res.users: 0 of 0 rows (100%)", "verify res.users: 3 of 3 rows (100%)"]
