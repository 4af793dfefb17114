"""The dashboard: a Streamlit page (`app`), and what it shows, importable without Streamlit."""
