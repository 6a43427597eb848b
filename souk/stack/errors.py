"""The errors a person can do something about. Their text is one line and ends with what to do."""


class StackError(Exception):
    """The stack cannot start, or cannot be found. The command line prints the message and exits with 2."""


class GaveUpError(Exception):
    """A child failed again and again and the stack was stopped. The command line exits with 1."""


class StopRequested(BaseException):
    """SIGTERM, SIGINT or SIGHUP arrived. Like KeyboardInterrupt no error, so nothing swallows it."""
