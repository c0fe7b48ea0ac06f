"""Mood models and song recommendations from audio features."""
