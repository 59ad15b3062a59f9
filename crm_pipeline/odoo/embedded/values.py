"""Values given to ``create`` and ``write``, as Odoo converts and refuses them (ODOO_FACTS 2-4, seen on 17.0-19.0).

A converter takes what the caller gave and returns what is stored; None means empty.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from enum import IntEnum
from typing import Any

from crm_pipeline.odoo.destination import FieldSchema
from crm_pipeline.odoo.embedded.markup import Markup
from crm_pipeline.odoo.errors import DataError


class Command(IntEnum):
    """Odoo's x2many commands: the first item of ``(command, id, values or ids)``."""

    CREATE = 0
    UPDATE = 1
    DELETE = 2
    UNLINK = 3
    LINK = 4
    CLEAR = 5
    SET = 6


_COMMANDS = frozenset(Command)
Converter = Callable[[Any], Any]

EMPTY: dict[str, Any] = {"integer": 0, "float": 0.0, "monetary": 0.0, "boolean": False, "many2one_reference": 0}
_X2MANY = {"one2many", "many2many"}
_INT32 = range(-(2**31), 2**31)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}\Z")
_DATETIME = re.compile(r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}\Z")
#: datetimes of days that every month has, which need no look at the calendar
_EVERY_MONTHS = re.compile(r"(?!0000)[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8]) (?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]\Z")
_DATETIME_FORMAT = "%Y-%m-%d %H:%M:%S"


def empty_value(schema: FieldSchema) -> Any:
    """What ``read`` gives for an empty field."""
    return [] if schema.type in _X2MANY else EMPTY.get(schema.type, False)


def converter(model: str, schema: FieldSchema, markup: Markup) -> Converter:
    """The converter of a field; raises DataError when the value is refused."""
    label = f"{model}.{schema.name}"
    if schema.type == "html":
        return _html(markup, label)
    make = _MAKERS.get(schema.type, _any)
    return make(schema, label)


def _char(schema: FieldSchema, label: str) -> Converter:
    size = schema.size

    def convert(value: Any) -> Any:
        if value is False or value is None:
            return None
        if value.__class__ is not str:
            value = str(value)
        if "\x00" in value:
            message = f"{label}: A string literal cannot contain NUL (0x00) characters."
            raise DataError(message)
        return value[:size] if size else value  # longer values are cut silently (ODOO_FACTS 9)

    return convert


def _html(markup: Markup, label: str) -> Converter:
    def convert(value: Any) -> Any:
        if value is False or value is None:
            return None
        return markup.clean(str(value), label)

    return convert


def _integer(_schema: FieldSchema, label: str) -> Converter:
    def convert(value: Any) -> Any:
        if value is False or value is None:
            return None
        try:
            number = int(value)
        except (ValueError, TypeError):
            raise DataError(f"{label}: invalid literal for int() with base 10: {value!r}") from None
        if number not in _INT32:
            raise DataError(f"{label}: integer out of range: {number}")
        return number

    return convert


def _float(schema: FieldSchema, label: str) -> Converter:
    places = schema.digits[1] if schema.digits else (2 if schema.type == "monetary" else None)

    def convert(value: Any) -> Any:
        if value is False or value is None or value == "":
            return None
        try:
            number = float(value)
        except (ValueError, TypeError):
            raise DataError(f"{label}: could not convert string to float: {value!r}") from None
        return number if places is None else round_half_up(number, places)

    return convert


def round_half_up(number: float, places: int) -> float:
    """Odoo's float_round: halves away from zero, a value within a few ulps of a half counts as one."""
    scaled = number * 10**places
    nudged = abs(scaled) + abs(scaled) * 2**-52 * 2 + 0.5
    whole = nudged // 1
    return float((whole if number >= 0 else -whole) / 10**places)


def _boolean(_schema: FieldSchema, _label: str) -> Converter:
    return lambda value: bool(value) or None


