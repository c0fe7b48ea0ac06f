"""FER2013 in, trained models out. Only this package imports TensorFlow."""
