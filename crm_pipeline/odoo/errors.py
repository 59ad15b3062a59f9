"""What can go wrong between us and an Odoo database.

::

    DestinationError
    ├── TransientError            trying again may succeed
    │   ├── NotSentError          the request never left: repeating it is always safe
    │   ├── InDoubtError          sent, but no trustworthy answer: it may have been executed
    │   └── ConcurrencyError      Odoo rolled the transaction back (serialization, lock, 429): nothing was done
    └── TerminalError             trying again will give the same answer
        ├── ConfigurationError    URL, database, protocol or version do not fit
        ├── AuthenticationError   login or key refused
        ├── AccessRightsError     the user may not do this (AccessError)
        ├── DataError             Odoo refused the values (ValidationError, UserError, missing record …)
        └── CallError             wrong model, field, method or argument: a fault in a spec or in our code

Transient or terminal decides about retries; which transient one decides how.
"""

from __future__ import annotations


class DestinationError(Exception):
    """Any failure of a call to a destination.

    Args:
        message: what Odoo or the transport said, without secrets.
        call: ``model.method`` or the service that was called.
    """

    def __init__(self, message: str, *, call: str = "") -> None:
        self.message = message
        self.call = call
        super().__init__(f"{call}: {message}" if call else message)


class TransientError(DestinationError):
    """Trying again may succeed."""


class NotSentError(TransientError):
    """The request never reached the server (connection refused, name not resolved, TLS not established)."""


class InDoubtError(TransientError):
    """The request was sent and its outcome is unknown (time-out, reset, 5xx, truncated reply).

    Never repeat a write after this one: first look up by identity what exists.
    """


class ConcurrencyError(TransientError):
    """Odoo rolled the transaction back because of concurrency or load (serialization failure, lock, HTTP 429)."""


class TerminalError(DestinationError):
    """Trying again gives the same answer."""


class ConfigurationError(TerminalError):
    """URL, database, protocol or server version do not fit."""


class AuthenticationError(TerminalError):
    """Login, password or API key were refused."""


class AccessRightsError(TerminalError):
    """The migration user may not do this."""


class DataError(TerminalError):
    """Odoo refused the values (ValidationError, UserError, MissingError, database constraint).

    Args:
        message: what Odoo said.
        call: ``model.method``.
        detail: what PostgreSQL said of the row or key it refused: customer data, never shown or kept.
    """

    def __init__(self, message: str, *, call: str = "", detail: str = "") -> None:
        super().__init__(message, call=call)
        self.detail = detail


class CallError(TerminalError):
    """Wrong model, field, method or argument."""
