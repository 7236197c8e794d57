"""Digits from every container, whole or not at all; splits, batches, frames, and the fetching of MNIST."""

import gzip
import hashlib
import json
import random
import re
import socket
import struct
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from samples import noise, same
from sklearn import datasets as sklearn_datasets
from torchvision import datasets, transforms
from torchvision.transforms import functional as TF

from course_utils.data import (
    DataError,
    Digits,
    Split,
    batches,
    bending,
    embedded,
    fetch_mnist,
    idx,
    load,
    load_digits,
    save_digits,
    to_inputs,
    to_mnist_frame,
)

FILES = tuple(idx.MNIST_SHA256)
PARTS = ("train", "validation", "test")

# -------------------------------------------------------------------------- containers, written here without the course


def idx_bytes(array: np.ndarray) -> bytes:
    """An IDX file, as its specification has it: two zeros, 8 for unsigned bytes, the number of dimensions, sizes."""
    array = np.asarray(array, np.uint8)
    return bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def put(path: Path, content: bytes, *, zipped: bool = False) -> Path:
    path = path.with_name(path.name + ".gz") if zipped else path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(content, 1) if zipped else content)
    return path


def mnist_files(train: Split, test: Split) -> dict[str, bytes]:
    """The content of MNIST's four files."""
    arrays = [train.images[:, 0], train.labels, test.images[:, 0], test.labels]
    return {name: idx_bytes(array.numpy()) for name, array in zip(FILES, arrays, strict=True)}


def put_mnist(root: Path, train: Split, test: Split, *, zipped: bool = False) -> Path:
    for name, content in mnist_files(train, test).items():
        put(root / "MNIST" / "raw" / name, content, zipped=zipped)
    return root


def json_content(digits: Digits, pixel=float) -> list:
    """[train, validation, test], each [images, labels], with `pixel` applied to every pixel from 0 to 255."""
    table = [pixel(value) for value in range(256)]
    parts = (getattr(digits, part) for part in PARTS)
    return [[[[table[v] for v in row] for row in images.flatten(1).tolist()], labels.tolist()]
            for images, labels in parts]  # fmt: skip


def put_json(path: Path, content) -> Path:
    return put(path, gzip.compress(json.dumps(content).encode(), 1))


def put_pictures(root: Path, digits: Digits, ending: str = "png") -> Path:
    for part in ("train", "test"):
        images, labels = getattr(digits, part)
        for number, (image, label) in enumerate(zip(images, labels.tolist(), strict=True)):
            folder = root / part / str(label)
            folder.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image[0].numpy()).save(folder / f"{number:03}.{ending}")
    return root


def joined(*splits: Split) -> Split:
    return Split(torch.cat([split.images for split in splits]), torch.cat([split.labels for split in splits]))


def by_class(split: Split) -> Split:
    """The order in which a tree of pictures is read."""
    order = split.labels.argsort(stable=True)
    return Split(split.images[order], split.labels[order])


def contents(split: Split) -> list[bytes]:
    """Each digit as bytes, to see which ones a split holds."""
    return [image.numpy().tobytes() for image in split.images]


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# ----------------------------------------------------------------------------------------------------- the same tensors


@pytest.mark.parametrize("zipped", [False, True], ids=["plain", "gzipped"])
def test_idx_files_made_elsewhere_give_their_own_bytes(tmp_path, digits, zipped):
    loaded = load_digits("mnist", root=put_mnist(tmp_path, digits.train, digits.test, zipped=zipped))
    assert same(loaded.train, digits.train)
    assert same(loaded.test, digits.test)
    assert loaded.validation.images.shape == (0, 1, 28, 28)
    assert loaded.validation.labels.dtype == torch.int64


def test_of_a_plain_file_and_a_gzipped_one_the_plain_is_read(tmp_path, digits):
    put_mnist(tmp_path, digits.validation, digits.test, zipped=True)
    put_mnist(tmp_path, digits.train, digits.test)
    assert same(load_digits("mnist", root=tmp_path).train, digits.train)


def test_idx_files_are_read_as_torchvision_reads_them(tmp_path, digits):
    put_mnist(tmp_path, digits.train, digits.test)
    loaded = load_digits("mnist", root=str(tmp_path))
    for split, train in ((loaded.train, True), (loaded.test, False)):
        theirs = datasets.MNIST(tmp_path, train=train)
        assert same(split, Split(theirs.data.unsqueeze(1), theirs.targets))


PIXELS = {
    "0..255": int,
    "0..255 as floats": float,
    "0..1": lambda k: k / 255,
    "0..1 of the older file": lambda k: k / 256,
    "-1..1": lambda k: k / 127.5 - 1,
    "-1..1 of the older file": lambda k: k / 128 - 1,
    "0..1 as float32": lambda k: float(np.float32(k) * np.float32(1 / 255)),
    "-1..1 as float32": lambda k: float(np.float32(k) * np.float32(2 / 255) - np.float32(1)),
}
ROUNDED = {
    f"{name}, {places} places": lambda k, pixel=pixel, places=places: round(pixel(k), places)
    for name, pixel in PIXELS.items()
    if name.startswith(("0..1", "-1..1"))
    for places in (4, 5, 6)
}


@pytest.mark.parametrize("pixel", [*PIXELS.values(), *ROUNDED.values()], ids=[*PIXELS, *ROUNDED])
def test_a_json_file_gives_the_same_bytes_whatever_its_range(tmp_path, digits, pixel):
    loaded = load_digits(put_json(tmp_path / "digits.json.gz", json_content(digits, pixel)))
    for part in PARTS:
        assert same(getattr(loaded, part), getattr(digits, part))


@pytest.mark.parametrize("pixel", PIXELS.values(), ids=PIXELS)
def test_a_json_file_of_grey_digits_without_a_white_pixel_gives_the_same_bytes(tmp_path, digits, pixel):
    for part in PARTS:
        getattr(digits, part).images.clamp_(max=254)
    loaded = load_digits(put_json(tmp_path / "digits.json.gz", json_content(digits, pixel)))
    assert same(loaded.train, digits.train)


def test_a_json_file_of_any_shades_reaches_from_black_to_white(tmp_path, digits):
    """Even where k/256 fits the other shades better, what is nearly white must not turn black."""
    content = json_content(digits, lambda k: 0.999 if k == 255 else k / 256)
    loaded = load_digits(put_json(tmp_path / "digits.json.gz", content))
    assert (loaded.train.images.int() - digits.train.images.int()).abs().max() <= 1


def test_splits_of_a_json_file_may_differ_in_range(tmp_path, digits):
    content = [part for pixel, index in ((int, 0), (PIXELS["0..1"], 1), (PIXELS["-1..1"], 2))
               for part in json_content(digits, pixel)[index : index + 1]]  # fmt: skip
    loaded = load_digits(put_json(tmp_path / "digits.json.gz", content))
    assert all(same(getattr(loaded, part), getattr(digits, part)) for part in PARTS)


def test_a_json_file_may_hold_rows_of_pixels_and_a_byte_order_mark(tmp_path, digits):
    content = [[np.reshape(images, (-1, 28, 28)).tolist(), labels] for images, labels in json_content(digits, int)]
    text = "\ufeff" + json.dumps(content, indent=1)
    assert same(load_digits(put(tmp_path / "x.json.gz", gzip.compress(text.encode()))).test, digits.test)


