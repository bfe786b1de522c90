"""A run's questions to people: asked, waited for without spending the run's time, answered."""

import shlex
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from rota.durations import format_duration
    from rota.notify_spec import Occasion
    from rota.outcome import RunOrigin
    from rota.questions import OpenQuestion, Question, QuestionAnswer, check_answer
    from workflows.activity_options import ANSWER_PATIENCE
    from workflows.run_kit.clock import RunClock
    from workflows.run_kit.standing import Standing

REFUSED = "AnswerRefusedError"
"""Type of the failure of an answer that is none."""


class Questions:
    """The questions of one run. Create it first thing in the workflow's `run`.

    Messages: update `answer` (a `QuestionAnswer`; the same again changes nothing).
    """

    def __init__(
        self, origin: RunOrigin, standing: Standing, clock: RunClock, asked: int = 0
    ) -> None:
        """Go on numbering after the `asked` questions of earlier executions."""
        self.asked = asked
        """How many there were so far. All are closed between two steps of a run."""
        self._origin = origin
        self._standing = standing
        self._clock = clock
        self._open: dict[str, OpenQuestion] = {}
        self._answers: dict[str, QuestionAnswer] = {}
        workflow.set_update_handler("answer", self._on_answer, validator=self._check)

    @property
    def open(self) -> list[dict[str, Any]]:
        """Those that wait for an answer, oldest first, as the query `status` tells them."""
        return [
            waiting.model_dump(mode="json")
            for id, waiting in self._open.items()
            if id not in self._answers
        ]

    async def ask(
        self, question: Question, patience: timedelta = ANSWER_PATIENCE
    ) -> QuestionAnswer:
        """Ask a person and wait for the answer; questions may be open at the same time.

        Args:
            question: Gets its id here.
            patience: How long people have. Whatever started the run may have less.

        Returns:
            The answer; one that says `declined` if nobody has answered in time.
        """
        self.asked += 1
        question = question.model_copy(update={"id": f"q{self.asked}"})
        since = workflow.now()
        until = since + patience
        until = min(until, self._origin.bound) if self._origin.bound else until
        id = question.id
        self._open[id] = OpenQuestion(question=question, since=since, until=until)
        todo = f"rota answer {shlex.quote(self._origin.run.id)} {id}"
        self._standing.telling.waits(Occasion.QUESTION, id, question.text, todo)
        waiting = self._standing.wait(id, question.waiting, lambda: id in self._answers, until)
        try:
            await self._clock.still(waiting)
        except BaseException:
            self._open.pop(id, None)
            raise
        # Not `finally`: see `Standing.wait`.
        self._open.pop(id, None)
        if not self._open:
            self._standing.resume()
        if id not in self._answers:
            waited = format_duration(timedelta(seconds=int((until - since).total_seconds())))
            note = f"nobody answered within {waited}"
            self._answers[id] = QuestionAnswer(question=id, declined=True, note=note)
        return self._answers[id]

    def _check(self, answer: QuestionAnswer) -> None:
        """Refuse what is no answer, before it leaves an event."""
        id = answer.question
        if id in self._answers:
            if self._answers[id].says_the_same_as(answer):
                return
            told = self._answers[id].note or self._answers[id].by
            raise _refusal(f"{id} is answered already{f' ({told})' if told else ''}")
        waiting = self._open.get(id)
        if waiting is None:
            listed = ", ".join(waiting["question"]["id"] for waiting in self.open) or "none"
            raise _refusal(f"no question '{id}' is open; open are: {listed}")
        problem = check_answer(waiting.question, answer)
        if problem:
            raise _refusal(problem)

    def _on_answer(self, answer: QuestionAnswer) -> str:
        """Take the answer; returns what it says, for people."""
        # Again: between the check and here another answer may have come.
        self._check(answer)
        self._answers.setdefault(answer.question, answer)
        waiting = self._open.get(answer.question)
        if waiting is None:
            return f"{answer.question} is answered already"
        return f"{answer.question} {answer.shown(waiting.question)}"


def _refusal(message: str) -> ApplicationError:
    return ApplicationError(message, type=REFUSED, non_retryable=True)
