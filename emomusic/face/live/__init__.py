"""Faces in a stream of frames: reading, tracking and the timeline of the group."""
