"""Digits from every container, whole or not at all; splits, batches, frames, and the fetching of MNIST."""

import gzip
import hashlib
import json
import random
import re
import shutil
import socket
import struct
import subprocess
import sys
import zlib
from http.client import HTTPException
from pathlib import Path
from types import SimpleNamespace
from urllib.error import HTTPError

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from samples import noise, same
from sklearn import datasets as sklearn_datasets
from torchvision import datasets, transforms
from torchvision.transforms import functional as TF

from course_utils import data
from course_utils.data import DataError, Digits, Split, batches, load_digits, save_digits, to_inputs, to_mnist_frame

FILES = tuple(data.idx.MNIST_SHA256)
PLAIN, ZIPPED = (Path(root) / "MNIST" / "raw" for root in ("plain", "zipped"))
JSON, PICTURE = Path("digits.json.gz"), Path("tree/train/3/00003.png")
# The same examples each time: what passes here passes everywhere. They share a folder, and leave it as it was.
sharing = [HealthCheck.function_scoped_fixture]
examples = settings(max_examples=80, derandomize=True, deadline=None, database=None, suppress_health_check=sharing)


@pytest.fixture
def containers(tmp_path, digits) -> Path:
    """A folder with the digits in each container: plain/ and zipped/ (MNIST's files), digits.json.gz, tree/."""
    save_mnist(digits, tmp_path)
    save_digits(digits, tmp_path / JSON, container="json")
    save_digits(digits, tmp_path / "tree", container="images")
    return tmp_path


def save_mnist(digits: Digits, folder: Path):
    save_digits(digits, folder / "plain", container="mnist")
    for name in FILES:
        put(folder / ZIPPED / f"{name}.gz", gzip.compress((folder / PLAIN / name).read_bytes(), 1))


