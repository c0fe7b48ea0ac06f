"""The Film page: a film, its faces, scenes and songs."""
