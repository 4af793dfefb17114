"""Opens the dashboard: `streamlit run op_app.py`."""

from action_recognition.dashboard.app import main

main()
