"""Pictures, films and sound in; checked pixels and samples out."""
