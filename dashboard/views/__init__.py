"""Pure functions from frame to frame, chart or sentence. No Streamlit, no files."""