def put(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def load_from(containers: Path, container: str, **options) -> Digits:
    is_mnist = container in ("plain", "zipped")
    return load_digits("mnist" if is_mnist else containers / container, root=containers / container, **options)


def parts(digits: Digits) -> tuple[Split, Split, Split]:
    return digits.train, digits.validation, digits.test


def together(digits: Digits) -> Split:
    """All that is not for testing, for containers that have no validation split."""
    return Split(*(torch.cat(pair) for pair in zip(digits.train, digits.validation, strict=True)))


def sizes(digits: Digits) -> list[int]:
    return [len(split.labels) for split in parts(digits)]


def all_same(first: Digits, second: Digits) -> bool:
    return all(same(*pair) for pair in zip(parts(first), parts(second), strict=True))


def contents(split: Split) -> list[bytes]:
    """Each digit as bytes, to see which ones a split holds."""
    return [image.numpy().tobytes() for image in split.images]


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# ----------------------------------------------------------------------------------------------------- the same tensors


@pytest.mark.parametrize("container", ["plain", "zipped"])
def test_idx_files_are_read_as_they_were_saved_and_as_torchvision_reads_them(containers, digits, container):
    put(containers / PLAIN / f"{FILES[2]}.gz", b"not read, for the plain file lies beside it")
    loaded = load_from(containers, container)
    assert same(loaded.train, together(digits)) and same(loaded.test, digits.test)
    assert loaded.validation.images.shape == (0, 1, 28, 28) and loaded.validation.labels.dtype == torch.int64
    for split, train in ((loaded.train, True), (loaded.test, False)):
        theirs = datasets.MNIST(containers / "plain", train=train)
        assert same(split, Split(theirs.data.unsqueeze(1), theirs.targets))
    assert repr(loaded) == f"mnist: 60 train, 0 validation, 30 test (IDX files in {container}/)"


@pytest.mark.parametrize("ending", ["png", "jpg", "BMP", "colour.png"])
def test_pictures_are_read_as_they_were_saved_and_as_torchvision_reads_them(containers, digits, ending):
    for path in containers.glob("tree/*/*/*.png") if ending != "png" else ():
        grey = Image.open(path)
        path.unlink()
        picture = Image.merge("RGBA", [grey, grey.rotate(90), grey.rotate(180), grey]) if "c" in ending else grey
        picture.save(path.with_suffix(f".{ending}"))
    loaded = load_from(containers, "tree")
    for part, saved in (("train", together(digits)), ("test", digits.test)):
        to_grey = transforms.Compose([transforms.Grayscale(), transforms.PILToTensor()])
        theirs = datasets.ImageFolder(containers / "tree" / part, to_grey)
        split = Split(torch.stack([image for image, _ in theirs]), torch.tensor(theirs.targets))
        assert same(getattr(loaded, part), split)
        assert same(split, by_class(saved)) == (ending in ("png", "BMP"))
    assert repr(loaded) == "tree: 60 train, 0 validation, 30 test (read from tree)"


def by_class(split: Split) -> Split:
    """The order in which a tree of pictures is read."""
    order = split.labels.argsort(stable=True)
    return Split(split.images[order], split.labels[order])


def test_a_tree_may_lack_a_class_and_hold_other_files(containers, digits):
    """A hidden folder sorts before the digits: it must not move the labels."""
    shutil.rmtree(containers / "tree/test/0")
    for name in (".ipynb_checkpoints/a.png", "5/notes.txt", "Thumbs.db"):
        put(containers / "tree/test" / name, b"")
    images, labels = by_class(digits.test)
    assert same(load_from(containers, "tree").test, Split(images[labels != 0], labels[labels != 0]))


def json_content(digits: Digits, *pixels) -> list:
    """[train, validation, test], each [images, labels], with a function for each part applied to its pixels."""
    content = []
    for (images, labels), pixel in zip(parts(digits), pixels, strict=True):
        table = [pixel(value) for value in range(256)]
        content.append([[[table[v] for v in row] for row in images.flatten(1).tolist()], labels.tolist()])
    return content


def load_json(path: Path, content, start: str = "") -> Digits:
    return load_digits(put(path, gzip.compress((start + json.dumps(content)).encode(), 1)))


def test_a_json_file_is_read_as_it_was_saved_and_by_any_other_reader(containers, digits):
    assert json.loads(gzip.decompress((containers / JSON).read_bytes())) == json_content(digits, int, int, int)
    loaded = load_from(containers, JSON)
    assert all_same(loaded, digits)
    assert repr(loaded) == "digits.json.gz: 40 train, 20 validation, 30 test (read from digits.json.gz)"


PIXELS = {
    "0..255": int,
    "0..255, nearly": lambda k: 0.9985 * k,
    "0..1": lambda k: k / 255,
    "0..1 of the older file": lambda k: k / 256,
    "-1..1": lambda k: k / 127.5 - 1,
    "-1..1 of the older file": lambda k: k / 128 - 1,
    "0..1 as float32": lambda k: float(np.float32(k) * np.float32(1 / 255)),
    "-1..1 as float32": lambda k: float(np.float32(k) * np.float32(2 / 255) - np.float32(1)),
}


@examples
@given(names=st.tuples(*[st.sampled_from(list(PIXELS))] * 3), places=st.integers(4, 9), white=st.integers(254, 255))
def test_a_json_file_gives_the_same_bytes_whatever_the_range_of_each_split(tmp_path, names, places, white):
    limited = [Split(noise(9, seed).images.clamp(max=white), torch.arange(9)) for seed in range(3)]
    digits = Digits(*limited, "noise", "made here")
    pixels = [lambda k, pixel=PIXELS[name]: round(pixel(k), places) for name in names]
    assert all_same(load_json(tmp_path / "x.json.gz", json_content(digits, *pixels)), digits)


def test_a_json_file_of_any_shades_reaches_from_black_to_white(tmp_path, digits):
    """Even where k/256 fits the other shades better, what is nearly white must not turn black."""
    shade = lambda k: 0.999 if k == 255 else k / 256  # noqa: E731
    loaded = load_json(tmp_path / "x.json.gz", json_content(digits, shade, shade, shade))
    assert (loaded.train.images.int() - digits.train.images.int()).abs().max() <= 1


def test_a_json_file_may_hold_rows_of_pixels_and_a_byte_order_mark(tmp_path, digits):
    content = json_content(digits, int, int, int)
    content = [[np.reshape(images, (-1, 28, 28)).tolist(), labels] for images, labels in content]
    assert all_same(load_json(tmp_path / "x.json.gz", content, start="\ufeff"), digits)


# --------------------------------------------------------------------------------------------------- damaged containers


def changed(change):
    """A damage that changes a file's bytes."""
    return lambda path: path.write_bytes(change(path.read_bytes()))


def with_idx(*shape):
    return changed(lambda _: struct.pack(f">{1 + len(shape)}I", 2048 + len(shape), *shape) + bytes(int(np.prod(shape))))


def with_text(change):
    """A damage of what is gzipped."""
    return changed(lambda content: gzip.compress(change(gzip.decompress(content)), 1))


def with_json(value, *place):
    """Another value at a place in the JSON content, given by its indices."""

    def put_in(text: bytes) -> bytes:
        content = node = [json.loads(text)]
        last = 0
        for step in place:
            node, last = node[last], step
        node[last] = value
        return json.dumps(content[0]).encode()

    return with_text(put_in)


def with_png_size(content: bytes, side: int) -> bytes:
    header = b"IHDR" + struct.pack(">2I", side, side) + content[24:29]
    return content[:12] + header + struct.pack(">I", zlib.crc32(header)) + content[33:]


def to_folder(path):
    path.unlink()
    path.mkdir()


def emptied(folder):
    shutil.rmtree(folder)
    folder.mkdir()


WEB_PAGE = b"<!DOCTYPE html><html><body>Moved</body></html>"
DAMAGED = [
    (PLAIN / FILES[0], Path.unlink, "missing"),
    (PLAIN / FILES[0], to_folder, "cannot be read"),
    (PLAIN / FILES[0], changed(lambda content: content[:11]), "11 bytes, too few"),
    (PLAIN / FILES[1], with_idx(60, 28, 28), "2051, not with the magic number 2049"),
    (PLAIN / FILES[0], with_idx(60, 32, 28), "32×28 pixels, not 28×28"),
    (PLAIN / FILES[0], with_idx(0, 28, 28), "empty split"),
    (PLAIN / FILES[1], with_idx(61), "61 labels for 60 images"),
    (PLAIN / FILES[3], changed(lambda content: content[:-1] + b"\x0a"), "a label of 10"),
    (ZIPPED / f"{FILES[0]}.gz", with_text(lambda text: text[:4] + b"\xff" * 12 + text[16:]), "does not fit the shape"),
    (ZIPPED / f"{FILES[3]}.gz", changed(lambda _: b"\n " + WEB_PAGE), "not a gzip file: it is a web page"),
    (JSON, changed(lambda content: content[:-5]), "truncated or damaged"),
    (JSON, with_text(lambda text: text.decode().encode("utf-16")), "not JSON"),
    (JSON, with_text(lambda _: b"[" * 100_000 + b"]" * 100_000), "not JSON"),
    (JSON, with_text(lambda _: b"[" + b"1" * 5000 + b"]"), "not JSON"),
    (JSON, with_json([[[0], [0]]] * 4), "not of the shape"),
    (JSON, with_json([[], []], 1), "validation split is empty"),
    (JSON, with_json([[0] * 1024] * 30, 2, 0), "images of 1024 numbers in test"),
    (JSON, with_json([0] * 783, 0, 0, 5), "images of train are not all numbers, or not all of one size"),
    (JSON, with_json(True, 0, 0, 5, 6), "holds true"),
    (JSON, with_json(float("nan"), 0, 0, 5, 6), "NaN or infinite pixels in train"),
    (JSON, with_json(256, 0, 0, 5, 6), "pixels from 0 to 256 in train, but 0..255, [0, 1] or [-1, 1] was expected"),
    (JSON, with_json([[-0.5, 0.5] * 392] * 40, 0, 0), "pixels from -0.5 to 0.5"),
    (JSON, with_json([[0, 1.02] * 392] * 40, 0, 0), "pixels from 0 to 1.02"),
    (JSON, with_json([[0] * 10] * 40, 0, 1), "labels of shape (40, 10) in train"),
    (PICTURE, changed(lambda content: content[:35] + b"\0" + content[36:]), "broken PNG file"),
    (PICTURE, changed(lambda content: with_png_size(content, 10**6)), "unreadable picture"),
    (PICTURE, lambda path: Image.new("L", (32, 30)).save(path), "32×30 pixels, not 28×28"),
    (PICTURE, lambda path: Image.new("I;16", (28, 28)).save(path), "more than 8 bits"),
    (PICTURE.parent, emptied, "empty class folder"),
    (Path("tree/train/10"), lambda path: (path.parent / "3").rename(path), "not a digit's folder"),
    (Path("tree/train"), emptied, "empty split"),
    (Path("tree"), lambda path: (path / "test").rename(path / "exam"), "no folder test/"),
]
REMEDY = re.compile(r"\. (Remove|Fetch|Check|Use|Correct|Make|Put|Replace|Save|Scale|Folders are)\b")


@pytest.mark.parametrize(
    ("file", "damage", "words"), DAMAGED, ids=[f"{path.name}: {words}" for path, _, words in DAMAGED]
)
def test_what_is_damaged_is_named_with_what_is_wrong_and_a_remedy(containers, file, damage, words):
    damage(containers / file)
    with pytest.raises(DataError, match=f"^{re.escape(str(containers / file))}: .*{re.escape(words)}") as caught:
        load_from(containers, file.parts[0])
    assert REMEDY.search(str(caught.value))


DAMAGES = {
    "cut short": lambda content, place, byte: content[:place],
    "a byte lost": lambda content, place, byte: content[:place] + content[place + 1 :],
    "a byte changed": lambda content, place, byte: content[:place] + byte + content[place + 1 :],
    "a byte more": lambda content, place, byte: content[:place] + byte + content[place:],
}


def loaded_with(containers: Path, file: Path, damage) -> Digits | None:
    """The digits that a damaged file gives, or None for a DataError, which names the file. Then all is whole again."""
    whole = (containers / file).read_bytes()
    damage(containers / file)
    try:
        return load_from(containers, file.parts[0])
    except DataError as error:
        assert str(containers / file) in str(error)
    finally:
        (containers / file).write_bytes(whole)


def differing(first: Digits, second: Digits) -> int:
    """How many numbers of two sets of digits differ."""
    pairs = [pair for splits in zip(parts(first), parts(second), strict=True) for pair in zip(*splits, strict=True)]
    return sum(int((one != other).sum()) for one, other in pairs)


@pytest.mark.parametrize(
    ("file", "where", "most"),
    [(PLAIN / FILES[0], changed, 1), (PLAIN / FILES[3], changed, 1), (ZIPPED / f"{FILES[0]}.gz", changed, 0),
     (ZIPPED / f"{FILES[3]}.gz", with_text, 1), (JSON, changed, 0), (JSON, with_text, 1), (PICTURE, changed, 0)],
)  # fmt: skip
@examples
@given(st.sampled_from(list(DAMAGES)), st.integers(0, 30) | st.integers(0, 10**5), st.binary(min_size=1, max_size=1))
def test_damaged_bytes_give_the_same_digits_or_a_data_error(containers, file, where, most, kind, place, byte):
    whole = load_from(containers, file.parts[0])
    loaded = loaded_with(containers, file, where(lambda content: DAMAGES[kind](content, place % len(content), byte)))
    if loaded:
        assert differing(whole, loaded) <= most and 0 <= loaded.test.labels.min() <= loaded.test.labels.max() <= 9


NUMBERS = st.integers(-2, 257) | st.floats(-2, 257) | st.integers() | st.floats() | st.sampled_from([10**400, 1e39])
ANYTHING = NUMBERS | st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(),
    lambda values: st.lists(values, max_size=3) | st.dictionaries(st.text(), values, max_size=3),
    max_leaves=6,
)


