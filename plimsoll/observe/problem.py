"""What keeps a comparison from a person?"""


class ObserveError(Exception):
    """Somebody must do something first; the message says what."""
