"""The Streamlit app: one folder for each page; the modules beside them are shared by pages."""
