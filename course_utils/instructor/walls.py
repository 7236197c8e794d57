"""The system's walls around a student's process on Linux: limits, Landlock for files, a filter of system calls."""

import ctypes
import os
import signal
import struct
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]
HIDDEN = PACKAGE / "exercises"  # and with it the solutions
SYSTEM = ("/usr/lib", "/usr/lib64", "/usr/share", "/lib", "/lib64", "/proc", "/sys/devices/system", "/etc/localtime",
          "/etc/ld.so.cache", "/etc/fonts", "/dev/null", "/dev/zero", "/dev/urandom", "/dev/random")  # fmt: skip
LIBC = ctypes.CDLL(None, use_errno=True)
MEMORY = 2 * 2**30  # bytes that an answer may have, beyond what the lesson holds
FILE_SIZE = 10 * 2**20  # of each file that it writes


def end_with_parent(parent: int | None = None) -> None:
    """Have the system end this process when the thread that started it ends; at once where `parent` has ended."""
    if sys.platform == "linux":
        LIBC.prctl(DIE_WITH_PARENT, signal.SIGKILL)
        if parent is not None and os.getppid() != parent:
            os._exit(1)


def unlimited() -> list[str]:
    """What this system does not limit, in words."""
    if sys.platform != "linux":
        return ["memory", "files", "the network", "other programs and processes"]
    missing = [] if _landlock_version() else ["files"]
    return missing + ([] if _filters_calls() else ["the network", "other programs and processes", "rights of files"])


def build_walls(seconds: float, readable: Iterable[Path], writable: Path) -> None:
    """Limit this process for good, as far as the system can: time, memory, and files to what lies beneath these paths.

    It has no network, starts no process or thread, sends no signal, has its user's rights, and ends with its parent.
    """
    import resource  # not on Windows

    limits = {"CPU": int(seconds) + 6, "FSIZE": FILE_SIZE, "NOFILE": 256, "NPROC": 0, "CORE": 0}
    if sys.platform == "linux":
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        limits["AS"] = pages * resource.getpagesize() + MEMORY
    for name, value in limits.items():
        resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (value, value))
    if sys.platform != "linux":
        return
    end_with_parent()
    LIBC.prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    LIBC.capset((ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)())  # of version 3, and none of them
    if _landlock_version():
        _restrict_files(readable, [writable, Path("/dev/null")])
    if _filters_calls():
        _refuse_calls()


def readable_paths() -> list[Path]:
    """Python, its libraries, the course without its exercises, and the digits."""
    roots = {Path(folder).resolve() for folder in (*sys.path, sys.prefix, sys.base_prefix) if folder}
    roots.discard(PACKAGE.parent)
    roots |= {PACKAGE, PACKAGE.parent / "data", *map(Path, SYSTEM)}
    if data := os.environ.get("COURSE_DATA"):
        roots.add(Path(data).resolve())
    return sorted({path for root in roots for path in _without(root, HIDDEN)})


def _without(root: Path, hidden: Path) -> Iterator[Path]:
    """The root, or where it holds what is hidden, everything else in it."""
    if not hidden.is_relative_to(root):
        yield root
    elif root != hidden:
        for child in root.iterdir():
            yield from _without(child, hidden)


# Landlock: https://docs.kernel.org/userspace-api/landlock.html. The one library on PyPI has only alpha releases.

DIE_WITH_PARENT, ASK_SECCOMP, ADD_SECCOMP, NO_NEW_PRIVILEGES = 1, 21, 22, 38  # of prctl
CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446  # system calls, the same numbers on every architecture
ASK_VERSION, PATH_BENEATH = 1, 1
EXECUTE, WRITE_FILE, READ_FILE, READ_DIR, TRUNCATE = 1 << 0, 1 << 1, 1 << 2, 1 << 3, 1 << 14
FILE_RIGHTS_OF_VERSION = (0, 13, 14, 15, 15, 16)  # how many there are; every later version has the last number


def _landlock_version() -> int:
    return max(0, LIBC.syscall(ctypes.c_long(CREATE_RULESET), None, ctypes.c_size_t(0), ASK_VERSION))


def _restrict_files(readable: Iterable[Path], writable: Iterable[Path]) -> None:
    every = (1 << FILE_RIGHTS_OF_VERSION[min(_landlock_version(), 5)]) - 1
    ruleset = _system_call(CREATE_RULESET, struct.pack("Q", every), ctypes.c_size_t(8), 0)
    rules = [(path, READ_FILE | READ_DIR) for path in readable] + [(path, every & ~EXECUTE) for path in writable]
    for path, rights in rules:
        if path.exists():
            of_files = rights if path.is_dir() else rights & (WRITE_FILE | READ_FILE | TRUNCATE)
            handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
            _system_call(ADD_RULE, ruleset, PATH_BENEATH, struct.pack("=Qi", of_files, handle), 0)
            os.close(handle)
    _system_call(RESTRICT_SELF, ruleset, 0)
    os.close(ruleset)


