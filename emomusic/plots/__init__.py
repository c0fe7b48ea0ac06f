"""Plotly figures and annotated images made from results, without model calls, file access or Streamlit."""
