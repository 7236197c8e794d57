"""What stands around a student's code while it is judged: limits, walls, and a watch that names what it tries.

The walls are the system's (Landlock, an empty network, limits of resources) where it has them. The watch is an audit
hook of Python's, which stops casual attempts everywhere, and says in words what was tried.
"""

import ast
import builtins
import copy
import ctypes
import inspect
import linecache
import math
import os
import random
import signal
import sys
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy
import torch

from . import landlock, running

PACKAGE = Path(__file__).resolve().parents[1]
HIDDEN = Path(__file__).resolve().parent  # the exercises, and so their solutions
SYSTEM = ("/usr/lib", "/usr/lib64", "/usr/share", "/lib", "/lib64", "/proc", "/sys/devices/system", "/etc/localtime",
          "/etc/ld.so.cache", "/etc/fonts", "/dev/null", "/dev/zero", "/dev/urandom", "/dev/random")  # fmt: skip
NEW_USER, NEW_NETWORK = 0x10000000, 0x40000000  # of unshare
DIE_WITH_PARENT, ADOPT_ORPHANS = 1, 36  # of prctl

SOLUTIONS = "tried to read the solutions"
READING = "tried to read outside its folder"
WRITING = "tried to write outside its folder"
FILES = "wrote too many files"
TOO_LARGE = "wrote too large a file"
NETWORK = "tried to use the network"
PROGRAMS = "tried to start another program"
SIGNALS = "tried to end another process"
INSIDES = "reached into Python's insides"


@dataclass(frozen=True)
class Limits:
    """What one answer may use: seconds by the clock, and bytes."""

    seconds: float
    memory: int = 2 * 2**30  # beyond what the lesson holds
    file_size: int = 10 * 2**20
    files: int = 100
    printed: int = 10 * 2**20
    given_back: int = 2 * 2**20  # values, as text


# The system's walls ---------------------------------------------------------------------------------------------------


def unlimited() -> list[str]:
    """What this system does not limit, in words."""
    linux = sys.platform == "linux"
    missing = [] if linux else ["memory", "the network, beyond Python's own calls"]
    if not landlock.version():
        missing.append("files, beyond Python's own calls")
    if linux and os.geteuid() == 0:
        missing.append("the number of processes, beyond Python's own calls, since root has no such limit")
    return missing


def adopt_orphans() -> None:
    """Have Linux hand to this process what its children leave running."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(ADOPT_ORPHANS, 1)


def set_limits(limits: Limits) -> None:
    """Limit this process's resources. Linux ends it with its parent."""
    import resource  # not on Windows

    cpu = math.ceil(limits.seconds) + 5
    wanted = {"CPU": cpu, "FSIZE": limits.file_size, "NOFILE": 256, "NPROC": 0, "CORE": 0}
    if sys.platform == "linux":
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        wanted["AS"] = pages * resource.getpagesize() + limits.memory
        ctypes.CDLL(None).prctl(DIE_WITH_PARENT, signal.SIGKILL)
    for name, value in wanted.items():
        resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (value, value))


def build_walls(readable: list[Path], scratch: Path) -> None:
    """Leave this process no network, and no file but those to be read and its scratch folder, where the system can."""
    if sys.platform == "linux":
        ctypes.CDLL(None).unshare(NEW_USER | NEW_NETWORK)  # some systems refuse; Landlock and the watch remain
    if landlock.version():
        landlock.restrict(readable, [scratch, Path("/dev/null")])


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


# The watch ------------------------------------------------------------------------------------------------------------

WRITES = {"os.mkdir", "os.rmdir", "os.remove", "os.rename", "os.link", "os.symlink", "os.truncate", "os.chmod",
          "os.chown", "os.utime", "os.setxattr", "os.removexattr", "shutil.rmtree"}  # fmt: skip
STARTS = {"subprocess.Popen", "os.system", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn",
          "os.startfile", "pty.spawn"}  # fmt: skip
KILLS = {"os.kill", "os.killpg", "signal.pthread_kill"}
UNLOCKS = {"resource.setrlimit", "resource.prlimit", "sys.addaudithook", "sys.settrace", "sys.setprofile",
           "gc.get_objects", "gc.get_referrers", "gc.get_referents", "os.unshare", "os.setns"}  # fmt: skip
LOOKS = {"sys._getframe", "sys._current_frames", "object.__getattr__", "object.__setattr__", "object.__delattr__"}
WRITING_FLAGS = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
LIBRARY = os.path.dirname(os.__file__) + os.sep
PLACES = tuple(f"{Path(folder)}{os.sep}" for folder in {sys.prefix, sys.base_prefix, str(PACKAGE)})
OWN = f"{PACKAGE}{os.sep}"


