"""Whose fault is it that a message cannot be read? Theirs: they speak another version."""


class MessageError(Exception):
    """A message says what this version does not know."""
