"""How much of the memory that it has freed does a program keep? As much as it takes to read a page of a list.

glibc gives what is free at the end of its heap back to the kernel as soon as it is some MiB. A page of a list is read,
decoded and let go, twenty times for ten thousand pods, and to fetch that memory from the kernel each time anew costs as
much CPU as the decoding.
"""

from __future__ import annotations

import contextlib
import ctypes

_M_TOP_PAD = -2  # malloc.h
_KEPT = 16 * 2**20  # bytes: several pages of pods while they are read, in parts and in one piece


def keep_freed_memory() -> None:
    """Let this process keep up to 16 MiB that it has freed; where the C library is not glibc, nothing is changed."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(_M_TOP_PAD, _KEPT)
