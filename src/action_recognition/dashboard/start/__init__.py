"""What Streamlit is given to start: a script, and the settings in `.streamlit` beside it."""
