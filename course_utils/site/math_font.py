"""A font for the formulas, cut down to what they use.

Browsers draw MathML well only with a font that has a MATH table: without one, fraction bars, sums, roots and brackets
are placed and stretched by guesses, and few phones have such a font. STIX Two Math (SIL Open Font Licence, which allows
to ship it, and to change it) comes with the package ziamath. Whole it is 700 kB, and what this course writes, 50.
"""

import html
import re
import unicodedata
from importlib.util import find_spec
from pathlib import Path

from fontTools import subset

# A letter alone is set in italics: the browser takes that letter from another place of the font.
ITALICS = {
    unicodedata.normalize("NFKC", chr(code)): chr(code)
    for code in [*range(0x1D434, 0x1D468), *range(0x1D6E2, 0x1D71C), 0x210E]
}
ALWAYS = {"√", "−", "(", ")"}  # drawn by elements that do not name them


def characters_of(mathml: str) -> set[str]:
    """The characters that a browser draws for a formula."""
    characters = set(html.unescape(re.sub("<[^>]*>", "", mathml)))
    return characters | {ITALICS[one] for one in characters if one in ITALICS} | ALWAYS


def write_font(path: Path, characters: set[str]) -> None:
    """Write the part of STIX Two Math that draws these characters, as WOFF, with all that stretches them."""
    options = subset.Options(flavor="woff", layout_features=["*"], notdef_outline=True)
    whole = Path(find_spec("ziamath").origin).with_name("fonts") / "STIXTwoMath-Regular.ttf"  # found without importing
    with subset.load_font(str(whole), options) as font:
        cut = subset.Subsetter(options)
        cut.populate(text="".join(characters))
        cut.subset(font)
        subset.save_font(font, str(path), options)
