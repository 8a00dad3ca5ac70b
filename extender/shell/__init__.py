"""Translate and call, never choose: kube-scheduler's HTTP, the API server, metrics."""
