from action_recognition.cli.main import main
