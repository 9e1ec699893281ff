"""The server: OpenAI's `/v1/chat/completions` over a release.

Authors
 * The speechbrain_relm contributors 2026
"""

import asyncio
import contextlib
import hmac
import time

import anyio
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from speechbrain_relm.inference.serving import replies
from speechbrain_relm.inference.serving.answering import (
    Answering,
    Stream,
    stream,
)
from speechbrain_relm.inference.serving.batcher import Batcher
from speechbrain_relm.inference.serving.messages import LIMITS, Refused
from speechbrain_relm.inference.serving.question import (
    check_batched,
    read_question,
)
from speechbrain_relm.inference.serving.reader import Reader

SECONDS_TO_SEND = 60
GONE = 499  # the usual status for a log where the client has left


class Service:
    """Requests to a release.

    Arguments
    ---------
    listener : speechbrain_relm.inference.re_llm.EmpatheticListener
        The release.
    name : str
        What clients call it.
    key : str or None
        What they must show; `None` where all may ask.
    size : int
        Answers at a time.
    queue : int
        Requests that may wait beyond these; more are told to come again.
    limits : Limits
        How much a request may ask for.
    """

    def __init__(
        self, listener, name, key=None, size=16, queue=64, limits=LIMITS
    ):
        check_batched(listener.asking().settings)
        self.listener, self.name, self.key = listener, name, key
        self.places, self.taken, self.limits = size + queue, 0, limits
        self.created = int(time.time())
        self.batcher = Batcher(Reader(listener, limits.positions), size)

    def app(self, hosts=("*",)):
        """Makes the application.

        Arguments
        ---------
        hosts : sequence of str
            Names that requests may call the server by.

        Returns
        -------
        starlette.applications.Starlette
            For `uvicorn.run`.
        """

        @contextlib.asynccontextmanager
        async def lifespan(app):
            """Ends the batcher with the server."""
            yield
            await run_in_threadpool(self.batcher.close)

        routes = [
            Route("/v1/chat/completions", self.complete, methods=["POST"]),
            Route("/v1/models", self.models),
            Route("/v1/models/{name:path}", self.model),
            Route("/health", self.health),
        ]
        handlers = {
            Refused: refused,
            HTTPException: not_there,
            Exception: failed,
        }
        app = Starlette(
            routes=routes, exception_handlers=handlers, lifespan=lifespan
        )
        # A page of another site that reaches this host by a name of its own
        # shall not ask.
        app.add_middleware(TrustedHostMiddleware, allowed_hosts=list(hosts))
        return app

    def check_key(self, request):
        """Makes sure that the client may ask.

        Arguments
        ---------
        request : starlette.requests.Request
            The request.

        Raises
        ------
        Refused
            If it shows no key, or a wrong one.
        """
        shown = request.headers.get("authorization", "")
        wanted = f"Bearer {self.key}"
        same = hmac.compare_digest(shown.encode(), wanted.encode())
        if self.key is not None and not same:
            raise Refused(
                "The API key is missing or wrong.", None, 401, "invalid_api_key"
            )

    async def health(self, request):
        """Says whether the server answers.

        Arguments
        ---------
        request : starlette.requests.Request
            The request.

        Returns
        -------
        starlette.responses.Response
            Status 200 or 503, and how much there is to do.
        """
        batcher = self.batcher
        fine = batcher.thread.is_alive() and not batcher.closed
        found = {
            "status": "ok" if fine else "ending",
            "running": batcher.busy(),
            "waiting": len(batcher.waiting),
        }
        return JSONResponse(found, 200 if fine else 503)

    def _about(self):
        """Describes the one model."""
        return {
            "id": self.name,
            "object": "model",
            "created": self.created,
            "owned_by": "speechbrain_relm",
        }

    async def models(self, request):
        """Lists the one model.

        Arguments
        ---------
        request : starlette.requests.Request
            The request.

        Returns
        -------
        starlette.responses.Response
            The list.
        """
        self.check_key(request)
        return JSONResponse({"object": "list", "data": [self._about()]})

    async def model(self, request):
        """Describes a model.

        Arguments
        ---------
        request : starlette.requests.Request
            The request.

        Returns
        -------
        starlette.responses.Response
            What is known of it.
        """
        self.check_key(request)
        self.check_model(request.path_params["name"])
        return JSONResponse(self._about())

    def check_model(self, name):
        """Makes sure that a model is the one that is served.

        Arguments
        ---------
        name : str
            Its name.

        Raises
        ------
        Refused
            If it is another one.
        """
        if name != self.name:
            raise Refused(
                f"The model '{name}' is not served; '{self.name}' is.",
                "model",
                404,
                "model_not_found",
            )

    async def complete(self, request):
        """Answers a conversation.

        Arguments
        ---------
        request : starlette.requests.Request
            The request.

        Returns
        -------
        starlette.responses.Response
            The answer, or the stream of it.
        """
        self.check_key(request)
        kind = request.headers.get("content-type", "").partition(";")[0]
        if kind.strip().lower() != "application/json":
            raise Refused("The content type must be application/json.")
        if self.taken >= self.places:
            raise Refused(
                f"{self.places} requests are being answered or wait.",
                None,
                429,
                "rate_limit_exceeded",
            )
        # What is undone at the end; of a stream, at the stream's.
        with contextlib.ExitStack() as held:
            self.taken += 1
            held.callback(self.leave)
            try:
                return await self.answer(request, held)
            except ClientDisconnect:
                return Response(status_code=GONE)  # which nobody reads
            except asyncio.CancelledError:  # by the end of the server
                raise Refused("The server is ending.", None, 503)

    def leave(self):
        """Gives a place back."""
        self.taken -= 1

    async def answer(self, request, held):
        """Answers a conversation that has a place.

        Arguments
        ---------
        request : starlette.requests.Request
            The request.
        held : contextlib.ExitStack
            Gives the place back at the end; a stream takes it with it.

        Returns
        -------
        starlette.responses.Response
            The answer, or the stream of it.
        """
        body = await self.body(request)
        question = await run_in_threadpool(
            read_question, body, self.listener, self.limits
        )
        self.check_model(question.model)
        answer = Answering(self.batcher, question)
        held.callback(answer.cancel)
        reply = replies.Reply(self.name)
        if question.stream:
            events = stream(answer, reply, question.usage)
            return Stream(events, held.pop_all())
        return JSONResponse(reply.whole(*await answer.whole(request)))

    async def body(self, request):
        """Receives what a client sends, up to a limit.

        Arguments
        ---------
        request : starlette.requests.Request
            The request.

        Returns
        -------
        bytes
            The body.
        """
        most, chunks, size = self.limits.body_bytes, [], 0
        try:
            with anyio.fail_after(SECONDS_TO_SEND):
                async for chunk in request.stream():
                    size += len(chunk)
                    if size > most:
                        raise Refused(
                            f"The body has more than {most} bytes.", None, 413
                        )
                    chunks.append(chunk)
        except TimeoutError:
            raise Refused(
                f"The body did not come within {SECONDS_TO_SEND} s.", None, 408
            )
        return b"".join(chunks)


async def refused(request, error):
    """Tells a client what is wrong.

    Arguments
    ---------
    request : starlette.requests.Request
        The request.
    error : Refused
        What is wrong.

    Returns
    -------
    starlette.responses.Response
        In OpenAI's format.
    """
    said = replies.error(str(error), error.status, error.param, error.code)
    headers = {"Retry-After": "1"} if error.status == 429 else None
    return JSONResponse(said, error.status, headers)


async def not_there(request, error):
    """Tells a client that there is no such page or method.

    Arguments
    ---------
    request : starlette.requests.Request
        The request.
    error : starlette.exceptions.HTTPException
        What is wrong.

    Returns
    -------
    starlette.responses.Response
        In OpenAI's format.
    """
    said = f"{request.method} {request.url.path}: {error.detail}."
    return JSONResponse(
        replies.error(said, error.status_code), error.status_code
    )


async def failed(request, error):
    """Tells a client that the server failed; the log says why.

    Arguments
    ---------
    request : starlette.requests.Request
        The request.
    error : Exception
        What failed.

    Returns
    -------
    starlette.responses.Response
        In OpenAI's format.
    """
    return JSONResponse(replies.error("The server failed.", 500), 500)