@examples
@given(ANYTHING, st.sampled_from([(), (1,), (0, 0), (2, 1), (1, 0, 5), (2, 1, 5), (0, 0, 5, 6)]))
def test_whatever_stands_in_a_json_file_is_refused_but_a_pixel_or_a_label_at_its_place(
    containers, digits, value, place
):
    fits = {(2, 1, 5): lambda label: label in range(10), (0, 0, 5, 6): lambda pixel: -5e-4 <= pixel <= 255.0005}
    loaded = loaded_with(containers, JSON, with_json(value, *place))
    assert bool(loaded) == (type(value) in (int, float) and place in fits and fits[place](value))
    if loaded:
        put_in = loaded.test.labels[5] if len(place) == 3 else loaded.train.images[5].flatten()[6]
        assert put_in == np.float32(value).round() and differing(digits, loaded) <= 1


@pytest.mark.parametrize("source", ["", "minst", "nowhere.json.gz", "~nobody/x.json.gz", "x" * 5000, "a\0b", "/"])
def test_a_source_that_is_not_there_is_refused(tmp_path, monkeypatch, source):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=r"missing|no folder|cannot be read"):
        load_digits(source)


# -------------------------------------------------------------------------------------------- what is held out and kept


def test_validation_and_a_part_are_drawn_from_the_training_digits_and_keep_their_order(containers):
    whole, digits, few = (
        load_from(containers, "plain", validation=size, train_size=most)
        for size, most in ((0, None), (15, None), (15, 20))
    )
    train, validation, kept = (
        [contents(whole.train).index(digit) for digit in contents(split)]
        for split in (digits.train, digits.validation, few.train)
    )
    assert (len(train), len(kept), sorted(train + validation)) == (45, 20, list(range(60)))
    assert (train, kept) == (sorted(train), sorted(kept)) and set(kept) < set(train)
    assert validation == sorted(validation) != list(range(validation[0], validation[0] + 15))
    assert torch.equal(digits.train.labels, whole.train.labels[train])
    assert torch.equal(digits.validation.labels, whole.train.labels[validation])
    assert same(digits.test, whole.test) and same(few.validation, digits.validation)
    assert few.train.images.untyped_storage().nbytes() == 20 * 784, "a small part holds on to the whole"


