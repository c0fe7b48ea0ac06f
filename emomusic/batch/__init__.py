"""Many pictures and films, read in parallel into Parquet datasets. `cli/batch.py` is the command."""
