"""Translate and call, never choose: Prometheus, the API server, our own metrics and pages."""
