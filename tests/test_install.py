"""The set-up: what install.py does where uv, PyTorch's index or an environment is missing. Nothing is fetched."""

import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import threading
import zipfile
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def install(monkeypatch):
    """install.py as a module, on a Linux without an NVIDIA driver."""
    spec = importlib.util.spec_from_file_location("install", ROOT / "install.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module.sys, "platform", "linux")
    monkeypatch.setattr(module, "has_nvidia_driver", lambda: False)
    monkeypatch.delenv("TORCH_INDEX", raising=False)
    return module


@pytest.fixture
def index(tmp_path):
    """The address of a package index with stand-ins for torch, torchvision and what lessons need."""
    for name, needs in {"torch": "", "torchvision": "Requires-Dist: torch==2.6\n", "lessons": ""}.items():
        folder, about = tmp_path / "index" / name, f"{name}-2.6.dist-info"
        folder.mkdir(parents=True)
        with zipfile.ZipFile(folder / f"{name}-2.6-py3-none-any.whl", "w") as wheel:
            wheel.writestr(f"{name}.py", "")
            wheel.writestr(f"{about}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 2.6\n{needs}")
            wheel.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            wheel.writestr(f"{about}/RECORD", "")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=tmp_path / "index"))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def test_an_old_python_is_told_what_the_course_needs(install, monkeypatch):
    monkeypatch.setattr(install.sys, "version_info", (3, 10, 4))
    with pytest.raises(SystemExit, match=r"needs Python 3\.11 or newer.*make PYTHON=python3\.12"):
        install.main()


@pytest.mark.parametrize(
    ("system", "driver", "wanted", "chosen"),
    [("linux", False, False, True), ("linux", True, False, False), ("linux", True, True, True),
     ("darwin", False, False, False), ("win32", False, False, False)],
)  # fmt: skip
def test_torch_comes_without_cuda_on_a_linux_without_a_driver_or_where_it_is_told_to(
    install, index, monkeypatch, capsys, system, driver, wanted, chosen
):
    monkeypatch.setattr(install.sys, "platform", system)
    monkeypatch.setattr(install, "has_nvidia_driver", lambda: driver)
    monkeypatch.setattr(install, "CPU_INDEX", index)
    if wanted:
        monkeypatch.setenv("TORCH_INDEX", f"{index}/")
    assert install.choose_torch_index() == (index if chosen else "")
    assert (f"torch: the build from {index}, " in capsys.readouterr().out) == chosen


def test_an_index_that_is_dead_or_silent_or_has_no_torch_is_left_for_pypi(install, index, monkeypatch, capsys):
    monkeypatch.setattr(install, "PATIENCE", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as dead, socket.create_server(("127.0.0.1", 0)) as silent:
        ports = [server.getsockname()[1] for server in (dead, silent)]
        dead.close()
        addresses = *(f"http://127.0.0.1:{port}" for port in ports), f"{index}/elsewhere", "no address"
        for address in addresses:
            monkeypatch.setenv("TORCH_INDEX", address)
            assert install.choose_torch_index() == ""
            assert f"torch: PyPI's build, for {address}" in capsys.readouterr().out


def done(install, monkeypatch, tmp_path, *failing, index=""):
    """What is run where commands that contain one of the texts `failing` fail; whether it ended well comes first."""
    commands = []

    def run(command):
        commands.append(" ".join(command).replace(install.PYTHON, "python"))
        return not any(text in commands[-1] for text in failing)

    monkeypatch.setattr(install, "run", run)
    monkeypatch.setattr(install, "is_usable", lambda: True)
    monkeypatch.setattr(install, "choose_torch_index", lambda: index)
    monkeypatch.setattr(install, "INSTALLED", tmp_path / "installed")
    install.INSTALLED.touch()
    try:
        install.main()
    except SystemExit:
        assert not install.INSTALLED.exists()
        return False, commands
    assert install.INSTALLED.exists()
    return True, commands


UV, PIP = "python -m uv pip install --compile-bytecode --python python", "python -m pip install"
GET_UV = f"{PIP} --quiet --only-binary :all: uv>=0.5"
LOOK = "python -c import torch, torchvision"


def test_uv_installs_the_pair_from_its_index_and_then_the_rest(install, monkeypatch, tmp_path):
    ended = done(install, monkeypatch, tmp_path, index="http://index")
    pair = " ".join(install.torch_and_torchvision())
    assert pair.split(">")[0] == "torch" and " torchvision>" in pair
    assert ended == (True, [GET_UV, f"{UV} --index-url http://index {pair}", f"{UV} -r requirements.txt", LOOK])


WITHOUT_UV = "uv: could not be had or has failed, see above; pip installs instead, which takes minutes."


@pytest.mark.parametrize(
    ("failing", "tool", "said"),
    [("--index-url", UV, "torch: PyPI's build after all"), ("uv>=0.5", PIP, WITHOUT_UV), (UV, PIP, WITHOUT_UV)],
)
def test_what_fails_is_tried_in_another_way_and_said(install, failing, tool, said, monkeypatch, tmp_path, capsys):
    ended, commands = done(install, monkeypatch, tmp_path, failing, index="http://index" if "index" in failing else "")
    assert ended and commands[-2:] == [f"{tool} -r requirements.txt", LOOK]
    assert capsys.readouterr().out.count(said) == 1


@pytest.mark.parametrize("failing", ["-r requirements.txt", LOOK])
def test_what_failed_does_not_look_installed(install, failing, monkeypatch, tmp_path):
    ended, commands = done(install, monkeypatch, tmp_path, failing)
    assert not ended and (failing == LOOK) == any("--force-reinstall torch" in command for command in commands)


def test_install_makes_an_environment_from_nothing_and_goes_on_with_it(index, tmp_path):
    course = tmp_path / "course"
    course.mkdir()
    shutil.copy(ROOT / "install.py", course)
    (course / "pyproject.toml").write_text('[project]\ndependencies = ["torch>=2", "torchvision>=0.21", "lessons"]\n')
    (course / "requirements.txt").write_text("torch\nlessons\n")
    (course / ".venv").mkdir()
    (course / ".venv" / "left.txt").write_text("by a set-up that was interrupted")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "UV_", "VIRTUAL_"))}
    settings = {"PIP_CONFIG_FILE": os.devnull, "PIP_INDEX_URL": index, "PIP_RETRIES": "0", "TORCH_INDEX": index}
    command = [sys.executable, str(course / "install.py")]
    for _ in range(2):
        result = subprocess.run(command, env=kept | settings, capture_output=True, text=True)
        assert result.returncode == 0, result.stdout + result.stderr
        assert f"torch: the build from {index}, as TORCH_INDEX says." in result.stdout
        assert "pip installs instead" in result.stdout  # the index holds no uv
        assert (course / ".venv" / ".installed").exists()
    assert not (course / ".venv" / "left.txt").exists()