def start_watch(scratch: Path, readable: list[Path], limits: Limits, report: Callable[[str], None]) -> None:
    """Refuse with PermissionError what an answer has no business to do, and report it. It cannot be taken back."""
    reads = tuple(f"{path}{os.sep}" for path in (*readable, scratch))
    writes, hidden = (f"{scratch}{os.sep}", f"{os.devnull}{os.sep}"), f"{HIDDEN}{os.sep}"
    opened, getframe, realpath, fspath = set(), sys._getframe, os.path.realpath, os.fsdecode
    counts_work = running.count_work.__code__
    watching = True

    def place(path) -> str:
        return realpath(fspath(path)) + os.sep

    def asking_frame() -> types.FrameType:
        frame = getframe(1)
        while frame.f_code.co_filename == __file__:
            frame = frame.f_back
        return frame

    def asking() -> list[str]:
        """The files whose code asks: the nearest one, and on through Python's own library to the first outside it."""
        frame = asking_frame()
        files = [frame.f_code.co_filename]
        while _is_python(files[-1]) and (frame := frame.f_back):
            files.append(frame.f_code.co_filename)
        return files

    def fault(event: str, arguments: tuple) -> str | None:
        if event == "open" and not isinstance(arguments[0], int | None):
            path = place(arguments[0])
            if arguments[2] & WRITING_FLAGS:
                opened.add(path)
                return WRITING if not path.startswith(writes) else FILES if len(opened) > limits.files else None
            files = asking()
            for_traceback = linecache.__file__ in files and files[-1].startswith(PLACES)  # torch notes who seeds it
            if path.startswith(reads) or for_traceback or files[-1].startswith(OWN):
                return None
            return SOLUTIONS if path.startswith(hidden) else READING
        if event in ("os.listdir", "os.scandir") and not isinstance(arguments[0], int | None):
            return SOLUTIONS if place(arguments[0]).startswith(hidden) else None
        if event in WRITES:
            paths = [place(path) for path in arguments if isinstance(path, str | bytes | os.PathLike)]
            return None if all(path.startswith(writes) for path in paths) else WRITING
        if event == "import" and arguments[0].startswith(__package__):
            return SOLUTIONS
        if event.startswith("socket.") and event != "socket.gethostname":
            return NETWORK
        if event in STARTS:
            return PROGRAMS
        if event in KILLS:
            return SIGNALS
        if event == "sys.settrace" and asking_frame().f_code is counts_work:
            return None
        if event in UNLOCKS or (event.startswith("ctypes.") and not asking()[-1].startswith(PLACES)):
            return INSIDES
        if event in LOOKS and not asking()[0].startswith((*PLACES, LIBRARY, "<frozen ")):
            return INSIDES
        return None

    def hook(event: str, arguments: tuple) -> None:
        nonlocal watching
        if not watching:
            return
        watching = False
        try:
            found = fault(event, arguments)
            by_library = found is PROGRAMS and asking()[-1].startswith(PLACES)  # matplotlib looks for fonts
        finally:
            watching = True
        if found and not by_library:
            report(found)
        if found:
            raise PermissionError(f"Refused, since it {found}.")

    sys.addaudithook(hook)


def _is_python(filename: str) -> bool:
    return filename.startswith("<frozen ") or (filename.startswith(LIBRARY) and "-packages" not in filename)


def hide_exercises(namespace: dict, report: Callable[[str], None]) -> None:
    """Take the exercises out of an answer's reach, and put stand-ins for their verbs into the lesson's names."""

    def refuse(*arguments, **keywords):
        report(SOLUTIONS)
        raise PermissionError("An answer may not ask for the course's own.")

    def ignore(*arguments, **keywords):
        pass

    for name in [name for name in sys.modules if name.startswith(__package__)]:
        del sys.modules[name]
    del sys.modules[PACKAGE.name].exercises
    for name in [name for name in linecache.cache if Path(name).is_relative_to(HIDDEN)]:
        del linecache.cache[name]
    namespace |= dict.fromkeys(("solution", "mine_or_reference"), refuse)
    namespace |= dict.fromkeys(("check", "hint", "show_progress", "start_exercises"), ignore)


INSIDE_NAMES = {"__globals__", "__closure__", "__code__", "__subclasses__", "__builtins__", "__loader__", "__spec__",
                "__torch_function__", "__torch_dispatch__", "__array__", "__eq__", "f_back", "f_locals",
                "f_globals", "tb_frame", "gi_frame"}  # fmt: skip


def suspicions(code: str) -> list[str]:
    """What code gives away before it runs: names of Python's insides, or of the exercises, which no answer needs."""
    found = set()
    for node in ast.walk(ast.parse(code)):
        found |= {getattr(node, field, None) for field in ("id", "attr", "name", "module")}
        if isinstance(node, ast.Constant):
            found.add(node.value)
    names = {name for name in found if isinstance(name, str)}
    notes = [f"{INSIDES}: {name}" for name in sorted(INSIDE_NAMES & names)]
    return [*notes, *[SOLUTIONS for name in names if name.startswith((__package__, "all_exercises"))][:1]]


def remember_tools() -> Callable[[], list[str]]:
    """Remember Python's, torch's and the course's own functions; the result names those that were changed since."""
    modules = {name: module for name, module in sys.modules.items() if name.split(".")[0] == PACKAGE.name}
    holders = dict(modules)
    holders |= {module.__name__: module for module in (builtins, sys, math, copy, random, numpy, torch, torch.nn)}
    holders |= {"torch.nn.functional": torch.nn.functional, "torch.Tensor": torch.Tensor}
    holders |= {"torch._C.TensorBase": torch._C.TensorBase}
    for parent in (*modules.values(), torch.nn):
        holders |= {f"{part.__module__}.{name}": part for name, part in vars(parent).items() if inspect.isclass(part)}
    held = [
        (f"{label}.{name}", vars(holder), name, value, _inner(value))
        for label, holder in holders.items()
        for name, value in vars(holder).items()
        if callable(value)
    ]
    inner = _inner

    def changed() -> list[str]:
        return [
            label for label, names, name, value, parts in held
            if names.get(name) is not value or inner(value) != parts
        ]  # fmt: skip

    return changed


def _inner(value) -> tuple | None:
    """What makes a function do what it does."""
    if not inspect.isfunction(value):
        return None
    return id(value.__code__), value.__defaults__ and id(value.__defaults__), id(value.__kwdefaults__)
