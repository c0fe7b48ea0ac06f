"""FER2013 in, trained models out. Only this package imports TensorFlow."""

import os

# TensorFlow's messages about CPU kernels and GPU drivers
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
