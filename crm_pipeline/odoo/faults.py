"""Which error of :mod:`crm_pipeline.odoo.errors` an answer of Odoo is.

Odoo names the exception class in JSON-RPC (``error.data.name``) and JSON-2 (``name``); XML-RPC gives a fault code and
text (ODOO_FACTS 13). Class names and texts below were seen on 17.0, 18.0 and 19.0.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from crm_pipeline.odoo.destination import LoadMessage, LoadResult
from crm_pipeline.odoo.errors import (
    AccessRightsError,
    AuthenticationError,
    CallError,
    ConcurrencyError,
    ConfigurationError,
    DataError,
    DestinationError,
    InDoubtError,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

#: the last part of the exception's class name → what it is
CLASS_OF_NAME: dict[str, type[DestinationError]] = {
    "UserError": DataError,
    "ValidationError": DataError,
    "MissingError": DataError,
    "RedirectWarning": DataError,
    "IntegrityError": DataError,
    "NotNullViolation": DataError,
    "ForeignKeyViolation": DataError,
    "UniqueViolation": DataError,
    "CheckViolation": DataError,
    "ExclusionViolation": DataError,
    "RestrictViolation": DataError,
    "DataError": DataError,
    "NumericValueOutOfRange": DataError,
    "StringDataRightTruncation": DataError,
    "Error": DataError,  # binascii.Error: bad base64 in ir.attachment.datas
    "AccessDenied": AuthenticationError,
    "Unauthorized": AuthenticationError,
    "SessionExpiredException": AuthenticationError,
    "AccessError": AccessRightsError,
    "SerializationFailure": ConcurrencyError,
    "TransactionRollbackError": ConcurrencyError,
    "TransactionRollback": ConcurrencyError,
    "LockNotAvailable": ConcurrencyError,
    "DeadlockDetected": ConcurrencyError,
    "InFailedSqlTransaction": ConcurrencyError,
    "ConcurrencyError": ConcurrencyError,
    "LockError": ConcurrencyError,
    "PoolError": ConcurrencyError,
    "OperationalError": InDoubtError,
    "InterfaceError": InDoubtError,
}

_SERIALIZATION = re.compile(
    r"could not serialize access|deadlock detected|could not obtain lock|TransactionRollback|SerializationFailure"
    r"|LockNotAvailable|DeadlockDetected|current transaction is aborted",
)
#: ValueErrors about a value rather than about the call (all versions)
_BAD_VALUE = re.compile(
    r"^Wrong value for |time data .* does not match format|unconverted data remains|could not convert string"
    r"|invalid literal for|cannot contain NUL|Invalid isoformat|Incorrect padding|Only base64 data is allowed"
    r"|out of range|Cannot convert .* to ",
)
_NO_MODEL = re.compile(r"^Object \S+ doesn't exist$")
_NO_DATABASE = re.compile(r'database "(?P<name>[^"]*)" does not exist')
#: PostgreSQL's words in a traceback that ends with Odoo's own error
_DETAIL = re.compile(r"^DETAIL:\s+(?P<detail>.*?)\n\s*\nThe above exception was", re.DOTALL | re.MULTILINE)
#: XML-RPC fault codes (all versions); any other is an unexpected exception with its traceback
_REFUSED, _DENIED, _FORBIDDEN = 2, 3, 4
_PRIVATE = re.compile(r"^Private methods? ")


def fault(name: str, message: str, *, call: str, debug: str = "") -> DestinationError:
    """The error for an exception Odoo reports.

    Args:
        name: the exception's class, with or without its module, for example ``odoo.exceptions.UserError``.
        message: its text.
        call: ``model.method``.
        debug: the server's traceback, where the answer has one.
    """
    text = message.strip() or name
    short = name.rpartition(".")[2]
    missing = _NO_DATABASE.search(text)
    if missing:
        return no_database(missing["name"], call=call)
    if _SERIALIZATION.search(text) or _SERIALIZATION.search(short):
        return ConcurrencyError(text, call=call)
    if _NO_MODEL.match(text) or _PRIVATE.match(text):
        return CallError(text, call=call)
    if short in {"ValueError", "TypeError", "OverflowError"} and _BAD_VALUE.search(text):
        return DataError(text, call=call)
    if short == "AccessDenied":
        return refused(call=call)
    kind = CLASS_OF_NAME.get(short, CallError)
    detail = _DETAIL.search(debug) if kind is DataError else None
    return DataError(text, call=call, detail=detail["detail"]) if detail else kind(text, call=call)


def fault_of_xmlrpc(code: int, text: str, *, call: str) -> DestinationError:
    """The error for an XML-RPC fault; code 1 carries a whole traceback whose last line names the exception."""
    if code == _DENIED:
        return refused(call=call)
    if code == _FORBIDDEN:
        return fault("odoo.exceptions.AccessError", text, call=call)
    if code == _REFUSED:
        return fault("odoo.exceptions.UserError", text, call=call)
    lines = [line for line in text.splitlines() if line.strip()]
    # the exception's line is the last one that starts at the margin with "package.Class: "
    for index in range(len(lines) - 1, -1, -1):
        named = re.match(r"(?P<name>[A-Za-z_][\w.]*): ?(?P<message>.*)", lines[index])
        if named and not lines[index].startswith((" ", "Traceback", "DETAIL", "HINT", "CONTEXT", "LINE")):
            message = "\n".join([named["message"], *lines[index + 1 :]])
            return fault(named["name"], message, call=call)
    return CallError(lines[-1] if lines else "unknown fault", call=call)


def refused(*, call: str) -> AuthenticationError:
    """Login or key refused, with what to do."""
    message = (
        "Odoo refused the login or its API key (it does not say which); check LOGIN and API_KEY, and that the key has not "
        "expired: user menu > Preferences > Account Security lists the keys. With two-factor authentication a password is "
        "never taken, only a key"
    )
    return AuthenticationError(message, call=call)


def no_database(name: str, *, call: str) -> ConfigurationError:
    """The database does not exist on this server."""
    message = f"there is no database {name!r} on this server; check DB (the name is case-sensitive)"
    return ConfigurationError(message, call=call)


def load_result(answer: Any, rows: Sequence[Sequence[Any]], *, call: str) -> LoadResult:
    """``load``'s answer as :class:`LoadResult`.

    Messages may be plain strings on database errors (ODOO_FACTS 3). A serialization failure is only a message there,
    with nothing written: it is raised as ConcurrencyError.
    """
    if not isinstance(answer, dict) or "ids" not in answer:
        message = f"load of {len(rows)} rows answered {type(answer).__name__}, expected ids and messages"
        raise InDoubtError(message, call=call)
    messages = tuple(_load_message(item) for item in answer.get("messages") or ())
    ids = answer["ids"] or None
    if ids is None:
        for item in messages:
            if _SERIALIZATION.search(item.message):
                raise ConcurrencyError(item.message, call=call)
    return LoadResult(list(ids) if ids else ([] if not rows and not messages else None), messages)


def _load_message(item: Any) -> LoadMessage:
    if isinstance(item, str):
        return LoadMessage(None, None, item, "error")
    span = item.get("rows") or {}
    row = span.get("from", item.get("record"))
    field = item.get("field")
    if isinstance(field, (list, tuple)):
        field = "/".join(str(part) for part in field)
    severity = "warning" if item.get("type") == "warning" else "error"
    return LoadMessage(
        row if isinstance(row, int) and not isinstance(row, bool) else None,
        str(field) if field else None,
        str(item.get("message") or "").strip(),
        severity,  # type: ignore[arg-type]
    )
