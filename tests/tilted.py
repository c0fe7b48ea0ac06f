import cv2
import numpy as np

from emomusic.media.images import RgbImage


def turned(image: RgbImage, degrees: float) -> RgbImage:
    """A copy that is turned clockwise on a larger canvas."""
    height, width = image.shape[:2]
    side = round(np.hypot(height, width))
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), -degrees, 1.0)
    matrix[:, 2] += (side - width) / 2, (side - height) / 2
    return np.asarray(cv2.warpAffine(image, matrix, (side, side), borderMode=cv2.BORDER_REPLICATE), np.uint8)
