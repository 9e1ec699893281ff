"""One request from its place in the queue to the end of its answer.

Authors
 * The speechbrain_relm contributors 2026
"""

import asyncio
import contextlib

from starlette.requests import ClientDisconnect
from starlette.responses import StreamingResponse

from speechbrain_relm.inference.serving import replies
from speechbrain_relm.inference.serving.batcher import Ended, Piece
from speechbrain_relm.inference.serving.messages import Refused


async def stream(answer, reply, usage):
    """Streams an answer.

    Arguments
    ---------
    answer : Answering
        The answer.
    reply : speechbrain_relm.inference.serving.replies.Reply
        Writes it.
    usage : bool
        Whether its last chunk says what it took.

    Yields
    ------
    str
        A server-sent event.
    """
    try:
        heard = await answer.next()
        first = {"role": "assistant", "content": ""}
        yield replies.event(reply.chunk(first, emotion=heard.emotion))
        while isinstance(told := await answer.next(), Piece):
            yield replies.event(reply.chunk({"content": told.text}))
        yield replies.event(reply.chunk({}, told.reason))
        if usage:
            yield replies.event(reply.used(heard, told))
        yield replies.event("[DONE]")
    # The status has been sent already.
    except Refused as error:
        yield replies.event(replies.error(str(error), error.status))
    except Exception:
        yield replies.event(replies.error("The server failed.", 500))


class Stream(StreamingResponse):
    """A stream whose end, however it comes, ends the answer.

    Arguments
    ---------
    events : async iterator of str
        What is sent.
    held : contextlib.ExitStack
        What is undone at the end.
    """

    def __init__(self, events, held):
        super().__init__(
            events,
            media_type="text/event-stream",
            headers={"Cache-Control": "no-cache"},
        )
        self.held = held

    async def __call__(self, scope, receive, send):
        """Sends the events.

        Arguments
        ---------
        scope : dict
            Of ASGI.
        receive : callable
            The same.
        send : callable
            The same.
        """
        with self.held:
            await super().__call__(scope, receive, send)


class Answering:
    """What the batcher tells of one question, for the event loop.

    Arguments
    ---------
    batcher : Batcher
        Answers.
    question : Question
        The question.
    """

    def __init__(self, batcher, question):
        loop, self.told = asyncio.get_running_loop(), asyncio.Queue()

        def tell(event):
            """Passes on what the batcher's thread says."""
            with contextlib.suppress(RuntimeError):  # a loop that has ended
                loop.call_soon_threadsafe(self.told.put_nowait, event)

        try:
            self.job = batcher.submit(question, tell)
        except RuntimeError:
            raise Refused("The server is ending.", None, 503)

    def cancel(self):
        """Ends the answer: nobody waits for it."""
        self.job.cancelled = True

    async def next(self):
        """Waits for what is told next.

        Returns
        -------
        Heard, Piece or Ended
            The news.

        Raises
        ------
        Exception
            Whatever failed.
        """
        event = await self.told.get()
        if isinstance(event, Refused):
            raise event
        if isinstance(event, BaseException):
            raise RuntimeError("The question failed.") from event
        return event

    async def whole(self, request):
        """Waits for the end, as long as the client does.

        Arguments
        ---------
        request : starlette.requests.Request
            The request, wholly received.

        Returns
        -------
        heard : Heard
            What was heard.
        ended : Ended
            What was said.
        """

        async def listen():
            """Waits for the end."""
            heard = await self.next()
            while not isinstance(told := await self.next(), Ended):
                pass
            return heard, told

        work = asyncio.ensure_future(listen())
        gone = asyncio.ensure_future(request.receive())
        try:
            await asyncio.wait(
                {work, gone}, return_when=asyncio.FIRST_COMPLETED
            )
            if not work.done():
                raise ClientDisconnect
            return work.result()
        finally:
            for task in (work, gone):
                task.cancel()
