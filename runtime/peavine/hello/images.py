"""Fashion-MNIST: grey images of 28 x 28 pixels with a label of ten, from a folder of its four files.

The files are the Debian package dataset-fashion-mnist's, or a sample of them that peavine carries (see sample/LICENSE).
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from peavine.documents import Document
from peavine.errors import NotFound

PACKAGED = Path("/usr/share/datasets/fashion-mnist")
"""Where the Debian package has all 60,000 and 10,000 images."""

SAMPLE = Path(__file__).parent / "sample"
"""2,000 and 200 images."""

LABELS = (
    "T-shirt", "trousers", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot",
)  # fmt: skip


@dataclass(frozen=True)
class Images:
    """`pixels` n x 28 x 28 uint8, `labels` n uint8; `part` is train or t10k."""

    part: str
    pixels: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.pixels)

    def documents(self) -> Iterator[Document]:
        """Yield a Document for each image: its pixels as tensor, its label as tag, its place as id."""
        for i, (pixels, label) in enumerate(zip(self.pixels, self.labels.tolist(), strict=True)):
            yield Document(id=f"{self.part}-{i}", tensor=pixels, tags={"label": label})


def folder(data: Path | None) -> Path:
    """Return where images are: the folder that is asked for, else all of them where installed, else the sample."""
    if data is not None:
        return data
    return PACKAGED if PACKAGED.is_dir() else SAMPLE


def load(data: Path, part: str, limit: int | None) -> Images:
    """Return the first images of a part, `train` or `t10k`; all of them without a limit.

    Raises NotFound where a file is missing or is not what it should be.
    """
    pixels = _array(data / f"{part}-images-idx3-ubyte", 3)
    labels = _array(data / f"{part}-labels-idx1-ubyte", 1)
    if len(pixels) != 784 * len(labels):
        raise NotFound(f"{data}: {part} has {len(pixels) / 784:g} images and {len(labels)} labels; get the files again")
    return Images(part, pixels.reshape(-1, 28, 28)[:limit], labels[:limit])


def _array(path: Path, dimensions: int) -> npt.NDArray[np.uint8]:
    """Return the numbers of an IDX file, gzipped or not (http://yann.lecun.com/exdb/mnist, "the IDX file format")."""
    for found in (path.with_name(path.name + ".gz"), path):
        try:
            raw = found.read_bytes()
            content = gzip.decompress(raw) if found.suffix == ".gz" else raw
        except FileNotFoundError:
            continue
        except (OSError, EOFError, zlib.error) as error:
            raise NotFound(f"{found} cannot be read: {error}") from error
        header = 4 + 4 * dimensions
        if len(content) < header or content[:4] != bytes([0, 0, 8, dimensions]):
            raise NotFound(f"{found} is no IDX file of bytes in {dimensions} dimensions; get it again")
        return np.frombuffer(content, np.uint8, offset=header)
    raise NotFound(f"no {path.name}.gz in {path.parent}; apt-get install dataset-fashion-mnist, or leave --data out")
