"""Proof of a load: read-back, row accounting, control totals, side effects."""
