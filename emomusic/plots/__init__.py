"""Results in, Plotly figures out: no model, no file, no Streamlit."""
