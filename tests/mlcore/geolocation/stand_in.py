"""A small honest extractor where no trained model is at hand: colours and gradients per cell, and SIFT for fine places."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from mlcore.geolocation.features import PictureFeatures
from mlcore.geometry.transform import fit

CELL, CHANNELS, SIZE = 32, 24, 16
