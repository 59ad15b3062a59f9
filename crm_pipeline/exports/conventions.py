"""An account's conventions as its screens show them: the time zone, and the order of day, month and year."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

_MAX_HOURS = 14
_OFFSET = re.compile(
    r"\(?\s*(?:utc|gmt)?\s*(?P<sign>[-+−])\s*(?P<hours>\d{1,2}):?(?P<minutes>[0-5]\d)?\s*(?:\)|$)", re.IGNORECASE
)
_NO_OFFSET = re.compile(r"(?:etc/)?(?:utc|gmt|z)|\(\s*(?:utc|gmt)\s*\).*", re.IGNORECASE)
_PATH = re.compile(r"[A-Za-z_]+(?:/[A-Za-z_+-]+[0-9]*)+")


@lru_cache(maxsize=1)
def _known_zones() -> dict[str, str]:
    """Folded name → name of the zones with a place; looking them up reads hundreds of files."""
    return {name.casefold(): name for name in available_timezones() if "/" in name and not name.startswith("Etc/")}


def read_time_zone(text: str, account: str) -> str | None:
    """The zone a text means: an IANA name or '±HH:MM'; ``None`` when it is not certain ('IST' is three zones).

    Read are IANA names alone or within other text ('Asia/Kolkata (IST)'), UTC and GMT, and offsets ('+05:30',
    '(GMT+05:30) Chennai'). An offset alone is that offset; where ``account``, the zone of the spec, has it as its
    standard time, that zone is meant (a screen shows '(GMT+10:00) Sydney' in summer too).
    """
    text = text.strip()
    known = _known_zones()
    for candidate in _PATH.findall(text):
        if candidate.casefold() in known:
            return known[candidate.casefold()]
    if _NO_OFFSET.fullmatch(text):
        return "UTC"
    stated = _OFFSET.match(text)
    if stated is None or int(stated["hours"]) > _MAX_HOURS:
        return None
    sign = "+" if stated["sign"] == "+" else "-"
    offset = f"{sign}{int(stated['hours']):02d}:{stated['minutes'] or '00'}"
    if offset == _standard_offset(account):
        return account
    return "UTC" if offset[1:] == "00:00" else offset


def _standard_offset(zone: str) -> str:
    offsets = (datetime(2024, month, 1, tzinfo=ZoneInfo(zone)).utcoffset() or timedelta() for month in (1, 7))
    minutes = int(min(offsets) / timedelta(minutes=1))
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"


def read_date_order(text: str) -> str | None:
    """'dmy', 'mdy' or 'ymd' for a date format such as 'DD/MM/YYYY hh:mm'; ``None`` when it is none we know."""
    if re.fullmatch(r"\s*iso(?:[ -]?8601)?\s*", text, re.IGNORECASE):
        return "ymd"
    day = re.split(r"t?h", text.casefold(), maxsplit=1)[0]  # what follows hours is the time: 'mm' are minutes there
    parts = re.findall(r"d+|m+|y+", day)
    order = "".join(part[0] for part in parts)
    rest = re.sub(r"d+|m+|y+|[\s/.,'-]", "", day)
    return order if order in ("dmy", "mdy", "ymd") and not rest else None
