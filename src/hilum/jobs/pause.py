"""A pause that ends when the process is asked to stop."""

import threading


class Stopped(BaseException):
    """The process stops: the step in hand is left as it is, and done again by the next one.

    No `Exception`, so that nothing which handles errors takes it for one; the job engine
    writes nothing down and the job stays in work.
    """


class Pause:
    """Lets steps wait until a service is back. For all threads of a process."""

    def __init__(self) -> None:
        self._stop = threading.Event()

    def __call__(self, seconds: float) -> None:
        """Wait.

        Raises
        ------
        Stopped
            The process stops; at once, if it does already.
        """
        if self._stop.wait(seconds):
            raise Stopped

    def stop(self) -> None:
        """Let every wait end, those that are still to come too."""
        self._stop.set()
