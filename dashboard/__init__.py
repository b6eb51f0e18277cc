"""The dashboard: a Streamlit app over the materialised tables. It reads; it never writes, and never runs a model."""
