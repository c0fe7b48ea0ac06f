"""FER2013 in, trained models out. Only this package and emomusic.explain import TensorFlow."""
