"""Repeat what is safe to repeat after time-outs and lost replies: attempts that look at Odoo before they write."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass

from crm_pipeline.odoo.errors import TransientError

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class RetryPolicy:
    """How long to insist after transient errors: exponential backoff with full jitter.

    Nine waits of up to 0.5, 1, 2 … 30 s bridge a server restart of a minute or two.
    """

    attempts: int = 10
    base: float = 0.5
    cap: float = 30.0
    sleep: Callable[[float], None] = time.sleep

    def wait(self, attempt: int) -> None:
        """Sleep before the given attempt (1 = the first repetition)."""
        self.sleep(random.uniform(0.1, 1.0) * min(self.cap, self.base * 2 ** (attempt - 1)))  # noqa: S311 - jitter

    def insist(self, what: str, attempt: Callable[[], None]) -> None:
        """Run ``attempt`` until it comes through.

        Args:
            what: named in the log.
            attempt: reads what is so and writes only what is missing.

        Raises:
            TransientError: when the destination stays out of reach.
        """
        number = 0
        while True:
            try:
                attempt()
            except TransientError as error:
                number += 1
                if number >= self.attempts:
                    raise
                logger.warning("%s: %s; reading what was done (attempt %d)", what, error, number + 1)
                self.wait(number)
            else:
                return
