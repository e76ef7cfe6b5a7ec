"""The allocator: memory that one training step frees stays at hand for the next."""

import ctypes
import sys

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # from glibc's malloc.h
_LARGEST = 2**30


def keep_freed_memory() -> None:
    """Let the C library keep freed blocks for reuse, where it is glibc.

    By default glibc gives every large block back to the system and gets it again, page by page and
    zeroed, at the next step: each step of a training frees and takes the same gigabytes. This holds
    for the rest of the process, whose memory stays at its peak. See mallopt(3).
    """
    if sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:  # other C libraries have none
        mallopt(_MMAP_THRESHOLD, _LARGEST)
        mallopt(_TRIM_THRESHOLD, 2**31 - 1)
