"""Images in, faces and their emotions out."""
