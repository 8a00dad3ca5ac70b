"""Prometheus in, replica counts out."""
