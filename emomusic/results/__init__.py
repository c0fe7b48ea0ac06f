"""Saved model results: records, predictions, and findings in words."""
