"""Asking the autoscaler, and reading files."""