@pytest.mark.parametrize("ending", ["png", "jpg", "bmp", "colour.png", "colour.jpg", "PNG"])
def test_pictures_are_read_as_torchvision_reads_them(tmp_path, digits, ending):
    put_pictures(tmp_path, digits, ending)
    if ending.startswith("colour"):
        for number, path in enumerate(sorted(tmp_path.rglob("*colour*"))):
            pixels = np.random.default_rng(number).integers(0, 256, (28, 28, 3 + number % 2), np.uint8)
            Image.fromarray(pixels[..., : 3 if ending.endswith("jpg") else None]).save(path)
    loaded = load_digits(tmp_path)
    for part in ("train", "test"):
        theirs = datasets.ImageFolder(tmp_path / part, transforms.Compose([transforms.Grayscale(),
                                                                           transforms.PILToTensor()]))  # fmt: skip
        images = torch.stack([image for image, _ in theirs])
        assert same(getattr(loaded, part), Split(images, torch.tensor(theirs.targets)))
        if ending in ("png", "bmp", "PNG"):
            assert same(getattr(loaded, part), by_class(getattr(digits, part)))


def test_a_tree_may_lack_a_class_and_hold_other_files(tmp_path, digits):
    """Folders of hidden files sort before the digits: they must not move the labels."""
    put_pictures(tmp_path, digits)
    for path in (tmp_path / "train" / "0").iterdir():
        path.unlink()
    (tmp_path / "train" / "0").rmdir()
    put(tmp_path / "train" / ".ipynb_checkpoints" / "a.png", (tmp_path / "train" / "1" / "001.png").read_bytes())
    put(tmp_path / "train" / "5" / "notes.txt", b"all fives")
    put(tmp_path / "train" / "Thumbs.db", b"")
    expected = by_class(digits.train)
    kept = expected.labels != 0
    assert same(load_digits(tmp_path).train, Split(expected.images[kept], expected.labels[kept]))


@pytest.mark.parametrize("container", ["json", "mnist", "images"])
def test_what_is_saved_is_loaded_again(tmp_path, digits, container):
    target = tmp_path / "new" / ("digits.json.gz" if container == "json" else "digits")
    save_digits(digits, target, container=container)
    loaded = load_digits("mnist", root=target) if container == "mnist" else load_digits(target)
    train, validation = {
        "json": (digits.train, digits.validation),
        "mnist": (joined(digits.train, digits.validation), None),
        "images": (by_class(joined(digits.train, digits.validation)), None),
    }[container]
    assert same(loaded.train, train)
    assert same(loaded.test, by_class(digits.test) if container == "images" else digits.test)
    assert len(loaded.validation.labels) == (len(validation.labels) if validation else 0)
    assert validation is None or same(loaded.validation, validation)
    assert [path.name for path in target.parent.iterdir()] == [target.name]


def test_what_is_saved_can_be_read_by_others(tmp_path, digits):
    save_digits(digits, tmp_path / "idx", container="mnist")
    save_digits(digits, tmp_path / "pictures", container="images")
    save_digits(digits, tmp_path / "digits.json.gz", container="json")
    assert len(datasets.MNIST(tmp_path / "idx")) == 60
    assert len(datasets.ImageFolder(tmp_path / "pictures" / "train")) == 60
    assert json.loads(gzip.decompress((tmp_path / "digits.json.gz").read_bytes())) == json_content(digits, int)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path, digits: put_json(path / "mine.json.gz", json_content(digits)), "mine.json.gz: 40 train, 20 val"),
        (lambda path, digits: put_pictures(path / "mine", digits), "mine: 40 train, 0 validation, 30 test"),
    ],
)
def test_digits_say_what_they_are(tmp_path, digits, make, words):
    assert words in repr(load_digits(str(make(tmp_path, digits))))


# --------------------------------------------------------------------------------------------------- damaged containers


def changed(change):
    """A damage that changes a file's bytes."""
    return lambda path: path.write_bytes(change(path.read_bytes()))


def image_file(*shape):
    return changed(lambda _: idx_bytes(np.zeros(shape)))


def labels_with(value):
    return changed(lambda content: content[:8] + bytes([value]) + content[9:])


def folder_instead(path):
    path.unlink()
    path.mkdir()