@pytest.mark.parametrize("options", [{"validation": 15}, {"train_size": 20}, {"validation": 15, "train_size": 20}])
@pytest.mark.parametrize("source", ["plain", "digits"])
def test_a_seed_draws_one_split_and_another_seed_another(containers, source, options):
    load = load_from if source == "plain" else lambda _, source, **options: load_digits(source, **options)
    first, again, other = (load(containers, source, seed=seed, **options) for seed in (1, 1, 2))
    assert all_same(first, again)
    assert not same(first.train, other.train) and same(first.test, other.test)
    first.test.images.zero_()  # not even a careless cell changes what another one loads
    assert again.test.images.any() and same(again.test, other.test)


@pytest.mark.parametrize(("validation", "expected"), [(0, [40, 20, 30]), (20, [40, 20, 30]), (25, [35, 25, 30])])
def test_a_json_files_own_validation_split_is_kept_unless_another_size_is_asked_for(
    containers, digits, validation, expected
):
    loaded = load_from(containers, JSON, validation=validation)
    assert sizes(loaded) == expected and same(loaded.validation, digits.validation) == (validation != 25)
    assert sorted(contents(together(loaded))) == sorted(contents(together(digits)))


@pytest.mark.parametrize(
    ("source", "numbers"),
    [("mnist", (-1, None)), ("mnist", (60, None)), ("mnist", (0, 0)), ("mnist", (0, 61)), ("mnist", (15, 46)),
     ("digits", (-1, 5)), ("digits", (60_000, None)), ("digits", (0, 0)), ("digits", (59_000, 1001))],
)  # fmt: skip
def test_sizes_that_do_not_fit_are_refused(containers, source, numbers):
    with pytest.raises(DataError, match=rf"^{source}: .*(Ask for fewer|Change train_size|can be held out)\."):
        load_digits(source, root=containers / "plain", validation=numbers[0], train_size=numbers[1])


