"""The words that cross the process boundary: generated from protos/autoscaler/v1 (make protos)."""
