"""Figures and ratios of the pipeline; see README.md. Nothing here is a test."""
