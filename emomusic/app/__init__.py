"""The Streamlit app: one folder for each page; pages share the other modules."""
