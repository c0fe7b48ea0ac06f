"""Plotly figures made from results, without model calls or Streamlit."""
