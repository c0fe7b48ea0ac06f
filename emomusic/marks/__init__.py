"""Drawing on pictures, frames and films."""
