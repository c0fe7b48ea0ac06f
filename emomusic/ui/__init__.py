"""The Streamlit app: one folder for each page; `core` and `songs` are shared. Only this package imports Streamlit."""
