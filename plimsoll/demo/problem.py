"""What stops the demo part-way, in one sentence."""


class DemoError(Exception):
    """A part of the demo failed; the message says which, and where its log is."""
