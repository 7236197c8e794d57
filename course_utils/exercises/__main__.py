"""Print every solution as JSON: exercise number → code. The instructor's room fills lessons with it."""

import json
import sys

from . import packed
from .desk import all_exercises

exercises = all_exercises()
if packed.closed:
    sys.exit("this copy of the course holds no solutions to show")
print(json.dumps({number: exercise.code for number, exercise in exercises.items()}))
