"""When the disk has it: what is written is there after a power cut, on Linux and on macOS."""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path

# What file systems answer that do not know F_FULLFSYNC (network, FAT): fsync is all that they offer.
_UNKNOWN = {errno.ENOTSUP, errno.EINVAL, errno.ENOTTY, errno.ENOSYS}


def sync_file(descriptor: int) -> None:
    """Wait until the file is on the disk, its length and times included.

    Raises:
        OSError: it is not, since the disk is full or broken.
    """
    if not _fully_synced(descriptor):
        os.fsync(descriptor)


def sync_data(descriptor: int) -> None:
    """Wait until the file's data are on the disk, without its times: half the wait of `sync_file` where Linux is.

    Raises:
        OSError: they are not, since the disk is full or broken.
    """
    data_only = getattr(os, "fdatasync", None)  # macOS has none
    if data_only is None:
        sync_file(descriptor)
    else:
        data_only(descriptor)


def sync_folder(folder: Path) -> None:
    """Wait until the folder's entries are on the disk: a renamed file would else have its old name after a cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        sync_file(descriptor)
    finally:
        os.close(descriptor)


def _fully_synced(descriptor: int) -> bool:
    """Whether macOS emptied the drive's cache, too; its fsync leaves data there, where a power cut takes them."""
    command = getattr(fcntl, "F_FULLFSYNC", None)
    if command is None:
        return False
    try:
        fcntl.fcntl(descriptor, command)
    except OSError as error:
        if error.errno not in _UNKNOWN:
            raise
        return False
    return True
