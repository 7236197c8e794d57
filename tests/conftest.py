"""What the tests of the core rooms share."""

import sys

import matplotlib.pyplot
import pytest
import torch
from browsing import CHROMIUM
from samples import noise

from course_utils.data import Digits

matplotlib.use("Agg")
torch.set_num_threads(1)  # on busy cores two threads mostly wait for each other, and one rounds the same everywhere


@pytest.fixture(autouse=True)
def no_figure_left_open():
    yield
    matplotlib.pyplot.close("all")


@pytest.fixture
def digits() -> Digits:
    """Digits of noise in all three splits."""
    return Digits(noise(40, seed=1), noise(20, seed=2), noise(30, seed=3), "noise", "made here")


@pytest.fixture
def shell(tmp_path):
    """An IPython shell, as a notebook has one."""
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    class NotebookShell(InteractiveShell):
        def enable_gui(self, gui=None):
            """A notebook draws into its page, so there is no window to enable."""

    main = sys.modules["__main__"]
    config = Config(HistoryManager={"enabled": False})
    yield NotebookShell.instance(config=config, ipython_dir=str(tmp_path / "ipython"))
    NotebookShell.clear_instance()
    sys.modules["__main__"] = main
    matplotlib.pyplot.switch_backend("agg")


@pytest.fixture(scope="module")  # a Playwright left open would leave its event loop running
def chromium():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()
