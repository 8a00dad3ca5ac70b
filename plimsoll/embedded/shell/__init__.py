"""Translates and calls: HTTP in, watches, and the loops of the controllers and the scheduler."""
