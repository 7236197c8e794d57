"""Makes the course's environment in .venv: `python install.py`. It needs nothing but Python 3.11 or newer.

uv installs where it can be had, pip where not. On Linux, PyPI's torch comes with gigabytes of CUDA; without an NVIDIA
driver the CPU build is taken instead, where PyTorch's own index answers. TORCH_INDEX names another index for torch.
"""

import http.client
import os
import platform
import shutil
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path

COURSE = Path(__file__).resolve().parent
ENVIRONMENT = COURSE / ".venv"
BIN = ENVIRONMENT / ("Scripts" if os.name == "nt" else "bin")
PYTHON = str(BIN / "python")
INSTALLED = ENVIRONMENT / ".installed"  # written last, so an environment that has it is whole
PIP = [PYTHON, "-m", "pip", "install"]
UV = [PYTHON, "-m", "uv", "pip", "install", "--compile-bytecode", "--python", PYTHON]  # as pip does by itself
CPU_INDEX = "https://download.pytorch.org/whl/cpu"
PATIENCE = 5  # seconds that an index has to answer


def main() -> None:
    """Make the environment, or end with words that say what is wrong."""
    if sys.version_info < (3, 11):
        sys.exit(
            f"The course needs Python 3.11 or newer, and this is {platform.python_version()}. "
            "Name another one: make PYTHON=python3.12, or python3.12 install.py"
        )
    if INSTALLED.exists():
        INSTALLED.unlink()
    if not (is_usable() or run([sys.executable, "-m", "venv", "--clear", str(ENVIRONMENT)])):
        sys.exit("The environment .venv could not be made: see above.")
    index = choose_torch_index()
    installer = UV
    if not (run([*PIP, "--quiet", "--only-binary", ":all:", "uv>=0.5"]) and install(UV, index)):
        say("uv: could not be had or has failed, see above; pip installs instead, which takes minutes.")
        installer = PIP
        if not install(PIP, index):
            sys.exit("The course could not be installed: see above.")
    if not torch_works():
        say("torch and torchvision do not fit each other, see above; both are taken anew from PyPI.")
        if not (run([*installer, "--force-reinstall", *torch_and_torchvision()]) and torch_works()):
            sys.exit("torch and torchvision cannot be imported: see above.")
    INSTALLED.touch()
    jupyter = BIN.relative_to(COURSE) / "jupyter"
    say(f"The course is installed. To open the lessons: {jupyter} lab --notebook-dir notebooks")


def is_usable() -> bool:
    """Whether .venv is there already, made by the Python that runs this, with pip in it."""
    try:
        done = subprocess.run([PYTHON, "-m", "pip", "--version"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    except OSError:
        return False
    return f"(python {sys.version_info[0]}.{sys.version_info[1]})" in done.stdout.decode()


def choose_torch_index() -> str:
    """The index to take torch from, or nothing for PyPI. Says in one line which it is and why."""
    index, why = os.environ.get("TORCH_INDEX", "").rstrip("/"), "as TORCH_INDEX says"
    if not index:
        if sys.platform != "linux":
            say("torch: PyPI's build, the right one for Windows and Macs.")
            return ""
        if has_nvidia_driver():
            say("torch: PyPI's build, with CUDA, for this machine has an NVIDIA driver.")
            return ""
        index, why = CPU_INDEX, "without CUDA, for this machine has no NVIDIA driver"
    if answers(index):
        say(f"torch: the build from {index}, {why}.")
        return index
    say(f"torch: PyPI's build, for {index} ({why}) gave no answer within {PATIENCE} seconds.")
    return ""


def has_nvidia_driver() -> bool:
    """Whether Linux has loaded NVIDIA's driver, or has its tools, as under Windows' Linux."""
    return Path("/proc/driver/nvidia/version").exists() or shutil.which("nvidia-smi") is not None


def answers(index: str) -> bool:
    """Whether an index says within PATIENCE seconds, in all, that it has torch."""
    replies = []

    def ask():
        try:
            urllib.request.urlopen(f"{index}/torch/", timeout=PATIENCE).close()
            replies.append(True)
        except (OSError, ValueError, http.client.HTTPException):
            pass

    asker = threading.Thread(target=ask, daemon=True)  # looking up a name has no time limit of its own
    asker.start()
    asker.join(PATIENCE)
    return bool(replies)


def install(installer: list, torch_index: str) -> bool:
    """Install torch and torchvision, which must come as a pair, from their index if any, and then the rest."""
    if torch_index and not run([*installer, "--index-url", torch_index, *torch_and_torchvision()]):
        say(f"torch: PyPI's build after all, for that from {torch_index} could not be installed, see above.")
    return run([*installer, "-r", "requirements.txt"])


def torch_works() -> bool:
    """Whether both can be imported: a pair from two indexes installs well and fails here."""
    return run([PYTHON, "-c", "import torch, torchvision"])


def torch_and_torchvision() -> list:
    """Both as pyproject.toml asks for them, with their versions."""
    import tomllib  # new in Python 3.11; an older Python shall get as far as the message above

    project = tomllib.loads((COURSE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return [requirement for requirement in project["dependencies"] if requirement.startswith("torch")]


def run(command: list) -> bool:
    """Run a command in the course's folder, and tell whether it went well."""
    return subprocess.run(command, cwd=str(COURSE)).returncode == 0


def say(line: str) -> None:
    """Print a line now, before what a command prints."""
    print(line, flush=True)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("Interrupted: the environment is not whole; run this again.")
