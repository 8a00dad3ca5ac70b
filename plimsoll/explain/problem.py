"""What keeps an explanation from a person?"""


class ExplainError(Exception):
    """Somebody must do something first; the message says what."""