def test_loading_leaves_the_global_random_numbers_alone_and_prints_nothing(containers, capsys):
    before = torch.get_rng_state().tolist(), np.random.get_state()[1].tolist(), random.getstate()
    for container in ("plain", JSON, "tree"):
        load_from(containers, container, validation=5, train_size=5)
    load_digits("digits", validation=5, train_size=1600)
    assert (torch.get_rng_state().tolist(), np.random.get_state()[1].tolist(), random.getstate()) == before
    assert capsys.readouterr() == ("", "")


# -------------------------------------------------------------------------------------------------- the embedded digits


def test_the_embedded_digits_look_like_mnist():
    digits = load_digits("digits", train_size=1700, validation=30)
    assert (sizes(digits), digits.name) == ([1700, 30, 300], "digits")
    for images, labels in (digits.train, digits.test):
        assert (images.dtype, images.shape[1:], labels.dtype) == (torch.uint8, (1, 28, 28), torch.int64)
        assert set(labels.tolist()) == set(range(10))
        assert images.max() > 200 and 0.1 < to_inputs(images).mean() < 0.25
    assert {max(box(image[0])) for image in digits.test.images} <= {19, 20}


@pytest.mark.parametrize("found", [True, False])
def test_the_embedded_digits_are_those_that_scikit_learn_loads(monkeypatch, found):
    if not found:
        monkeypatch.setattr(data.embedded, "find_spec", lambda name: None)
    ink, labels = data.embedded._sklearn_digits()
    theirs = sklearn_datasets.load_digits()
    assert ink.dtype == torch.float32 and torch.equal(ink * 16, torch.from_numpy(theirs.images).float())
    assert labels.dtype == torch.int64 and labels.tolist() == theirs.target.tolist()


@pytest.mark.parametrize("sides", [(40, 40), (5, 20)])
def test_ink_is_resized_as_torchvision_does_it(sides):
    ink = noise(8, seed=1).images[:, 0, :10] / 255
    theirs = TF.resize(ink, list(sides), transforms.InterpolationMode.BICUBIC, antialias=True)
    assert torch.equal(data.embedded._resized(ink, *sides), theirs.clamp(0, 1))


@pytest.mark.parametrize("seed", range(3))
def test_digits_are_moved_and_bent_as_torchvision_does_it(seed):
    bilinear = transforms.InterpolationMode.BILINEAR
    move = transforms.RandomAffine(8, translate=(0.05, 0.05), scale=(0.95, 1.05), shear=5, interpolation=bilinear)
    bend = transforms.ElasticTransform(alpha=20.0, sigma=4.0)
    mine = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        for size in (128, 1):
            images = noise(size, seed=size).images
            assert torch.equal(data.bending.move_and_bend(images, mine), bend(move(images)))


def test_each_digit_is_moved_by_its_own_draw_and_its_ink_stays_near_where_it_was():
    image = torch.zeros(1, 1, 28, 28)
    image[..., 8:20, 8:20] = 1
    moved = data.move_each(image.expand(50, -1, -1, -1), torch.Generator().manual_seed(0))
    assert len(moved.unique(dim=0)) == 50
    assert ((moved.sum((1, 2, 3)) - image.sum()).abs() < 0.15 * image.sum()).all()
    columns = (moved.sum((1, 2)) * torch.arange(28)).sum(1) / moved.sum((1, 2, 3))
    assert ((columns - 13.5).abs() <= 1.1).all() and columns.std() > 0.3
    assert (moved >= 0).all() and (moved <= 1).all()


@pytest.mark.parametrize(("validation", "train_size"), [(0, 1600), (1, 20), (300, 2000), (59_999, 1), (3, None)])
def test_no_embedded_training_digit_is_made_from_one_to_validate_or_test_on(monkeypatch, validation, train_size):
    made_from, multiply = [], data.embedded._multiply

    def watched(originals, size, generator):
        made_from.append((contents(originals), size))
        return multiply(originals, min(size, 2000), generator)

    monkeypatch.setattr(data.embedded, "_multiply", watched)
    digits = load_digits("digits", validation=validation, train_size=train_size)
    (train, first), (held_out, second) = made_from
    assert (first, second, bool(held_out)) == (train_size or 60_000 - validation, validation, bool(validation))
    assert len({*train, *held_out, *contents(digits.test)}) == len(train) + len(held_out) + 300 == 1797
    assert set(contents(digits.train)[: len(train)]) <= set(train)


