"""An answer piece by piece, while the LLM still thinks about the next one.

Authors
 * The speechbrain_relm contributors 2026
"""

import queue
import threading

from transformers.generation import BaseStreamer


class Cancelled(Exception):
    """Ends a generation that nobody listens to any more."""


class TextPieces(BaseStreamer):
    """Turns the tokens of one answer into pieces of text, at once.

    Unlike transformers' `TextIteratorStreamer` it does not wait for a word's
    end, and the pieces put together are exactly the answer.

    Arguments
    ---------
    read : callable
        Token ids so far to the answer's text so far.

    Example
    -------
    >>> pieces = TextPieces(lambda ids: "".join(map(chr, ids)).strip())
    >>> for code in (32, 72, 105, 32, 33):
    ...     pieces.put(code)
    >>> pieces.end()
    >>> list(pieces)
    ['H', 'i', ' !']
    """

    def __init__(self, read):
        self.read = read
        self.ids, self.text = [], ""
        self.cancelled = False
        self.queue = queue.SimpleQueue()

    def put(self, value):
        """Takes the next tokens.

        Arguments
        ---------
        value : torch.Tensor or int
            Their ids; none at the very start, as prompts are embeddings.

        Raises
        ------
        Cancelled
            If nobody listens any more.
        """
        self.ids += (
            [value] if isinstance(value, int) else value.view(-1).tolist()
        )
        if self.cancelled:
            raise Cancelled
        text = self.read(self.ids)
        # A character of several tokens is not yet whole.
        if text.startswith(self.text) and not text.endswith("\ufffd"):
            self._hand_over(text)

    def _hand_over(self, text):
        if len(text) > len(self.text):
            self.queue.put(text[len(self.text) :])
            self.text = text

    def end(self):
        """Hands over the rest."""
        self._hand_over(self.read(self.ids))
        self.queue.put(None)

    def __iter__(self):
        """Gives the pieces as they come.

        Yields
        ------
        str
            A piece of text.
        """
        while True:
            piece = self.queue.get()
            if piece is None:
                return
            if isinstance(piece, BaseException):
                raise piece
            yield piece

    def fed_by(self, generate):
        """Gives the pieces of a generation in a thread of its own.

        Arguments
        ---------
        generate : callable
            Generates, with this object as the streamer.

        Yields
        ------
        str
            A piece of text. Closing the iterator ends the generation at the
            next token.

        Example
        -------
        >>> pieces = TextPieces(str)
        >>> list(pieces.fed_by(lambda: pieces.put(7) or pieces.end()))
        ['[7]']
        """

        def _work():
            try:
                generate()
            except BaseException as error:
                self.queue.put(error)

        thread = threading.Thread(target=_work, daemon=True)
        thread.start()
        try:
            yield from self
        finally:
            self.cancelled = True
            thread.join()