def _date(_schema: FieldSchema, label: str) -> Converter:
    def convert(value: Any) -> Any:
        if not value:
            return None
        if not isinstance(value, str):
            raise DataError(f"{label}: a date is given as text 'YYYY-MM-DD', not {value!r}")
        text = value[:10]  # a time is cut (all versions)
        try:
            if _DATE.match(text):
                date.fromisoformat(text)
            else:
                text = datetime.strptime(text, "%Y-%m-%d").strftime("%Y-%m-%d")  # noqa: DTZ007 - a date
        except ValueError:
            raise DataError(f"{label}: time data {text!r} does not match format '%Y-%m-%d'") from None
        return text

    return convert


def parse_datetime(value: str) -> str:
    """A datetime text as Odoo reads it (shorter ones are allowed); raises ValueError."""
    if _EVERY_MONTHS.match(value):
        return value
    if _DATETIME.match(value):
        datetime.fromisoformat(value)
        return value
    # Odoo cuts its format to the text's length, less the two digits that %Y expands by
    return datetime.strptime(value, _DATETIME_FORMAT[: len(value) - 2]).strftime(_DATETIME_FORMAT)  # noqa: DTZ007 - UTC


def _datetime(_schema: FieldSchema, label: str) -> Converter:
    def convert(value: Any) -> Any:
        if not value:
            return None
        if not isinstance(value, str):
            raise DataError(f"{label}: a datetime is given as text 'YYYY-MM-DD HH:MM:SS', not {value!r}")
        try:
            return parse_datetime(value)
        except ValueError as error:
            raise DataError(f"{label}: {error}") from None

    return convert


def _selection(schema: FieldSchema, label: str) -> Converter:
    known = frozenset(schema.selection)

    def convert(value: Any) -> Any:
        if value is False or value is None or value == "":
            return None
        if value not in known and known:
            raise DataError(f"Wrong value for {label}: {value!r}")
        return value

    return convert


def _many2one(_schema: FieldSchema, label: str) -> Converter:
    def convert(value: Any) -> Any:
        if not value:
            return None
        if value.__class__ is not int:
            raise DataError(f"Wrong value for {label}: {value!r}")
        return value

    return convert


def _x2many(_schema: FieldSchema, label: str) -> Converter:
    def convert(value: Any) -> list[tuple[Any, ...]]:
        """A list of commands; a plain list of ids sets them."""
        if not value:
            return [(Command.CLEAR,)]
        if not isinstance(value, (list, tuple)):
            raise DataError(f"Wrong value for {label}: {value!r}")
        if not isinstance(value[0], (list, tuple)):
            return [(Command.SET, 0, list(value))]
        for command in value:
            if not isinstance(command, (list, tuple)) or not command or command[0] not in _COMMANDS:
                raise DataError(f"Wrong value for {label}: {command!r}")
        return [tuple(command) for command in value]

    return convert


def _any(_schema: FieldSchema, _label: str) -> Converter:
    return lambda value: None if value is False or value is None else value


def apply_commands(current: list[int], commands: list[tuple[Any, ...]]) -> list[int]:
    """The ids of a many2many after commands 3-6 (link, unlink, clear, set); 0-2 are done before."""
    ids = dict.fromkeys(current)
    for command in commands:
        if command[0] == Command.SET:
            ids = dict.fromkeys(command[2])
        elif command[0] == Command.CLEAR:
            ids.clear()
        elif command[0] == Command.LINK:
            ids[command[1]] = None
        elif command[0] in {Command.DELETE, Command.UNLINK}:
            ids.pop(command[1], None)
    return list(ids)


_MAKERS: Mapping[str, Callable[[FieldSchema, str], Converter]] = {
    "char": _char,
    "text": _char,
    "integer": _integer,
    "many2one_reference": _integer,
    "float": _float,
    "monetary": _float,
    "boolean": _boolean,
    "date": _date,
    "datetime": _datetime,
    "selection": _selection,
    "many2one": _many2one,
    "one2many": _x2many,
    "many2many": _x2many,
}