def test_embedded_digits_are_multiplied_by_moving_and_bending():
    images, labels = load_digits("digits", train_size=3000).train
    assert len({*contents(Split(images, labels))}) == 3000
    moved, originals = images[1497:1597].float().flatten(1), images[:1497].float().flatten(1)
    nearest = labels[torch.cdist(moved, originals).argmin(dim=1)]
    assert (nearest == labels[1497:1597]).float().mean() > 0.9


# ---------------------------------------------------------------------------------------------------- auto, COURSE_DATA


@pytest.fixture
def elsewhere(tmp_path, monkeypatch) -> Path:
    """A working directory that is not the project's folder; the project's lies beside it, still without data."""
    monkeypatch.delenv("COURSE_DATA", raising=False)
    monkeypatch.setattr(data.load, "PROJECT", tmp_path / "project")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    return tmp_path / "elsewhere"


@pytest.mark.parametrize(
    ("folder", "variable", "root", "spoken"),
    [
        (None, "", None, "data/"),
        (None, "nowhere", None, "$COURSE_DATA"),
        ("project/data", "", None, "data/"),
        ("elsewhere/mine", "{elsewhere}/mine", None, "$COURSE_DATA"),
        ("project/mine", "mine", None, "$COURSE_DATA"),
        ("elsewhere/mine", "mine", None, "$COURSE_DATA"),
        ("elsewhere/mine", "nowhere", "mine", "mine/"),
    ],
)
def test_auto_takes_mnist_where_it_lies_else_the_embedded_digits(
    elsewhere, containers, monkeypatch, capsys, folder, variable, root, spoken
):
    if folder:
        shutil.copytree(containers / "zipped", elsewhere.parent / folder)
    monkeypatch.setenv("COURSE_DATA", variable.format(elsewhere=elsewhere))
    assert load_digits(root=root, train_size=10).name == ("mnist" if folder else "digits")
    without = f"the embedded ones of scikit-learn, since MNIST was not found in {spoken}."
    assert capsys.readouterr() == (f"Digits: {f'MNIST, found in {spoken}.' if folder else without}\n", "")
    if folder:
        assert sizes(load_digits("mnist", root=root)) == [60, 0, 30]


def test_a_part_of_mnist_is_an_error_and_no_reason_to_take_other_digits(containers):
    (containers / ZIPPED / f"{FILES[2]}.gz").unlink()
    with pytest.raises(DataError, match=f"{FILES[2]}: missing"):
        load_digits("auto", root=containers / "zipped")


# --------------------------------------------------------------------------------------------------------------- memory