IMAGES, LABELS = FILES[0], FILES[3]
HTML = b"<!DOCTYPE html><html><body>Moved</body></html>"
DAMAGED_IDX = {
    "missing images": (IMAGES, Path.unlink, "missing"),
    "missing labels": (LABELS, Path.unlink, "missing"),
    "an empty file": (IMAGES, changed(lambda _: b""), "0 bytes, too few"),
    "half a header": (IMAGES, changed(lambda content: content[:11]), "11 bytes, too few"),
    "a header alone": (IMAGES, changed(lambda content: content[:16]), "does not fit the shape"),
    "one byte less": (IMAGES, changed(lambda content: content[:-1]), "does not fit the shape"),
    "one byte more": (IMAGES, changed(lambda content: content + b"\0"), "does not fit the shape"),
    "labels too short": (LABELS, changed(lambda content: content[:-1]), "does not fit the shape"),
    "a huge size": (IMAGES, changed(lambda c: c[:4] + b"\xff" * 12 + c[16:]), "does not fit the shape"),
    "sizes whose product overflows": (
        IMAGES, changed(lambda c: c[:4] + struct.pack(">3I", 2**31, 2**31, 4)), "does not fit the shape",
    ),
    "a web page": (IMAGES, changed(lambda _: HTML), "magic number 2051"),
    "labels for images": (IMAGES, changed(lambda _: idx_bytes(np.zeros(40))), "2049, not with the magic number 2051"),
    "images for labels": (LABELS, image_file(30, 28, 28), "2051, not with the magic number 2049"),
    "signed bytes": (IMAGES, changed(lambda c: c[:2] + b"\x09" + c[3:]), "magic number"),
    "another size": (IMAGES, image_file(40, 32, 32), "32×32 pixels, not 28×28"),
    "no images": (IMAGES, image_file(0, 28, 28), "empty split"),
    "no labels": (LABELS, changed(lambda _: idx_bytes(np.zeros(0))), "empty split"),
    "fewer images than labels": (FILES[1], changed(lambda _: idx_bytes(np.zeros(41))), "41 labels for 40 images"),
    "more images than labels": (FILES[1], changed(lambda _: idx_bytes(np.zeros(39))), "39 labels for 40 images"),
    "a label of 10": (LABELS, labels_with(10), "a label of 10"),
    "a label of 255": (FILES[1], labels_with(255), "a label of 255"),
    "a folder": (IMAGES, folder_instead, "cannot be read"),
}  # fmt: skip
DAMAGED_GZIP = {
    "an empty file": (changed(lambda _: b""), "too few|not JSON"),
    "a web page": (changed(lambda _: b"\n " + HTML), "not a gzip file: it is a web page"),
    "not gzipped": (changed(gzip.decompress), "not a gzip file"),
    "one byte": (changed(lambda content: content[:1]), "not a gzip file"),
    "truncated in its header": (changed(lambda content: content[:7]), "truncated or damaged"),
    "truncated in its middle": (changed(lambda content: content[: len(content) // 2]), "truncated or damaged"),
    "truncated in its checksum": (changed(lambda content: content[:-5]), "truncated or damaged"),
    "a wrong checksum": (changed(lambda c: c[:-8] + bytes([c[-8] ^ 1]) + c[-7:]), "truncated or damaged"),
    "rubbish inside": (changed(lambda c: c[: len(c) // 2] + bytes(9) + c[len(c) // 2 + 9 :]), "truncated or damaged"),
    "rubbish behind": (changed(lambda content: content + b"rubbish"), "truncated or damaged"),
    "a gzipped web page": (changed(lambda _: gzip.compress(HTML)), "magic number|not JSON"),
    "gzipped nothing": (changed(lambda _: gzip.compress(b"")), "too few|not JSON"),
}

REMEDY = re.compile(
    r"\. (Remove|Fetch|Check|Use|Correct|Convert|Make|Put|Replace|Choose|Load|Save|Scale|Set|Pictures lie|Folders are)"
)


def assert_refused(source, words: str, name: str, **options):
    """Loading raises a DataError that names the file, what is wrong, and a remedy."""
    with pytest.raises(DataError, match=words) as caught:
        load_digits(source, **options)
    message = str(caught.value)
    assert name in message.split(": ")[0]
    assert REMEDY.search(message), message


@pytest.mark.parametrize(("name", "damage", "words"), DAMAGED_IDX.values(), ids=DAMAGED_IDX)
def test_a_damaged_idx_file_is_refused(tmp_path, digits, name, damage, words):
    put_mnist(tmp_path, digits.train, digits.test)
    damage(tmp_path / "MNIST" / "raw" / name)
    assert_refused("mnist", words, name, root=tmp_path)
    assert_refused("auto", words, name, root=tmp_path)


@pytest.mark.parametrize("name", ["digits.json.gz", IMAGES + ".gz", LABELS + ".gz"])
@pytest.mark.parametrize(("damage", "words"), DAMAGED_GZIP.values(), ids=DAMAGED_GZIP)
def test_a_damaged_gzip_file_is_refused(tmp_path, digits, name, damage, words):
    if name == "digits.json.gz":
        source, path = (tmp_path / name, put_json(tmp_path / name, json_content(digits)))
    else:
        put_mnist(tmp_path, digits.train, noise(3000, seed=3), zipped=True)
        source, path = "mnist", tmp_path / "MNIST" / "raw" / name
    damage(path)
    assert_refused(source, words, name, root=tmp_path)


@pytest.mark.parametrize("extra", [b"", b"\0"], ids=["shorter", "longer"])
def test_a_gzipped_idx_file_of_another_length_than_its_header_says_is_refused(tmp_path, digits, extra):
    put_mnist(tmp_path, digits.train, digits.test, zipped=True)
    path = tmp_path / "MNIST" / "raw" / (IMAGES + ".gz")
    content = gzip.decompress(path.read_bytes())
    path.write_bytes(gzip.compress(content + extra if extra else content[:-1]))
    assert_refused("mnist", "does not fit the shape", path.name, root=tmp_path)


@pytest.mark.parametrize("kind", ["mnist", "digits.json.gz"])
def test_a_file_without_the_right_to_read_it_is_refused(tmp_path, digits, kind, monkeypatch):
    put_mnist(tmp_path, digits.train, digits.test)
    path = put_json(tmp_path / "digits.json.gz", json_content(digits))
    really_open = open

    def refuse(file, *args, **kwargs):
        if str(file).endswith((IMAGES, "digits.json.gz")):
            raise PermissionError(13, "Permission denied", str(file))
        return really_open(file, *args, **kwargs)

    monkeypatch.setattr("builtins.open", refuse)
    source, name = ("mnist", IMAGES) if kind == "mnist" else (path, path.name)
    assert_refused(source, "cannot be read .*Permission denied", name, root=tmp_path)


def wrap(levels: int, value=0):
    for _ in range(levels):
        value = [value]
    return value


def with_image(pixels):
    """A damage of JSON content: another first image in the training split."""
    return lambda content: [[[pixels, *content[0][0][1:]], content[0][1]], *content[1:]]


def with_label(label, part=0):
    def damage(content):
        content[part][1][0] = label
        return content

    return damage


DAMAGED_JSON = {
    "null": (lambda _: None, "not of the shape"),
    "a number": (lambda _: 5, "not of the shape"),
    "a text": (lambda _: "train", "not of the shape"),
    "an empty list": (lambda _: [], "not of the shape"),
    "a dictionary": (lambda c: dict(zip(PARTS, c, strict=True)), "not of the shape"),
    "two splits": (lambda c: c[:2], "not of the shape"),
    "four splits": (lambda c: [*c, c[0]], "not of the shape"),
    "splits of dictionaries": (lambda c: [{"images": i, "labels": k} for i, k in c], "not of the shape"),
    "images without labels": (lambda c: [c[0][0], c[1][0], c[2][0]], "not of the shape"),
    "a split that is null": (lambda c: [c[0], None, c[2]], "not of the shape"),
    "pairs of texts": (lambda _: [["images", "labels"]] * 3, "not of the shape"),
    "pairs of image and label": (lambda c: [[[i, k] for i, k in zip(*part, strict=True)] for part in c], "not of"),
    "an empty training split": (lambda c: [[[], []], *c[1:]], "train split is empty"),
    "an empty validation split": (lambda c: [c[0], [[], []], c[2]], "validation split is empty"),
    "an empty test split": (lambda c: [*c[:2], [[], []]], "test split is empty"),
    "images without pixels": (lambda c: [[[[] for _ in c[0][0]], c[0][1]], *c[1:]], "images of 0 numbers"),
    "images of another size": (lambda c: [[[i[:783] for i in c[0][0]], c[0][1]], *c[1:]], "images of 783 numbers"),
    "images of 32×32": (lambda c: [*c[:2], [[[0] * 1024] * 30, c[2][1]]], "images of 1024 numbers in test"),
    "one number an image": (lambda c: [[[1.0] * 40, c[0][1]], *c[1:]], "images of 1 numbers"),
    "ragged images": (with_image([0] * 783), "not all of one size"),
    "a number among the images": (with_image(0), "not all of one size"),
    "a deeper image": (with_image(wrap(100)), "not all of one size"),
    "images nested deeply": (lambda c: [[[wrap(100)] * 40, c[0][1]], *c[1:]], "not all"),
    "pixels as texts": (with_image(["0"] * 784), 'holds "'),
    "pixels as booleans": (with_image([False] * 783 + [True]), "holds true"),
    "a pixel that is null": (with_image([0] * 783 + [None]), "holds null"),
    "an image that is a text": (with_image("0" * 784), 'holds "'),
    "an image that is a dictionary": (with_image({"0": 0}), 'holds "'),
    "an empty dictionary": (with_image({}), "not all numbers"),
    "a NaN pixel": (with_image([0] * 783 + [float("nan")]), "NaN or infinite pixels in train"),
    "an infinite pixel": (with_image([0] * 783 + [float("inf")]), "NaN or infinite pixels in train"),
    "a gigantic pixel": (with_image([0] * 783 + [10**400]), "not all numbers"),
    "a pixel of 256": (with_image([0] * 783 + [256]), "pixels from 0 to 256"),
    "a pixel of -1 among 0..255": (with_image([0] * 783 + [-1]), "pixels from -1 to 255"),
    "16-bit pixels": (with_image([65535] * 784), "pixels from 0 to 65535"),
    "a label of 10": (with_label(10), "a label of 10"),
    "a label of -1": (with_label(-1, part=1), "a label of -1"),
    "a label of 2.5": (with_label(2.5, part=2), "a label of 2.5"),
    "a gigantic label": (with_label(1e30), r"a label of 1e\+30"),
    "a label past any float": (with_label(10**400), "labels of train are not all numbers"),
    "a NaN label": (with_label(float("nan")), "NaN or infinite labels"),
    "a label that is null": (with_label(None), "holds null"),
    "a label that is a text": (with_label("3"), 'holds "'),
    "a label that is true": (with_label(True), "holds true"),
    "a label that is a list": (with_label([3]), "labels of train are not all numbers"),
    "one-hot labels": (lambda c: [[c[0][0], np.eye(10)[c[0][1]].tolist()], *c[1:]], "labels of shape"),
    "fewer labels": (lambda c: [[c[0][0], c[0][1][1:]], *c[1:]], "39 labels for 40 images"),
    "fewer images": (lambda c: [*c[:2], [c[2][0][1:], c[2][1]]], "30 labels for 29 images"),
}  # fmt: skip
DAMAGED_TEXT = {
    "truncated text": lambda text: text[:-100],
    "binary rubbish": lambda _: bytes(range(256)) * 4,
    "invalid UTF-8": lambda text: text[:50] + b"\xff\xfe" + text[50:],
    "UTF-16": lambda text: text.decode().encode("utf-16"),
    "nested too deeply": lambda _: b"[" * 100_000 + b"]" * 100_000,
    "a number without end": lambda _: b"[" + b"1" * 5000 + b"]",
    "two documents": lambda text: text + text,
}


@pytest.mark.parametrize(("damage", "words"), DAMAGED_JSON.values(), ids=DAMAGED_JSON)
def test_a_json_file_of_another_shape_is_refused(tmp_path, digits, damage, words):
    path = put_json(tmp_path / "digits.json.gz", damage(json_content(digits, int)))
    assert_refused(path, words, "digits.json.gz")


@pytest.mark.parametrize("damage", DAMAGED_TEXT.values(), ids=DAMAGED_TEXT)
def test_a_file_that_is_not_json_is_refused(tmp_path, digits, damage):
    text = json.dumps(json_content(digits, int)).encode()
    assert_refused(put(tmp_path / "digits.json.gz", gzip.compress(damage(text))), "not JSON", "digits.json.gz")


@pytest.mark.parametrize(
    "pixel",
    [
        lambda k: (k / 255 - 0.1307) / 0.3081, lambda k: 1.02 * k / 255, lambda k: k / 255 - 0.02, lambda k: k - 128,
        lambda k: 2 * k, lambda k: k / 255 - 0.5, lambda k: k / 127.5 - 1.5,
    ],
    ids=["standardised", "above 1", "below 0", "signed bytes", "doubled", "centred", "below -1"],
)  # fmt: skip
def test_pixels_of_no_known_range_are_refused(tmp_path, digits, pixel):
    path = put_json(tmp_path / "digits.json.gz", json_content(digits, pixel))
    assert_refused(path, r"but 0\.\.255, \[0, 1\] or \[-1, 1\] was expected", "digits.json.gz")


def resized(mode="L", size=(28, 28)):
    return lambda path: Image.new(mode, size).save(path)


def emptied(path):
    for picture in path.parent.iterdir():
        picture.unlink()


def renamed(name):
    return lambda path: path.parent.rename(path.parent.with_name(name))


def without_tree(path):
    for child in path.parents[1].iterdir():
        emptied(child / "any")
        child.rmdir()


def without_test(path):
    (path.parents[2] / "test").rename(path.parents[2] / "exam")


def folder_for_a_picture(path):
    emptied(path)
    path.mkdir()


DAMAGED_PICTURES = {
    "not a picture": (changed(lambda _: b"not a picture"), "003.png", "unreadable picture"),
    "an empty picture": (changed(lambda _: b""), "003.png", "unreadable picture"),
    "a truncated picture": (changed(lambda content: content[:-60]), "003.png", "unreadable picture"),
    "a web page": (changed(lambda _: HTML), "003.png", "unreadable picture"),
    "a huge picture": (
        changed(lambda c: c[:16] + struct.pack(">2I", 10**6, 10**6) + c[24:]), "003.png", "unreadable picture",
    ),
    "another size": (resized(size=(32, 30)), "003.png", "32×30 pixels, not 28×28"),
    "16-bit pixels": (resized("I;16"), "003.png", "more than 8 bits"),
    "an empty class": (emptied, "3", "empty class folder"),
    "a class with only a folder": (folder_for_a_picture, "3", "empty class folder"),
    "a word for a class": (renamed("three"), "three", "not a digit's folder"),
    "a two-digit class": (renamed("10"), "10", "not a digit's folder"),
    "an empty split": (without_tree, "train", "empty split"),
    "no test folder": (without_test, "", "no folder test/"),
}  # fmt: skip


@pytest.mark.parametrize(("damage", "name", "words"), DAMAGED_PICTURES.values(), ids=DAMAGED_PICTURES)
def test_a_damaged_tree_of_pictures_is_refused(tmp_path, digits, damage, name, words):
    put_pictures(tmp_path / "tree", digits)
    damage(tmp_path / "tree" / "train" / "3" / "003.png")
    assert_refused(tmp_path / "tree", words, name or "tree")


@pytest.mark.parametrize("source", ["", "minst", "nowhere.json.gz", "~nobody/x.json.gz", "x" * 5000, "a\0b", "/"])
def test_a_source_that_is_not_there_is_refused(tmp_path, monkeypatch, source):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=r"missing|no folder|cannot be read"):
        load_digits(source)


def test_where_mnist_should_lie_may_be_a_file(tmp_path):
    root = put(tmp_path / "root", b"")
    assert_refused("mnist", "missing", IMAGES, root=root)


@pytest.mark.parametrize("kind", ["digits.json.gz", "mnist", "pictures"])
def test_random_damage_is_refused_or_harmless(tmp_path, digits, kind):
    """Flipped, lost and inserted bytes: a DataError, or the very digits that were there; nothing else."""
    draw = random.Random(0)
    if kind == "mnist":
        source, root = "mnist", put_mnist(tmp_path, digits.train, digits.test, zipped=True)
        path = tmp_path / "MNIST" / "raw" / (FILES[1] + ".gz")
    elif kind == "pictures":
        source, root = put_pictures(tmp_path, digits), None
        path = tmp_path / "train" / "3" / "003.png"
    else:
        source, root = put_json(tmp_path / kind, json_content(digits, int)), None
        path = source
    whole, expected, refused = path.read_bytes(), load_digits(source, root=root), 0
    for _ in range(60):
        content = bytearray(whole)
        where = draw.randrange(len(content))
        draw.choice([
            lambda c=content, w=where: c.__setitem__(w, draw.randrange(256)),
            lambda c=content, w=where: c.__delitem__(slice(w, None)),
            lambda c=content, w=where: c.insert(w, draw.randrange(256)),
        ])()  # fmt: skip
        path.write_bytes(content)
        try:
            loaded = load_digits(source, root=root)
        except DataError as error:
            refused += path.name in str(error)
        else:
            refused += all(same(getattr(loaded, part), getattr(expected, part)) for part in PARTS)
    assert refused == 60


# -------------------------------------------------------------------------------------------- what is held out and kept


@pytest.fixture
def mnist(tmp_path) -> Path:
    """A folder with an MNIST of 200 training digits and 30 test digits."""
    return put_mnist(tmp_path / "root", noise(200, seed=8), noise(30, seed=9))


def test_mnist_keeps_its_order_where_nothing_is_held_out(mnist):
    assert same(load_digits("mnist", root=mnist, seed=3).train, noise(200, seed=8))


def test_validation_is_drawn_from_the_training_digits_and_both_keep_their_order(mnist):
    digits = load_digits("mnist", root=mnist, validation=50)
    place = {content: index for index, content in enumerate(contents(noise(200, seed=8)))}
    train, validation = ([place[content] for content in contents(split)] for split in (digits.train, digits.validation))
    assert (len(train), len(validation)) == (150, 50)
    assert sorted(train + validation) == list(range(200))
    assert train == sorted(train)
    assert validation == sorted(validation) != list(range(validation[0], validation[0] + 50))
    assert digits.train.labels.tolist() == [index % 10 for index in train]
    assert digits.validation.labels.tolist() == [index % 10 for index in validation]
    assert same(digits.test, noise(30, seed=9))


@pytest.mark.parametrize("options", [{"validation": 50}, {"train_size": 60}, {"validation": 50, "train_size": 60}])
def test_a_seed_draws_one_split_and_another_seed_another(mnist, options):
    first, again, other = (load_digits("mnist", root=mnist, seed=seed, **options) for seed in (1, 1, 2))
    for part in PARTS:
        assert same(getattr(first, part), getattr(again, part))
    assert not same(first.train, other.train)
    assert same(first.test, other.test)


def test_train_size_keeps_some_of_the_others_and_leaves_validation_alone(mnist):
    digits, few = (load_digits("mnist", root=mnist, validation=50, train_size=size) for size in (None, 60))
    assert len(few.train.labels) == 60
    assert set(contents(few.train)) < set(contents(digits.train))
    assert same(few.validation, digits.validation)
    assert same(load_digits("mnist", root=mnist, train_size=200).train, noise(200, seed=8))


@pytest.mark.parametrize("validation", [0, 20])
def test_a_json_files_own_validation_split_is_kept(tmp_path, digits, validation):
    path = put_json(tmp_path / "x.json.gz", json_content(digits, int))
    loaded = load_digits(path, validation=validation, train_size=10)
    assert same(loaded.validation, digits.validation)
    assert set(contents(loaded.train)) < set(contents(digits.train))


def test_another_validation_size_is_drawn_from_train_and_validation_together(tmp_path, digits):
    loaded = load_digits(put_json(tmp_path / "x.json.gz", json_content(digits, int)), validation=25)
    assert [len(getattr(loaded, part).labels) for part in PARTS] == [35, 25, 30]
    assert {*contents(loaded.train), *contents(loaded.validation)} == {*contents(digits.train),
                                                                       *contents(digits.validation)}  # fmt: skip


@pytest.mark.parametrize(
    "options",
    [
        {"validation": -1}, {"validation": 200}, {"validation": 201}, {"train_size": 0}, {"train_size": -1},
        {"train_size": 201}, {"train_size": 151, "validation": 50},
    ],
    ids=str,
)  # fmt: skip
def test_sizes_that_do_not_fit_are_refused(mnist, options):
    with pytest.raises(DataError, match=r"Ask for fewer|Change train_size"):
        load_digits("mnist", root=mnist, **options)


@pytest.mark.parametrize("source", ["mnist", "digits", "json", "pictures"])
def test_loading_leaves_the_global_random_numbers_alone(tmp_path, digits, mnist, source):
    source = {
        "json": lambda: put_json(tmp_path / "x.json.gz", json_content(digits, int)),
        "pictures": lambda: put_pictures(tmp_path / "tree", digits),
    }.get(source, lambda: source)()
    before = torch.get_rng_state(), np.random.get_state()[1].tolist(), random.getstate()
    size = 1600 if source == "digits" else 5
    load_digits(source, root=mnist, validation=25, train_size=size)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert (np.random.get_state()[1].tolist(), random.getstate()) == before[1:]


def test_a_small_part_does_not_hold_on_to_the_whole(mnist):
    digits = load_digits("mnist", root=mnist, train_size=10)
    assert all(getattr(digits, part).images.untyped_storage().nbytes() <= 30 * 784 for part in PARTS)


# -------------------------------------------------------------------------------------------------- the embedded digits


def test_the_embedded_digits_look_like_mnist():
    digits = load_digits("digits", train_size=1700, validation=30)
    assert [len(getattr(digits, part).labels) for part in PARTS] == [1700, 30, 300]
    assert digits.name == "digits"
    for images, labels in (digits.train, digits.test):
        assert (images.dtype, images.shape[1:], labels.dtype) == (torch.uint8, (1, 28, 28), torch.int64)
        assert set(labels.tolist()) == set(range(10))
        assert images.max() > 200
        assert 0.1 < to_inputs(images).mean() < 0.25
    assert {max(box(image[0])) for image in digits.test.images} <= {19, 20}


@pytest.mark.parametrize("table", ["there", "elsewhere"])
def test_the_embedded_digits_are_those_that_scikit_learn_loads(monkeypatch, table):
    if table == "elsewhere":
        monkeypatch.setattr(embedded, "find_spec", lambda name: None)
    ink, labels = embedded._sklearn_digits()
    theirs = sklearn_datasets.load_digits()
    assert ink.dtype == torch.float32 and torch.equal(ink * 16, torch.from_numpy(theirs.images).float())
    assert labels.dtype == torch.int64 and labels.tolist() == theirs.target.tolist()


@pytest.mark.parametrize("sides", [(40, 40), (20, 13), (5, 20), (1, 1)], ids=str)
def test_ink_is_resized_as_torchvision_does_it(sides):
    ink = noise(8, seed=1).images[:, 0, :10] / 255
    theirs = TF.resize(ink, list(sides), transforms.InterpolationMode.BICUBIC, antialias=True)
    assert torch.equal(embedded._resized(ink, *sides), theirs.clamp(0, 1))


@pytest.mark.parametrize("seed", range(5))
def test_digits_are_moved_and_bent_as_torchvision_does_it(seed):
    theirs = transforms.Compose([
        transforms.RandomAffine(8, translate=(0.05, 0.05), scale=(0.95, 1.05), shear=5,
                                interpolation=transforms.InterpolationMode.BILINEAR),
        transforms.ElasticTransform(alpha=20.0, sigma=4.0),
    ])  # fmt: skip
    mine = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        for size in (128, 128, 1):
            images = noise(size, seed=size).images
            assert torch.equal(bending.move_and_bend(images, mine), theirs(images))


def test_the_embedded_test_digits_are_always_the_same():
    first = load_digits("digits", train_size=10).test
    kept = Split(first.images.clone(), first.labels.clone())
    first.images.zero_()  # not even a careless cell changes what the next one loads
    for options in ({"seed": 5}, {"validation": 40}, {"validation": 1, "seed": 9}):
        assert same(load_digits("digits", train_size=10, **options).test, kept)


@pytest.mark.parametrize(("validation", "train_size"), [(0, 1600), (1, 20), (300, 2000), (59_999, 1), (3, None)])
def test_no_embedded_training_digit_is_made_from_one_to_validate_or_test_on(monkeypatch, validation, train_size):
    made_from, multiply = [], embedded._multiply

    def watched(originals, size, generator):
        made_from.append((originals, size))
        return multiply(originals, min(size, 2000), generator)

    monkeypatch.setattr(embedded, "_multiply", watched)
    digits = load_digits("digits", validation=validation, train_size=train_size)
    train, held_out, test = (contents(split) for split in (*(originals for originals, _ in made_from), digits.test))
    assert [size for _, size in made_from] == [train_size or 60_000 - validation, validation]
    assert len({*train, *held_out, *test}) == len(train) + len(held_out) + len(test) == 1797
    assert bool(held_out) == bool(validation)
    whole = set(contents(digits.train)[: len(train)])
    assert whole <= set(train)
    assert len(whole) == min(len(train), len(digits.train.labels))


def test_embedded_digits_are_multiplied_by_moving_and_bending():
    digits = load_digits("digits", train_size=3000)
    originals = set(contents(digits.train)[:1497])
    moved = contents(digits.train)[1497:]
    assert len(set(moved)) == len(moved)
    assert not originals & set(moved)
    originals, bent = digits.train.images[:1497].float().flatten(1), digits.train.images[1497:1597].float().flatten(1)
    nearest = digits.train.labels[torch.cdist(bent, originals).argmin(dim=1)]
    assert (nearest == digits.train.labels[1497:1597]).float().mean() > 0.9


@pytest.mark.parametrize("validation", [0, 9])
def test_a_seed_draws_the_embedded_training_digits(validation):
    first, again, other = (
        load_digits("digits", train_size=1600, validation=validation, seed=seed) for seed in (1, 1, 2)
    )
    assert same(first.train, again.train)
    assert same(first.validation, again.validation)
    assert not same(first.train, other.train)
    assert same(first.validation, other.validation) == (validation == 0)


@pytest.mark.parametrize(
    ("validation", "train_size"), [(-1, 5), (60_000, None), (0, 0), (0, 60_001), (59_000, 1001), (5, -5)]
)
def test_sizes_that_the_embedded_digits_do_not_have_are_refused(validation, train_size):
    with pytest.raises(DataError, match=r"^digits: "):
        load_digits("digits", validation=validation, train_size=train_size)


# ---------------------------------------------------------------------------------------------------- auto, COURSE_DATA


@pytest.fixture
def elsewhere(tmp_path, monkeypatch) -> Path:
    """A working directory that is not the project's folder; the project's lies beside it, still without data."""
    monkeypatch.delenv("COURSE_DATA", raising=False)
    monkeypatch.setattr(load, "PROJECT", tmp_path / "project")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    return tmp_path / "elsewhere"


def load_and_read(capsys, **options) -> tuple[str, str]:
    """What `auto` chose, and the one line that it printed."""
    name = load_digits(train_size=10, **options).name
    out, err = capsys.readouterr()
    assert err == ""
    assert out.count("\n") == 1
    return name, out


def test_auto_takes_the_embedded_digits_where_there_is_no_mnist(elsewhere, monkeypatch, capsys):
    name, line = load_and_read(capsys)
    assert name == "digits"
    assert "scikit-learn" in line
    assert "data/" in line
    monkeypatch.setenv("COURSE_DATA", str(elsewhere / "nowhere"))
    name, line = load_and_read(capsys)
    assert name == "digits"
    assert "$COURSE_DATA" in line


@pytest.mark.parametrize("where", ["project's data", "absolute", "relative to the project", "relative to here", "root"])
def test_auto_takes_mnist_where_it_lies(elsewhere, monkeypatch, capsys, digits, where):
    project = elsewhere.parent / "project"
    folder, variable, spoken = {
        "project's data": (project / "data", None, "data/"),
        "absolute": (elsewhere / "mine", str(elsewhere / "mine"), "$COURSE_DATA"),
        "relative to the project": (project / "mine", "mine", "$COURSE_DATA"),
        "relative to here": (elsewhere / "mine", "mine", "$COURSE_DATA"),
        "root": (elsewhere / "mine", str(elsewhere / "nowhere"), "mine/"),
    }[where]
    put_mnist(folder, digits.train, digits.test, zipped=True)
    if variable:
        monkeypatch.setenv("COURSE_DATA", variable)
    name, line = load_and_read(capsys, **({"root": "mine"} if where == "root" else {}))
    assert name == "mnist"
    assert "MNIST" in line
    assert spoken in line
    assert str(elsewhere.parent) not in line
    assert len(load_digits("mnist", **({"root": "mine"} if where == "root" else {})).train.labels) == 40


def test_a_part_of_mnist_is_an_error_and_no_reason_to_take_other_digits(elsewhere, monkeypatch, digits):
    put_mnist(elsewhere, digits.train, digits.test, zipped=True)
    (elsewhere / "MNIST" / "raw" / (FILES[2] + ".gz")).unlink()
    monkeypatch.setenv("COURSE_DATA", str(elsewhere))
    assert_refused("auto", "missing", FILES[2])


def test_loading_by_name_prints_nothing(mnist, capsys):
    load_digits("mnist", root=mnist)
    load_digits("digits", train_size=10)
    assert capsys.readouterr() == ("", "")


# --------------------------------------------------------------------------------------------------------------- memory

MEASURE = """
import sys
from pathlib import Path
from course_utils.data import load_digits

def peak():
    return 1024 * int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])

load_digits("mnist", root=sys.argv[1])
for root in sys.argv[2:]:
    try:
        Path("/proc/self/clear_refs").write_text("5")  # from now on, the peak is a new one
    except OSError:
        pass
    before = peak()
    digits = load_digits("mnist", root=root)
    size = sum(t.nbytes for split in (digits.train, digits.test) for t in split)
    assert len(digits.train.labels) == 60_000
    print((peak() - before) / size)
    del digits
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak is read from Linux's /proc")
def test_loading_mnist_takes_about_the_size_of_its_tensors(tmp_path, mnist):
    sizes = (60_000, 10_000)
    train, test = (
        Split(torch.zeros(n, 1, 28, 28, dtype=torch.uint8), torch.zeros(n, dtype=torch.int64)) for n in sizes
    )
    roots = [put_mnist(tmp_path / name, train, test, zipped=name == "gz") for name in ("plain", "gz")]
    command = [sys.executable, "-c", MEASURE, *map(str, (mnist, *roots))]
    ratios = list(map(float, subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()))
    assert len(ratios) == 2
    assert max(ratios) < 1.5, ratios


# -------------------------------------------------------------------------------------------------------------- batches


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("batch_size", [1, 7, 40, 64])
def test_batches_hold_every_sample_once_each_time(digits, batch_size, shuffle):
    cut = batches(digits.train, batch_size, shuffle=shuffle, generator=generator())
    expected = sorted(zip(contents(digits.train), digits.train.labels.tolist(), strict=True))
    for _ in range(2):
        parts = list(cut)
        assert len(parts) == len(cut) == -(-40 // batch_size)
        sizes = [len(labels) for _, labels in parts]
        assert sizes == [min(batch_size, 40)] * (40 // batch_size or 1) + [40 % batch_size] * (
            batch_size < 40 and 40 % batch_size > 0
        )
        images = torch.cat([images for images, _ in parts])
        labels = torch.cat([labels for _, labels in parts])
        assert (images.dtype, labels.dtype) == (torch.float32, torch.int64)
        assert images.shape == (40, 1, 28, 28)
        whole = Split((images * 255).round().to(torch.uint8), labels)
        assert sorted(zip(contents(whole), labels.tolist(), strict=True)) == expected


def test_batches_in_order_are_in_order(digits):
    cut = batches(digits.train, 7, shuffle=False)
    for _ in range(2):
        assert torch.equal(torch.cat([labels for _, labels in cut]), digits.train.labels)


def orders(cut, passes=2) -> list[list[float]]:
    return [torch.cat([images[:, 0, 5, 5] for images, _ in cut]).tolist() for _ in range(passes)]


def test_a_shuffle_is_new_each_pass_and_the_same_for_the_same_seed(digits):
    first, again, other = (
        orders(batches(digits.train, 7, shuffle=True, generator=generator(seed))) for seed in (1, 1, 2)
    )
    assert first[0] != first[1]
    assert first == again
    assert first != other


def test_the_global_random_numbers_do_not_decide_a_shuffle(digits):
    before = torch.get_rng_state()
    first = orders(batches(digits.train, 7, shuffle=True, generator=generator()))
    assert torch.equal(before, torch.get_rng_state())
    torch.manual_seed(99)
    assert orders(batches(digits.train, 7, shuffle=True, generator=generator())) == first


def test_cutting_batches_leaves_the_split_as_it_was(digits):
    for _ in range(2):
        for images, labels in batches(digits.train, 7, shuffle=False, normalise=(0.5, 0.5)):
            images.zero_()
            labels.clone().zero_()
    assert same(digits.train, noise(40, seed=1))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"batch_size": 0, "shuffle": False}, "batch_size is 0"),
        ({"batch_size": -3, "shuffle": False}, "batch_size is -3"),
        ({"batch_size": 8, "shuffle": True}, "pass generator"),
    ],
)
def test_batches_that_cannot_be_cut_are_refused(digits, options, words):
    with pytest.raises(ValueError, match=words):
        batches(digits.train, **options)


def test_an_empty_split_has_no_batches(mnist):
    with pytest.raises(ValueError, match=r"empty split.*validation="):
        batches(load_digits("mnist", root=mnist).validation, 8, shuffle=False)


@pytest.mark.parametrize("normalise", [(0.0, 1.0), (0.5, 0.5), (0.1307, 0.3081)])
def test_inputs_are_exact(normalise):
    pixels = torch.arange(256, dtype=torch.uint8).reshape(1, 1, 16, 16)
    mean, std = map(np.float32, normalise)
    exact = (np.arange(256, dtype=np.float32) / np.float32(255) - mean) / std
    inputs = to_inputs(pixels, normalise)
    assert inputs.dtype == torch.float32
    assert np.array_equal(inputs.numpy().ravel(), exact)
    (batch, _) = next(iter(batches(Split(pixels, torch.tensor([1])), 1, shuffle=False, normalise=normalise)))
    assert torch.equal(batch, inputs)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_inputs_are_new_tensors(dtype):
    pixels = torch.arange(256).to(dtype)
    to_inputs(pixels, (0.5, 0.5))
    assert torch.equal(pixels, torch.arange(256).to(dtype))


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


def centre_of_mass(frame) -> list[float]:
    mass = frame.float() / frame.sum()
    place = torch.arange(28) + 0.5
    return [(mass.sum(1) @ place).item(), (mass.sum(0) @ place).item()]


FRAMED = {
    "a stroke": (page(50, 50, (slice(5, 45), slice(20, 24))), (20, 2)),
    "a bar": (page(30, 90, (slice(10, 14), slice(5, 85))), (1, 20)),
    "an L": (page(60, 60, (slice(10, 50), slice(10, 20)), (slice(40, 50), slice(10, 50))), (20, 20)),
    "one pixel": (page(28, 28, (3, 20)), (20, 20)),
    "a page full of ink": (torch.ones(28, 28), (20, 20)),
    "a huge page": (page(1500, 1100, (slice(100, 1300), slice(300, 900))), (20, 10)),
    "a tiny page": (torch.ones(1, 1), (20, 20)),
    "a hairline": (page(200, 200, (slice(0, 200), 77)), (20, 1)),
}


@pytest.mark.parametrize(("ink", "size"), FRAMED.values(), ids=FRAMED)
def test_ink_is_brought_to_20_pixels_and_centred_by_its_mass(ink, size):
    before = ink.clone()
    frame = to_mnist_frame(ink)
    assert (frame.dtype, frame.shape) == (torch.uint8, (28, 28))
    assert frame.max() >= 250
    assert box(frame) == size
    assert centre_of_mass(frame) == pytest.approx([14.5, 14.5], abs=0.51)
    assert torch.equal(ink, before)


def test_an_uneven_digit_is_centred_by_mass_as_far_as_the_frame_allows():
    ink = page(40, 40, (slice(0, 40), slice(0, 2)), (slice(36, 40), slice(0, 40)))
    ink[:, 2:] *= 0.15
    frame = to_mnist_frame(ink)
    assert box(frame) == (20, 20)
    row, column = centre_of_mass(frame)
    assert row == pytest.approx(14.5, abs=4)
    assert column < 14.5, "the ink lies at the left edge, and the frame has only 8 pixels to give"


@pytest.mark.parametrize("ink", [torch.zeros(28, 28), torch.full((300, 200), 0.05), torch.zeros(1, 1)])
def test_a_page_without_ink_gives_an_empty_frame(ink):
    frame = to_mnist_frame(ink)
    assert (frame.dtype, frame.shape, int(frame.max())) == (torch.uint8, (28, 28), 0)


def test_where_a_digit_stood_on_its_page_does_not_matter():
    ink = torch.rand(12, 9, generator=generator())
    pages = [torch.zeros(60, 70) for _ in range(2)]
    pages[0][0:12, 0:9] = ink
    pages[1][40:52, 55:64] = ink
    assert torch.equal(*map(to_mnist_frame, pages))


# --------------------------------------------------------------------------------------------------------------- saving


def failing_on_call(number: int, function):
    """The function, with the disk full at one of its calls, and half a file written."""
    calls = iter(range(1, 10**6))

    def fail(*args, **kwargs):
        if next(calls) == number:
            raise OSError(28, "No space left on device")
        return function(*args, **kwargs)

    return fail


@pytest.mark.parametrize(
    ("container", "owner", "function", "call"),
    [("json", json, "dumps", 1), ("mnist", Path, "write_bytes", 3), ("images", Image.Image, "save", 50)],
)
def test_a_failed_save_leaves_nothing_behind(tmp_path, digits, monkeypatch, container, owner, function, call):
    (tmp_path / "kept.txt").write_text("kept")
    monkeypatch.setattr(owner, function, failing_on_call(call, getattr(owner, function)))
    with pytest.raises(OSError, match="No space left"):
        save_digits(digits, tmp_path / "new", container=container)
    assert [path.name for path in tmp_path.iterdir()] == ["kept.txt"]
    monkeypatch.undo()
    save_digits(digits, tmp_path / "new", container=container)
    assert {path.name for path in tmp_path.iterdir()} == {"kept.txt", "new"}


@pytest.mark.parametrize("container", ["json", "mnist", "images"])
@pytest.mark.parametrize("existing", ["file", "folder"])
def test_a_save_never_replaces_what_is_there(tmp_path, digits, container, existing):
    path = put(tmp_path / "file", b"mine") if existing == "file" else put(tmp_path / "folder" / "a", b"mine").parent
    before = tree(tmp_path)
    with pytest.raises(DataError, match=r"exists already\. Choose another name"):
        save_digits(digits, path, container=container)
    assert tree(tmp_path) == before


def test_json_without_a_validation_split_is_refused(tmp_path, mnist):
    with pytest.raises(DataError, match="validation="):
        save_digits(load_digits("mnist", root=mnist), tmp_path / "new" / "x.json.gz", container="json")
    assert list((tmp_path / "new").iterdir()) == []


# ------------------------------------------------------------------------------------------------------------- fetching


class Mirrors(ThreadingHTTPServer):
    """A server on this machine with good and bad mirrors of the four files, and a list of what was asked of it."""

    daemon_threads = True

    def __init__(self, files: dict[str, bytes]):
        super().__init__(("127.0.0.1", 0), Answer)
        self.files = {f"{name}.gz": gzip.compress(content) for name, content in files.items()}
        self.asked, self.over = [], threading.Event()

    def mirror(self, kind: str) -> str:
        return f"http://127.0.0.1:{self.server_port}/{kind}/"

    def handle_error(self, request, client_address):
        """A caller who hangs up is no error here."""


class Answer(BaseHTTPRequestHandler):
    def do_GET(self):
        _, kind, name = self.path.split("/")
        self.server.asked.append((kind, name))
        content = self.server.files[name]
        if kind == "404":
            self.send_error(404)
        elif kind == "silent":
            self.server.over.wait()
        elif kind == "closed":
            self.close_connection = True
        elif kind == "html":
            self.answer(HTML)
        elif kind == "wrong":
            self.answer(gzip.compress(b"another file"))
        elif kind == "truncated":
            self.answer(content[:-20])
        elif kind == "broken-off":
            self.answer(content[: len(content) // 2], length=len(content))
        elif kind == "stalled":
            self.answer(content[: len(content) // 2], length=len(content))
            self.server.over.wait()
        elif kind == "good":
            self.answer(content)

    def answer(self, content: bytes, length: int | None = None):
        self.send_response(200)
        self.send_header("Content-Length", str(length or len(content)))
        self.end_headers()
        self.wfile.write(content)
        self.wfile.flush()

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture
def mirrors(digits, monkeypatch):
    files = mnist_files(digits.train, digits.test)
    monkeypatch.setattr(idx, "MNIST_SHA256", {name: hashlib.sha256(c).hexdigest() for name, c in files.items()})
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    server = Mirrors(files)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def use(*kinds):
        monkeypatch.setattr(datasets.MNIST, "mirrors", [server.mirror(kind) for kind in kinds])

    server.use = use
    yield server
    server.over.set()
    server.shutdown()
    server.server_close()


BAD = ["404", "html", "wrong", "truncated", "broken-off", "closed"]
SLOW = ["silent", "stalled"]


def raw(root: Path) -> Path:
    return root / "MNIST" / "raw"


@pytest.mark.parametrize("bad", BAD)
def test_what_one_mirror_does_not_give_the_next_one_does(tmp_path, digits, mirrors, bad, capsys):
    mirrors.use(bad, "good")
    assert fetch_mnist(tmp_path, timeout=30) == raw(tmp_path)
    assert tree(raw(tmp_path)) == mnist_files(digits.train, digits.test)
    assert [path.name for path in tmp_path.iterdir()] == ["MNIST"]
    assert {name for kind, name in mirrors.asked if kind == bad} == set(mirrors.files)
    assert same(load_digits("mnist", root=tmp_path).train, digits.train)
    assert FILES[0] in capsys.readouterr().out


@pytest.mark.parametrize("slow", SLOW)
def test_a_mirror_that_falls_silent_is_left_after_the_time_out(tmp_path, digits, mirrors, slow):
    files = mnist_files(digits.train, digits.test)
    for name in FILES[1:]:
        put(raw(tmp_path) / name, files[name])
    mirrors.use(slow, "good")
    fetch_mnist(tmp_path, timeout=1)
    assert tree(raw(tmp_path)) == files
    assert mirrors.asked[0] == (slow, f"{FILES[0]}.gz")
    assert mirrors.asked[-1] == ("good", f"{FILES[0]}.gz")


@pytest.mark.parametrize("kinds", [["404", "closed"], ["html", "wrong"], ["truncated", "broken-off"]])
def test_where_every_mirror_fails_nothing_is_changed(tmp_path, digits, mirrors, kinds):
    files = mnist_files(digits.train, digits.test)
    put(raw(tmp_path) / FILES[0], files[FILES[0]])
    put(raw(tmp_path) / FILES[1], b"damaged")
    before = tree(tmp_path)
    mirrors.use(*kinds)
    with pytest.raises(DataError) as caught:
        fetch_mnist(tmp_path, timeout=30)
    message = str(caught.value)
    assert message.startswith(FILES[1])
    assert all(mirrors.mirror(kind) in message for kind in kinds)
    assert "Try again later" in message
    assert tree(tmp_path) == before


def test_a_failure_at_the_last_file_leaves_no_first_file(tmp_path, mirrors):
    mirrors.files[f"{FILES[-1]}.gz"] = gzip.compress(b"another file")
    mirrors.use("good")
    with pytest.raises(DataError, match=FILES[-1]):
        fetch_mnist(tmp_path, timeout=30)
    assert tree(tmp_path) == {}


@pytest.mark.parametrize("zipped", [False, True], ids=["plain", "gzipped"])
def test_what_is_there_and_genuine_is_not_fetched_again(tmp_path, digits, mirrors, zipped):
    put_mnist(tmp_path, digits.train, digits.test, zipped=zipped)
    before = tree(tmp_path)
    mirrors.use("good")
    fetch_mnist(tmp_path)
    assert mirrors.asked == []
    assert tree(tmp_path) == before


@pytest.mark.parametrize("zipped", [False, True], ids=["plain", "gzipped"])
def test_only_what_is_missing_or_damaged_is_fetched(tmp_path, digits, mirrors, zipped):
    put_mnist(tmp_path, digits.train, digits.test, zipped=zipped)
    ending = ".gz" if zipped else ""
    (raw(tmp_path) / (FILES[0] + ending)).unlink()
    changed(lambda content: content[:-1])(raw(tmp_path) / (FILES[2] + ending))
    mirrors.use("good")
    fetch_mnist(tmp_path)
    assert {name for _, name in mirrors.asked} == {f"{FILES[0]}.gz", f"{FILES[2]}.gz"}
    loaded = load_digits("mnist", root=tmp_path)
    assert same(loaded.train, digits.train)
    assert same(loaded.test, digits.test)


@pytest.mark.parametrize("interrupted", [1, 3])
@pytest.mark.parametrize("where", ["download_url", "shutil.copyfileobj"])
def test_an_interrupted_fetch_leaves_nothing_half(tmp_path, mirrors, monkeypatch, interrupted, where):
    put(raw(tmp_path) / FILES[0], b"damaged")
    before = tree(tmp_path)
    mirrors.use("good")
    owner = idx.shutil if where.startswith("shutil") else datasets.utils
    function, calls = getattr(owner, where.split(".")[-1]), iter(range(1, 100))

    def interrupt(*args):
        if next(calls) == interrupted:
            if where == "download_url":
                put(args[1] / "half", b"half")
            raise KeyboardInterrupt
        return function(*args)

    monkeypatch.setattr(owner, where.split(".")[-1], interrupt)
    with pytest.raises(KeyboardInterrupt):
        fetch_mnist(tmp_path)
    assert tree(tmp_path) == before
    assert [path.name for path in raw(tmp_path).iterdir()] == [FILES[0]]


def test_fetching_leaves_the_time_out_of_others_alone(tmp_path, mirrors):
    mirrors.use("404", "good")
    socket.setdefaulttimeout(77)
    try:
        fetch_mnist(tmp_path, timeout=30)
        assert socket.getdefaulttimeout() == 77
    finally:
        socket.setdefaulttimeout(None)


def test_mnist_goes_where_it_is_looked_for(elsewhere, monkeypatch, mirrors):
    mirrors.use("good")
    monkeypatch.setenv("COURSE_DATA", str(elsewhere / "mine"))
    assert fetch_mnist() == raw(elsewhere / "mine")
    assert load_digits("auto").name == "mnist"
