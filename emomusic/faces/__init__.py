"""Pictures in, faces and their emotions out, without TensorFlow."""
