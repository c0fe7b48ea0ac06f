"""The answers of pages to faces or to a mood, without Streamlit: computed once for a run of a page."""
