"""Images from files, folders and IDX, made equal in size and colour, read when asked for."""

from suimon.data.images.form import ImageForm
from suimon.data.images.read import read_images
from suimon.data.images.sequence import ImageRows, Images

__all__ = ["ImageForm", "ImageRows", "Images", "read_images"]
