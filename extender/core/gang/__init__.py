"""The pods of a gang: planned all at once, and placed as planned or not at all."""
