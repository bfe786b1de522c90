"""What fakes that do jobs have in common: they play a script, which knows what went wrong."""

from tests.fakes.job_script import JobScript
from tests.fakes.loopback_fake import LoopbackFake


class JobServer(LoopbackFake):
    """Base of the fakes whose jobs a `JobScript` tells."""

    def __init__(self) -> None:
        super().__init__()
        self.script = JobScript()
        self.problems = self.script.problems
        self.expect_refusals = False
        """Refused requests, and starts that found the script empty, are what the test is about."""

    def close(self) -> None:
        """Stop, ending every connection.

        Raises:
            AssertionError: there are problems that nobody expects.
        """
        if self.expect_refusals:
            self.problems.clear()
        super().close()
