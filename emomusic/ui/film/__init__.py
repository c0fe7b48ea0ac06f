"""The Video page: a film, its faces, scenes and songs."""
