"""The words that cross the process boundary: generated from protos/extender/v1 (make protos)."""
