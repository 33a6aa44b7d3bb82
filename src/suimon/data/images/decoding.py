"""One image from one file: bounded before it is decoded, brought to one size and colour."""

from __future__ import annotations

import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from suimon.data.images.form import ImageForm
from suimon.errors import ConfigError, DataError

if TYPE_CHECKING:
    from PIL import Image

ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".pgm", ".ppm")
MOST_PIXELS = 50_000_000
"""Pixels that a file may announce: decoded they take four bytes each."""

_FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP", "PPM")
_BROKEN = (OSError, SyntaxError, ValueError, EOFError, IndexError, struct.error, zlib.error)
_GREY = ("1", "L", "LA", "I", "I;16", "I;16B", "I;16L")
_DEEP = ("I", "I;16", "I;16B", "I;16L")  # 16 bits a pixel, of which the upper 8 are read

Bytes = npt.NDArray[np.uint8]


def is_image(path: Path) -> bool:
    """Whether a file is an image by the end of its name."""
    return path.name.lower().endswith(ENDINGS)


def form_of(path: Path) -> ImageForm:
    """Size and colour of an image by its header alone. Raises as :func:`decoded`."""
    with _opened(path) as image:
        turned = image.getexif().get(0x0112, 1) in (5, 6, 7, 8)  # by a quarter
        width, height = image.size[::-1] if turned else image.size
        return ImageForm(height, width, 1 if image.mode in _GREY else 3)


def stored_size(path: Path) -> tuple[int, int]:
    """Rows and pixels of a row as a file's header announces them, before the image is turned.

    Nothing is decoded. Raises as :func:`decoded`.
    """
    with _opened(path) as image:
        return image.height, image.width


def decoded(path: Path, form: ImageForm) -> Bytes:
    """The pixels of an image file, ``form.shape``, 0 to 255.

    Turned as its EXIF data says, laid on white where it is transparent, made grey by
    ``0.299 R + 0.587 G + 0.114 B``, and stretched to the size by bilinear means over all pixels
    that fall upon one. Of a moving picture the first frame is read.

    Args:
        path: PNG, JPEG, BMP, GIF, TIFF, WebP, PGM or PPM.
        form: what it is brought to.

    Raises:
        ConfigError: Pillow is not installed.
        DataError: the file cannot be read, is no image, is cut short or broken, or announces more
            than :data:`MOST_PIXELS`.
    """
    with _opened(path) as image:
        _, ops = _pillow()
        ops.exif_transpose(image, in_place=True)
        image = _upright(image, path)
        image = image.convert("L" if form.channels == 1 else "RGB")
        return _stretched(image, form)


def resized(pixels: Bytes, form: ImageForm) -> Bytes:
    """Pixels ``(height, width, channels)`` brought to another form, as :func:`decoded` does."""
    if pixels.shape == form.shape:
        return pixels
    pillow, _ = _pillow()
    image = pillow.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    return _stretched(image.convert("L" if form.channels == 1 else "RGB"), form)


def png(pixels: Bytes) -> bytes:
    """Pixels ``(height, width, channels)`` as the content of a PNG file.

    Raises:
        ConfigError: Pillow is not installed.
    """
    from io import BytesIO

    pillow, _ = _pillow()
    content = BytesIO()
    pillow.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels).save(content, "PNG")
    return content.getvalue()


def _pillow() -> tuple[ModuleType, ModuleType]:
    try:
        from PIL import Image, ImageOps
    except ImportError:
        raise ConfigError(
            "reading and writing images needs Pillow; install with: pip install 'suimon[images]'"
        ) from None
    return Image, ImageOps


def _stretched(image: Image.Image, form: ImageForm) -> Bytes:
    if image.size != (form.width, form.height):
        image = image.resize((form.width, form.height), _pillow()[0].Resampling.BILINEAR)
    return np.asarray(image, np.uint8).reshape(form.shape)


def _upright(image: Image.Image, path: Path) -> Image.Image:
    """The image in 8 bits a channel, without transparency."""
    pillow, _ = _pillow()
    if image.mode == "F":
        raise DataError(f"{path} holds fractions, not 8 or 16 bits a pixel: convert it to PNG")
    if image.mode in _DEEP:
        upper = np.clip(np.asarray(image, np.int64), 0, 65_535) >> 8
        return pillow.fromarray(upper.astype(np.uint8))
    if image.mode in ("LA", "PA", "RGBA", "La", "RGBa") or "transparency" in image.info:
        image = image.convert("RGBA")
        white = pillow.new("RGBA", image.size, "white")
        return pillow.alpha_composite(white, image)
    return image


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    """An image whose header has been read and found within bounds."""
    pillow, _ = _pillow()
    try:
        with warnings.catch_warnings():
            # Of pixels beyond its own bound, which is above ours, and of damaged marks beside them.
            warnings.simplefilter("ignore")
            with pillow.open(path, formats=_FORMATS) as image:
                if image.width * image.height > MOST_PIXELS:
                    raise _too_large(path, f"{image.height:,} x {image.width:,}")
                yield image
    except pillow.DecompressionBombError:
        raise _too_large(path, "far too many") from None
    except (pillow.UnidentifiedImageError, FileNotFoundError, IsADirectoryError) as error:
        reason = "no such file" if isinstance(error, FileNotFoundError) else "it is no image"
        raise DataError(
            f"cannot read {path}: {reason}; give PNG, JPEG, BMP, GIF, TIFF, WebP or PPM"
        ) from None
    except DataError:
        raise
    except _BROKEN as error:
        what = " ".join(str(error).split())[:100] or type(error).__name__
        raise DataError(f"{path} is broken ({what}): get it again, or leave it out") from None


def _too_large(path: Path, size: str) -> DataError:
    return DataError(
        f"{path} announces {size} pixels, and more than {MOST_PIXELS:,} are not read: make it "
        "smaller, or leave it out"
    )
