"""Landlock: a process of Linux gives up files and the network for good. https://docs.kernel.org/userspace-api/landlock.html

The kernel is called through ctypes: the one library on PyPI has only alpha releases.
"""

import ctypes
import os
from collections.abc import Iterable
from pathlib import Path

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446  # system calls, the same numbers on every architecture
ASK_VERSION, PATH_BENEATH, NO_NEW_PRIVILEGES = 1, 1, 38
WRITE_FILE, READ_FILE, READ_DIR, TRUNCATE = 1 << 1, 1 << 2, 1 << 3, 1 << 14
FILE_RIGHTS_OF_VERSION = (0, 13, 14, 15, 15, 16)  # how many there are; every later version has the last number
READ = READ_FILE | READ_DIR
EXECUTE = 1 << 0
ALL_OF_NETWORK, ALL_SCOPES = 0b11, 0b11  # TCP bind and connect; abstract sockets and signals


class _Ruleset(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("network", ctypes.c_uint64), ("scopes", ctypes.c_uint64))


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("rights", ctypes.c_uint64), ("folder", ctypes.c_int32))


def version() -> int:
    """Landlock's version here; 0 where there is none."""
    if os.uname().sysname != "Linux":
        return 0
    return max(0, _system_call(CREATE_RULESET, None, ctypes.c_size_t(0), ASK_VERSION))


def restrict(readable: Iterable[Path], writable: Iterable[Path]) -> None:
    """From now on this process reads only beneath `readable`, writes only beneath `writable`, and starts no program.

    It opens no TCP connection (version 4) and sends no signal to other processes (version 6). Raises OSError where
    the kernel refuses.
    """
    found = version()
    files = (1 << FILE_RIGHTS_OF_VERSION[min(found, 5)]) - 1
    ruleset = _Ruleset(files, ALL_OF_NETWORK if found >= 4 else 0, ALL_SCOPES if found >= 6 else 0)
    size = 24 if found >= 6 else 16 if found >= 4 else 8
    handle = _called(CREATE_RULESET, ctypes.byref(ruleset), ctypes.c_size_t(size), 0)
    try:
        for path in readable:
            _allow(handle, path, READ & files)
        for path in writable:
            _allow(handle, path, files & ~EXECUTE)
        if _library().prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0):
            raise OSError(ctypes.get_errno(), "no_new_privs")
        _called(RESTRICT_SELF, handle, 0)
    finally:
        os.close(handle)


def _allow(ruleset: int, path: Path, rights: int) -> None:
    try:
        handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return  # what is not there needs no rule
    try:
        of_files = rights if path.is_dir() else rights & (WRITE_FILE | READ_FILE | TRUNCATE)
        _called(ADD_RULE, ruleset, PATH_BENEATH, ctypes.byref(_PathBeneath(of_files, handle)), 0)
    finally:
        os.close(handle)


def _library() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _system_call(number: int, *arguments) -> int:
    call = _library().syscall
    call.restype = ctypes.c_long
    return call(ctypes.c_long(number), *arguments)


def _called(number: int, *arguments) -> int:
    result = _system_call(number, *arguments)
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result
