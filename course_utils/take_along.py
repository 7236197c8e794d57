"""One page to take along: a student's network, the drawing pad and the model card in a file that needs nothing else."""

from collections.abc import Mapping
from html import escape
from pathlib import Path
from string import Template

from torch import Tensor

from .explorables import Reader
from .explorables.stage import as_json, page_script
from .files import write_whole
from .networks import as_8_bits, as_float32, to_layers

LARGEST = 1_500_000  # bytes of a page
PACKS = {32: as_float32, 8: as_8_bits}
PAGE = Template(Path(__file__).with_name("take_along.html").read_text(encoding="utf-8"))


def write_page(file: str | Path, reader: Reader, card: Mapping[str, str], images: Tensor, *, bits: int = 32) -> Path:
    """Write one HTML file that reads digits drawn on it, anywhere and without a network, and return its path.

    `reader` is the network with what its pixels are normalised with. `card` is the model card, a text for each
    heading; its entry "name" is the page's title. `images` uint8 [N, 1, 28, 28] are digits that the page reads when
    it opens, to compare its answers with torch's; the first is on the pad as it opens. The weights take 32 or 8 bits.
    Nothing is written, and ValueError raised, for a network that pages do not know (see `networks.to_layers`) and for
    a page of more than 1.5 MB.

    Example: `write_page("my.html", Reader(network), {"name": "Ada's network"}, digits.test.images[:100])`
    """
    network = {"normalise": list(reader.normalise), "layers": to_layers(reader.network, PACKS[bits])}
    own = {"name": card["name"], "network": "own", "temperature": reader.temperature}
    pad = {"example": images[0].numpy().tobytes(), "readers": [own]}
    parity = {"reader": own, "images": images.numpy().tobytes(), "answers": as_float32(reader.answer(images))}
    page = PAGE.substitute(
        title=escape(card["name"]),
        pad=escape(as_json(pad)),
        parity=escape(as_json(parity)),
        card="".join(f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in card.items()),
        script=f"window.courseNetworks = {as_json({'own': network})};\n{page_script(['pad', 'parity'])}",
    )
    if len(page.encode()) > LARGEST:
        smaller = "; with bits=8 its weights take a quarter" if bits == 32 else ""
        raise ValueError(f"the page would take {len(page.encode()):,} bytes, and {LARGEST:,} are the most{smaller}")
    file = Path(file)
    write_whole(file, page)
    return file