MEASURE = """
import sys
from course_utils.data import load_digits
peak = lambda: 1024 * int(open("/proc/self/status").read().split("VmHWM:")[1].split()[0])
load_digits("mnist", root=sys.argv[1])
before = peak()
digits = load_digits("mnist", root=sys.argv[2])
print((peak() - before) / (70_000 * (784 + 8)))
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak is read from Linux's /proc")
def test_loading_mnist_takes_about_the_size_of_its_tensors(containers):
    zeros = [Split(torch.zeros(n, 1, 28, 28, dtype=torch.uint8), torch.zeros(n)) for n in (60_000, 0, 10_000)]
    save_mnist(Digits(*zeros, "zeros", "made here"), containers / "large")
    for container in ("plain", "zipped"):
        command = [sys.executable, "-c", MEASURE, containers / container, containers / "large" / container]
        assert float(subprocess.run(command, capture_output=True, text=True, check=True).stdout) < 1.5


# -------------------------------------------------------------------------------------------------------------- batches


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize(("batch_size", "expected"), [(1, [1] * 40), (7, [7] * 5 + [5]), (40, [40]), (64, [40])])
def test_batches_hold_every_sample_once_each_time(digits, batch_size, expected, shuffle):
    cut = batches(digits.train, batch_size, shuffle=shuffle, generator=torch.Generator().manual_seed(0))
    samples = list(zip(contents(digits.train), digits.train.labels.tolist(), strict=True))
    for _ in range(2):
        pairs = list(cut)
        assert [len(labels) for _, labels in pairs] == expected and len(cut) == len(expected)
        images, labels = (torch.cat(halves) for halves in zip(*pairs, strict=True))
        assert (images.dtype, images.shape, labels.dtype) == (torch.float32, (40, 1, 28, 28), torch.int64)
        back = list(zip(contents(Split((images * 255).round().byte(), labels)), labels.tolist(), strict=True))
        assert sorted(back) == sorted(samples) and (back == samples) != shuffle
        for images, _ in pairs:
            images.zero_()  # not even a careless step changes the split


def test_a_shuffle_is_new_each_pass_and_drawn_from_its_generator_alone(digits):
    before = torch.get_rng_state()
    cuts = [batches(digits.train, 7, shuffle=True, generator=torch.Generator().manual_seed(seed)) for seed in (1, 1, 2)]
    first, again, other = ([[labels.tolist() for _, labels in cut] for _ in range(2)] for cut in cuts)
    assert first[0] != first[1] and first == again and first != other
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize(
    ("split", "options", "words"),
    [
        ("train", {"batch_size": 0, "shuffle": False}, "batch_size is 0"),
        ("train", {"batch_size": 8, "shuffle": True}, "pass generator"),
        ("validation", {"batch_size": 8, "shuffle": False}, "empty split.*validation="),
    ],
)
def test_batches_that_cannot_be_cut_are_refused(containers, split, options, words):
    with pytest.raises(ValueError, match=words):
        batches(getattr(load_from(containers, "plain"), split), **options)


@pytest.mark.parametrize("normalise", [(0.0, 1.0), (0.1307, 0.3081)])
def test_inputs_are_exact_and_new(normalise):
    pixels = torch.arange(256, dtype=torch.uint8).reshape(1, 1, 16, 16)
    mean, std = map(np.float32, normalise)
    exact = (np.arange(256, dtype=np.float32) / np.float32(255) - mean) / std
    ((batch, _),) = batches(Split(pixels, torch.tensor([1])), 1, shuffle=False, normalise=normalise)
    floats = pixels.float()
    for inputs in (to_inputs(pixels, normalise), to_inputs(floats, normalise), batch):
        assert inputs.dtype == torch.float32 and np.array_equal(inputs.numpy().ravel(), exact)
    assert floats.ravel().tolist() == pixels.ravel().tolist() == list(range(256))


# -------------------------------------------------------------------------------------------------------- MNIST's frame


def page(height, width, *ink) -> torch.Tensor:
    """A page with full ink in the given (rows, columns)."""
    page = torch.zeros(height, width)
    for where in ink:
        page[where] = 1
    return page


def box(frame) -> tuple[int, int]:
    rows, columns = (frame > 0).nonzero(as_tuple=True)
    return int(rows.max() - rows.min()) + 1, int(columns.max() - columns.min()) + 1


UNEVEN = page(40, 40, (slice(0, 40), slice(0, 2)))
UNEVEN[36:, 2:] = 0.15  # its mass lies at the left edge, and the frame has only 8 pixels to give


@pytest.mark.parametrize(
    ("ink", "size", "centre"),
    [
        (page(50, 50, (slice(5, 45), slice(20, 24))), (20, 2), (14.5, 14.5)),
        (page(60, 60, (slice(10, 50), slice(10, 20)), (slice(40, 50), slice(10, 50))), (20, 20), (14.5, 14.5)),
        (page(1500, 1100, (slice(100, 1300), slice(300, 900))), (20, 10), (14.5, 14.5)),
        (page(1, 1, 0), (20, 20), (14.5, 14.5)),
        (page(200, 200, (slice(0, 200), 77)), (20, 1), (14.5, 14.5)),
        (UNEVEN, (20, 20), (14.5, 10.5)),
    ],
    ids=["a stroke", "an L", "a huge page", "a tiny page", "a hairline", "uneven"],
)
def test_ink_is_brought_to_20_pixels_and_centred_by_its_mass_as_far_as_the_frame_allows(ink, size, centre):
    before, place = ink.clone(), torch.arange(28) + 0.5
    frame = to_mnist_frame(ink)
    assert (frame.dtype, frame.shape, box(frame)) == (torch.uint8, (28, 28), size)
    mass = frame.float() / frame.sum()
    assert frame.max() >= 240
    assert [(mass.sum(1) @ place).item(), (mass.sum(0) @ place).item()] == pytest.approx(centre, abs=0.51)
    assert torch.equal(ink, before)


@pytest.mark.parametrize("ink", [torch.zeros(28, 28), torch.full((300, 200), 0.05)])
def test_a_page_without_ink_gives_an_empty_frame(ink):
    assert torch.equal(to_mnist_frame(ink), torch.zeros(28, 28, dtype=torch.uint8))


# --------------------------------------------------------------------------------------------------------------- saving


@pytest.mark.parametrize(
    ("container", "owner", "function", "call"),
    [("json", json, "dumps", 1), ("mnist", Path, "write_bytes", 3), ("images", Image.Image, "save", 50)],
)
def test_a_failed_save_leaves_nothing_behind(tmp_path, digits, monkeypatch, container, owner, function, call):
    monkeypatch.setattr(owner, function, failing(owner, function, call, OSError(28, "No space left on device")))
    with pytest.raises(OSError, match="No space left"):
        save_digits(digits, tmp_path / "new", container=container)
    assert list(tmp_path.iterdir()) == []
    save_digits(digits, tmp_path / "new", container=container)
    assert [path.name for path in tmp_path.iterdir()] == ["new"]


def failing(owner, function: str, call: int, error: BaseException):
    """The owner's function, with an error at one of its calls."""
    calls, whole = iter(range(1, 1000)), getattr(owner, function)

    def fail(*args, **kwargs):
        if next(calls) == call:
            raise error
        return whole(*args, **kwargs)

    return fail


