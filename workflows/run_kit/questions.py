"""A run's questions to people: asked, waited for without spending the run's time, answered."""

import shlex
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from rota.language.durations import format_duration
    from rota.notices.spec import Occasion
    from rota.turns.outcome import RunOrigin
    from rota.turns.questions import OpenQuestion, Question, QuestionAnswer, check_answer
    from workflows.activity_options import ANSWER_PATIENCE
    from workflows.run_kit.clock import RunClock
    from workflows.run_kit.matters import Matters
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
        self._matters = Matters[OpenQuestion, QuestionAnswer](clock)
        workflow.set_update_handler("answer", self._on_answer, validator=self._check)

    @property
    def open(self) -> list[dict[str, Any]]:
        """Those that wait for an answer, oldest first, as the query `status` tells them."""
        return self._matters.shown

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
        answers = self._matters.said
        todo = f"rota answer {shlex.quote(self._origin.run.id)} {id}"
        if until > since:
            self._standing.telling.waits(Occasion.QUESTION, id, question.text, todo)
        waiting = self._standing.wait(id, question.waiting, lambda: id in answers, until)
        open_question = OpenQuestion(question=question, since=since, until=until)
        await self._matters.wait(id, open_question, waiting)
        if not self._matters.open:
            self._standing.resume()
        if id not in answers:
            waited = format_duration(timedelta(seconds=int((until - since).total_seconds())))
            note = f"nobody answered within {waited}"
            answers[id] = QuestionAnswer(question=id, declined=True, note=note)
        return answers[id]

    def _check(self, answer: QuestionAnswer) -> None:
        """Refuse what is no answer, before it leaves an event."""
        id = answer.question
        said = self._matters.said.get(id)
        if said is not None:
            if said.says_the_same_as(answer):
                return
            told = said.note or said.by
            raise _refusal(f"{id} is answered already{f' ({told})' if told else ''}")
        waiting = self._matters.open.get(id)
        if waiting is None:
            raise _refusal(f"no question '{id}' is open; open are: {self._matters.listed}")
        problem = check_answer(waiting.question, answer)
        if problem:
            raise _refusal(problem)

    def _on_answer(self, answer: QuestionAnswer) -> str:
        """Take the answer; returns what it says, for people."""
        # Again: between the check and here another answer may have come.
        self._check(answer)
        self._matters.said.setdefault(answer.question, answer)
        waiting = self._matters.open.get(answer.question)
        if waiting is None:
            return f"{answer.question} is answered already"
        return f"{answer.question} {answer.shown(waiting.question)}"


def _refusal(message: str) -> ApplicationError:
    return ApplicationError(message, type=REFUSED, non_retryable=True)
