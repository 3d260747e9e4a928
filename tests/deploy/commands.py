"""What containers are started with."""

PROGRAM = ["python", "tools/serve.py"]


def server_words(command):
    """The words that a container's command gives to tools/serve.py."""
    assert command[: len(PROGRAM)] == PROGRAM
    return command[len(PROGRAM) :]
