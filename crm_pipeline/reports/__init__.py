"""What people read after a run: the reconciliation report, and the quarantine and queues as files."""

from crm_pipeline.reports.preflight import build_preflight_page
from crm_pipeline.reports.reconciliation import build_report

__all__ = ["build_preflight_page", "build_report"]
