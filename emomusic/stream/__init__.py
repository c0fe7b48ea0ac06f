"""Faces over time, from a camera or a film: tracking, timeline, game and lesson."""
