"""Opens the dashboard: `action-recognition app` has Streamlit run this script."""

from streamlit.starlette import App

from action_recognition.dashboard.app import main

if __name__ == "__main__":  # drawn anew for a visitor
    main()
else:  # imported by `streamlit run`, which starts what is called `app`
    from action_recognition.dashboard.server import middleware

    app = App(__file__, middleware=middleware())
