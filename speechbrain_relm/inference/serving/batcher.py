"""Questions of many clients, answered together by one thread.

Authors
 * The speechbrain_relm contributors 2026
"""

import collections
import threading
from typing import NamedTuple, Optional

import torch
from speechbrain.utils.logger import get_logger

from speechbrain_relm.inference.serving.messages import Refused
from speechbrain_relm.inference.serving.rows import Rows
from speechbrain_relm.inference.serving.saying import Saying

logger = get_logger(__name__)


class Heard(NamedTuple):
    """First of what a client is told: the question was read.

    `emotion`, of the last turn if it was spoken; `positions` that the LLM
    read, of which `spoken` are speech.
    """

    emotion: Optional[dict]
    positions: int
    spoken: int


class Piece(NamedTuple):
    """The next piece of the answer's text."""

    text: str


class Ended(NamedTuple):
    """The end: whole text, why it ended, and how many tokens it has."""

    text: str
    reason: str
    tokens: int


class Job:
    """A question, and whom to tell what comes of it.

    Arguments
    ---------
    question : speechbrain_relm.inference.serving.question.Question
        The question.
    tell : callable
        Gets `Heard`, a `Piece` each, and `Ended`; or an exception. Called in
        the batcher's thread, where it must not wait.

    Example
    -------
    >>> job = Job(None, print)
    >>> job.cancelled
    False
    """

    def __init__(self, question, tell):
        self.question, self.tell = question, tell
        self.cancelled = False  # by whoever asked
        self.saying = None


class Batcher:
    """Answers questions together: new ones join those being answered.

    Arguments
    ---------
    reader : speechbrain_relm.inference.serving.reader.Reader
        Hears questions and lays them out.
    size : int
        Answers at a time.
    """

    def __init__(self, reader, size):
        self.reader, self.size = reader, size
        self.rows = Rows(reader.llm)
        self.waiting, self.running = collections.deque(), []
        self.new = []  # being read
        self.changed = threading.Condition()
        self.closed = False
        self.thread = threading.Thread(
            target=self._work, name="batcher", daemon=True
        )
        self.thread.start()

    def submit(self, question, tell):
        """Takes a question.

        Arguments
        ---------
        question : speechbrain_relm.inference.serving.question.Question
            The question.
        tell : callable
            See `Job`.

        Returns
        -------
        Job
            Set its `cancelled` where nobody waits any more.

        Raises
        ------
        RuntimeError
            If the server is ending.
        """
        job = Job(question, tell)
        with self.changed:
            if self.closed:
                raise RuntimeError("The server is ending.")
            self.waiting.append(job)
            self.changed.notify()
        return job

    def busy(self):
        """Counts the questions that are being read or answered.

        Returns
        -------
        int
            How many there are.
        """
        return len({*self.new, *self.running})

    def close(self):
        """Answers what was asked, takes no more, and ends the thread."""
        with self.changed:
            self.closed = True
            self.changed.notify()
        self.thread.join()

    @torch.no_grad()
    def _work(self):
        """Goes round until the end."""
        while True:
            with self.changed:
                while not (self.waiting or self.running or self.closed):
                    self.changed.wait()
                if not (self.waiting or self.running):
                    return
                self.new = self._next()
            try:
                self._join(self.new)
                self._advance()
            except BaseException as error:  # e.g. memory of a GPU
                logger.exception("A batch failed.")
                for job in {*self.running, *self.new}:
                    job.tell(error)
                self.running = []
                self.rows.leave([])
            self.new = []

    def _next(self):
        """Takes as many questions as there is room for."""
        new = []
        while self.waiting and len(self.running) + len(new) < self.size:
            job = self.waiting.popleft()
            if not job.cancelled:
                new.append(job)
        return new

    def _join(self, jobs):
        """Reads new questions; one that fails takes no other with it."""
        if not jobs:
            return
        try:
            read = self.reader.read([job.question for job in jobs])
            for job in jobs:
                job.saying = Saying(self.reader.llm, job.question.wishes)
            with self.reader.precision():
                self.rows.join([asked for asked, _ in read])
        except Exception as error:
            if len(jobs) > 1:
                for job in jobs:
                    self._join([job])
                return
            if not isinstance(error, Refused):
                logger.exception("A question failed.")
            jobs[0].tell(error)
            return
        for job, (_, heard) in zip(jobs, read):
            self.running.append(job)
            job.tell(heard)

    def _advance(self):
        """Gives every answer its next token."""
        if not self.running:
            return
        ids = self.rows.logits.argmax(-1)
        for row, job in enumerate(self.running):
            if job.saying.warpers:
                ids[row] = job.saying.choose(self.rows.logits[row])
        for job, token in zip(self.running, ids.tolist()):
            piece = job.saying.take(token)
            if piece:
                job.tell(Piece(piece))
            if job.saying.reason:
                saying = job.saying
                job.tell(Ended(saying.text, saying.reason, len(saying.ids)))
        stay = [
            row
            for row, job in enumerate(self.running)
            if not (job.saying.reason or job.cancelled)
        ]
        self.running = [self.running[row] for row in stay]
        self.rows.leave(stay)
        if stay:
            with self.reader.precision():
                self.rows.step(ids[stay])
