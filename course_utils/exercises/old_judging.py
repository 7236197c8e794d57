"""Judges the exercises that still have a check function each; it goes with the last of them."""

import io
import linecache
import textwrap
import traceback
from collections.abc import Mapping
from contextlib import redirect_stdout

import torch

from . import old_asking as asking
from .judging import Verdict as Reply
from .old_exercise import Exercise, Open, Wrong


def judge(exercise: Exercise, answer, given: Mapping | None = None, *, by_course: bool = False) -> Reply:
    """Check an answer without saying or remembering anything. torch's random numbers go on as if nothing had run."""
    if callable(answer) and answer is exercise.reference and not by_course:
        return Reply("open", "This is the course's own answer. Run the cell with yours, then check again.")
    printed = _Printed()
    try:
        with torch.random.fork_rng(devices=[]), redirect_stdout(printed):
            exercise.check(answer, **(given or {}))
    except Open as stub:
        reply = Reply("open", f"{stub} Replace the `...` and run the cell again.".strip())
    except Wrong as wrong:
        reply = Reply("wrong", str(wrong))
        if str(wrong) == asking.NOTHING and printed.getvalue():
            reply = Reply(
                "wrong", "Your function prints its result and gives back nothing. Write `return` for `print`."
            )
    except KeyboardInterrupt as error:
        words = f"You stopped it{_place(error)}. If it took more than a moment, look for a loop that never ends."
        reply = Reply("error", words)
    except (Exception, SystemExit) as error:
        if "ellipsis" in str(error):
            reply = Reply("open", f"There is still a `...`{_place(error)}.")
        else:
            reply = Reply("error", f"Your code raised {type(error).__name__}{_place(error)}. It says: {_first(error)}")
    else:
        reply = Reply(
            "right", f"Answered by the course. {exercise.why}" if by_course else exercise.why, by_course=by_course
        )
    if printed.getvalue():
        reply = Reply(
            reply.state, f"{reply.words} (It also printed: {_shortened(printed.getvalue())})", by_course=by_course
        )
    return reply


class _Printed(io.StringIO):
    """What a student's function prints, up to a thousand characters."""

    def write(self, text: str) -> int:
        super().write(text[: max(0, 1000 - self.tell())])
        return len(text)


def _shortened(text: str) -> str:
    return textwrap.shorten(text, 120, placeholder=" …")


def _first(error: BaseException) -> str:
    return _shortened(str(error)) or "nothing more."


def _place(error: BaseException) -> str:
    """The line of the student's code where an error arose, and what stands there."""
    frames = traceback.extract_tb(error.__traceback__)
    asked = [index for index, frame in enumerate(frames) if frame.filename == asking.__file__]
    own = [frame for frame in frames[asked[-1] + 1 :] if "site-packages" not in frame.filename] if asked else []
    own = [frame for frame in own if frame.filename == own[0].filename]
    if not own or not linecache.getline(own[-1].filename, own[-1].lineno):
        return ""
    return f" in line {own[-1].lineno}: `{own[-1].line}`"
