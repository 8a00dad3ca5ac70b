"""Memory that was freed is there when it is wanted again, without asking the kernel for it."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

_PROGRAM = """
import resource
from kube.memory import keep_freed_memory

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

def use():
    parts = [bytes([1]) * 65536 for _ in range(64)]
    b"".join(parts)

def rounds():
    use()
    before = faults()
    for _ in range(20):
        use()
    return faults() - before

print(rounds())
keep_freed_memory()
print(rounds())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library than glibc keeps what it likes")
def test_freed_memory_is_used_again_without_asking_the_kernel() -> None:
    said = subprocess.run([sys.executable, "-c", _PROGRAM], check=True, capture_output=True, text=True).stdout
    before, kept = map(int, said.split())
    assert kept * 5 < before
