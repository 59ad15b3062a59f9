"""Errors of the operations: what can't be done, and what to do about it."""

from __future__ import annotations


class MigrationError(Exception):
    """The migration can't go on; the message says what to do."""
