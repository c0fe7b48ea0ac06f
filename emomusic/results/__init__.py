"""Saved results of the trained models: records, predictions, and findings for people."""