def _system_call(number: int, *arguments: object) -> int:
    if (result := LIBC.syscall(ctypes.c_long(number), *arguments)) < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


# seccomp: https://docs.kernel.org/userspace-api/seccomp_filter.html. A filter refuses what Landlock cannot.

MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}  # the place in each pair below, the kernel's name
REFUSED = {
    "socket": (41, 198), "socketpair": (53, 199), "io_uring_setup": (425, 425), "bpf": (321, 280),
    "memfd_create": (319, 279), "fork": (57, None), "vfork": (58, None), "clone": (56, 220), "clone3": (435, 435),
    "execve": (59, 221), "execveat": (322, 281), "unshare": (272, 97), "setns": (308, 268), "kill": (62, 129),
    "tkill": (200, 130), "tgkill": (234, 131), "rt_sigqueueinfo": (129, 138), "rt_tgsigqueueinfo": (297, 240),
    "pidfd_send_signal": (424, 424), "pidfd_getfd": (438, 438), "ptrace": (101, 117), "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271), "setpriority": (141, 140), "ioprio_set": (251, 30),
    "sched_setaffinity": (203, 122), "sched_setscheduler": (144, 119), "sched_setparam": (142, 118),
    "sched_setattr": (314, 274), "shmget": (29, 194), "msgget": (68, 186), "semget": (64, 190), "mq_open": (240, 180),
    "flock": (73, 32), "mkdir": (83, None), "mkdirat": (258, 34), "truncate": (76, 45), "chmod": (90, None),
    "fchmod": (91, 52), "fchmodat": (268, 53), "fchmodat2": (452, 452), "chown": (92, None), "lchown": (94, None),
    "fchown": (93, 55), "fchownat": (260, 54), "utime": (132, None), "utimes": (235, None), "futimesat": (261, None),
    "utimensat": (280, 88), "setxattr": (188, 5), "lsetxattr": (189, 6), "fsetxattr": (190, 7),
    "setxattrat": (463, 463), "removexattr": (197, 14), "lremovexattr": (198, 15), "fremovexattr": (199, 16),
    "removexattrat": (466, 466), "file_setattr": (469, 469),
}  # fmt: skip
PRLIMIT = (302, 261)  # allowed for this process itself
FCNTL, SET_OWNERS = (72, 25), (8, 10, 15)  # refused are those of its commands that let a file send signals
FILTER_MODE, LOAD, EQUAL, AT_LEAST, GIVE = 2, 0x20, 0x15, 0x35, 0x06
NUMBER, ARCHITECTURE, FIRST_ARGUMENT, SECOND_ARGUMENT = 0, 4, 16, 24  # where they lie in what a filter reads
AGAIN = 0x40000000  # from here on x86_64 counts its calls once more
ALLOW, REFUSE, END = 0x7FFF0000, 0x00050001, 0x80000000  # refused is: "Operation not permitted"


def _filters_calls() -> bool:
    return os.uname().machine in MACHINES and LIBC.prctl(ASK_SECCOMP, 0, 0, 0, 0) >= 0


def _refuse_calls() -> None:
    """Load a filter. Where a test holds, as many instructions are skipped as its second number says, else its third."""
    place, architecture = MACHINES[os.uname().machine]
    refused = [numbers[place] for numbers in REFUSED.values() if numbers[place] is not None]
    program = [
        (LOAD, 0, 0, ARCHITECTURE), (EQUAL, 1, 0, architecture), (GIVE, 0, 0, END),
        (LOAD, 0, 0, NUMBER), (AT_LEAST, 0, 1, AGAIN), (GIVE, 0, 0, REFUSE), *_refuse(refused),
        (EQUAL, 0, 4, PRLIMIT[place]), (LOAD, 0, 0, FIRST_ARGUMENT), (EQUAL, 1, 0, 0), (GIVE, 0, 0, REFUSE),
        (GIVE, 0, 0, ALLOW),
        (EQUAL, 0, 7, FCNTL[place]), (LOAD, 0, 0, SECOND_ARGUMENT), *_refuse(SET_OWNERS), (GIVE, 0, 0, ALLOW),
    ]  # fmt: skip
    instructions = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *one) for one in program))
    header = struct.pack("HxxxxxxN", len(program), ctypes.addressof(instructions))
    if LIBC.prctl(ADD_SECCOMP, FILTER_MODE, header):
        raise OSError(ctypes.get_errno(), "no filter of system calls")


def _refuse(numbers: Iterable[int]) -> list[tuple]:
    return [step for number in numbers for step in ((EQUAL, 0, 1, number), (GIVE, 0, 0, REFUSE))]