def test_a_save_never_replaces_what_is_there_and_json_is_saved_with_all_its_splits(containers, digits):
    before = files(containers)
    for name in (JSON, "tree"):
        with pytest.raises(DataError, match=r"exists already\. Choose another name"):
            save_digits(digits, containers / name, container="mnist")
    with pytest.raises(DataError, match="validation="):
        save_digits(load_from(containers, "plain"), containers / "x.json.gz", container="json")
    assert files(containers) == before


# ------------------------------------------------------------------------------------------------------------- fetching


BAD = {  # what a bad mirror gives or raises
    "html": WEB_PAGE, "another": gzip.compress(b"another file"), "damaged": gzip.compress(b"a file cut short")[:-9],
    "404": HTTPError("", 404, "Not Found", None, None), "silent": TimeoutError("timed out"), "no-http": HTTPException(),
    "corrupted": RuntimeError("File not found or corrupted."),
}  # fmt: skip


@pytest.fixture
def mirrors(containers, monkeypatch):
    """Mirrors that give the containers' own files; `use` chooses which, and `asked` holds what was asked of which."""
    found = SimpleNamespace(asked=[], genuine=files(containers / PLAIN))

    def download(address, folder):
        assert socket.getdefaulttimeout() == 30
        found.asked.append(tuple(address.split("/")))
        kind, name = found.asked[-1]
        content = BAD.get(kind) or gzip.compress(found.genuine[name.removesuffix(".gz")])
        if isinstance(content, Exception):
            raise content
        put(Path(folder, name), content)

    found.use = lambda *kinds: monkeypatch.setattr(datasets.MNIST, "mirrors", [f"{kind}/" for kind in kinds])
    monkeypatch.setattr(datasets.utils, "download_url", download)
    hashes = {name: hashlib.sha256(found.genuine[name]).hexdigest() for name in FILES}
    monkeypatch.setattr(data.idx, "MNIST_SHA256", hashes)
    return found


@pytest.mark.parametrize("bad", BAD)
def test_what_one_mirror_does_not_give_the_next_one_does(containers, mirrors, bad, capsys):
    (containers / PLAIN / FILES[0]).unlink()
    mirrors.use(bad, "good")
    assert data.fetch_mnist(containers / "plain", timeout=30) == containers / PLAIN
    assert socket.getdefaulttimeout() is None
    assert files(containers / "plain") == {f"MNIST/raw/{name}": mirrors.genuine[name] for name in FILES}
    assert mirrors.asked == [(bad, f"{FILES[0]}.gz"), ("good", f"{FILES[0]}.gz")]
    assert FILES[0] in capsys.readouterr().out


def test_where_every_mirror_fails_nothing_is_changed(containers, mirrors):
    (containers / PLAIN / FILES[0]).unlink()
    put(containers / PLAIN / FILES[3], b"damaged")
    before = files(containers)
    mirrors.genuine[FILES[3]] = b"another file"
    mirrors.use("good", "404")
    with pytest.raises(DataError, match=f"^{FILES[3]}.*good/.*404/.*Try again"):
        data.fetch_mnist(containers / "plain", timeout=30)
    assert files(containers) == before


@pytest.mark.parametrize("container", ["plain", "zipped"])
def test_only_what_is_missing_or_damaged_is_fetched(containers, mirrors, container):
    mirrors.use("good")
    before, whole = files(containers), load_from(containers, container)
    data.fetch_mnist(containers / container, timeout=30)
    assert mirrors.asked == [] and files(containers) == before
    first, _, third, _ = sorted((containers / container / "MNIST/raw").iterdir())
    first.unlink()
    put(third, third.read_bytes()[:-1])
    data.fetch_mnist(containers / container, timeout=30)
    assert {name for _, name in mirrors.asked} == {f"{path.name.removesuffix('.gz')}.gz" for path in (first, third)}
    assert all_same(load_from(containers, container), whole)


@pytest.mark.parametrize(("owner", "function"), [(datasets.utils, "download_url"), (data.idx.shutil, "copyfileobj")])
def test_an_interrupted_fetch_leaves_nothing_half(containers, mirrors, monkeypatch, owner, function):
    for name in FILES:
        put(containers / PLAIN / name, b"damaged")
    before = files(containers)
    mirrors.use("good")
    monkeypatch.setattr(owner, function, failing(owner, function, 3, KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        data.fetch_mnist(containers / "plain", timeout=30)
    assert files(containers) == before


def test_mnist_goes_where_it_is_looked_for(elsewhere, monkeypatch, mirrors):
    mirrors.use("good")
    monkeypatch.setenv("COURSE_DATA", str(elsewhere / "mine"))
    assert data.fetch_mnist(timeout=30) == elsewhere / "mine/MNIST/raw"
    assert load_digits("auto").name == "mnist"
