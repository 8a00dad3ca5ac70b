"""What went wrong on this machine, said to the person who has to act."""


class LocalProblem(Exception):  # noqa: N818  it names what the person meets; "error" says nothing more
    """The local control plane cannot go on; the message says what is wrong and what to do."""
