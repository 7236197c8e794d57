"""Part 4: what a student waits for before the first epoch: imports, the first figure, each container; peak memory.

Each case runs in a process of its own, so that nothing is read already; peak memory is that of the whole process.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from course_utils.data import Digits, save_digits

from .measure import spread

CASES = {  # name → what is imported before the clock starts, and what it times
    "import torch": ("", "import torch"),
    "import the course's core": ("", "from course_utils import data, models, plotting, runtime, training"),
    "import what a lesson's first cell does": (
        "", "from course_utils import data, exercises, machine, models, runtime, training"
    ),
    "first figure": (
        "import matplotlib; matplotlib.use('Agg')\nimport io, torch\nfrom course_utils import plotting",
        "plotting.use_course_style()\nplotting.plot_images(torch.rand(8, 28, 28)).savefig(io.BytesIO())",
    ),
}  # fmt: skip
TIMED = """
import json, time
{imports}
started = time.perf_counter()
{code}
seconds = time.perf_counter() - started
try:
    peak = next(int(line.split()[1]) * 1024 for line in open("/proc/self/status") if line.startswith("VmHWM"))
except OSError:  # only Linux tells it so
    peak = None
print(json.dumps([seconds, peak]))
"""


def measure(digits: Digits, *, quick: bool) -> dict:
    rounds = 1 if quick else 5
    with tempfile.TemporaryDirectory() as folder:
        cases = CASES | _containers(digits, Path(folder), pictures=100 if quick else 6_000)
        chosen = list(cases)[::3] if quick else cases
        return {"dataset": digits.name, "cases": {name: _measure_case(*cases[name], rounds) for name in chosen}}


def _containers(digits: Digits, folder: Path, pictures: int) -> dict[str, tuple[str, str]]:
    """Code that loads the same digits from each container (of the slow one, only some)."""
    few = _first(digits, pictures)
    save_digits(digits, folder / "idx", container="mnist")
    save_digits(digits, folder / "all.json.gz", container="json")
    save_digits(few, folder / "pictures", container="images")
    all_of_them = sum(len(split.labels) for split in (digits.train, digits.validation, digits.test))
    few_of_them = sum(len(split.labels) for split in (few.train, few.validation, few.test))
    load = "load_digits({})"
    cases = {
        f"load MNIST's files, {all_of_them:,} digits": load.format(f"'mnist', root={str(folder / 'idx')!r}"),
        f"load .json.gz, {all_of_them:,} digits": load.format(repr(str(folder / "all.json.gz"))),
        f"load pictures, {few_of_them:,} digits": load.format(repr(str(folder / "pictures"))),
        "load the embedded digits": load.format("'digits'"),
    }
    return {name: ("from course_utils.data import load_digits", code) for name, code in cases.items()}


def _first(digits: Digits, count: int) -> Digits:
    parts = [type(split)(split.images[:count], split.labels[:count]) for split in (digits.train, digits.test)]
    empty = type(digits.train)(digits.train.images[:0], digits.train.labels[:0])
    return Digits(parts[0], empty, parts[1], digits.name, digits.origin)


def _measure_case(imports: str, code: str, rounds: int) -> dict:
    found = []
    for _ in range(rounds):
        command = [sys.executable, "-c", TIMED.format(imports=imports, code=code)]
        ran = subprocess.run(command, capture_output=True, text=True, check=True)
        found.append(json.loads(ran.stdout.splitlines()[-1]))
    seconds, peaks = zip(*found, strict=True)
    return {"seconds": spread(seconds), "peak_megabytes": None if None in peaks else max(peaks) / 2**20}
