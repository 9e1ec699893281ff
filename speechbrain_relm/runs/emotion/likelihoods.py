"""Which class the LLM finds likeliest, without a word being generated.

Bare labels differ in length and in how common they are, and the sum over
their tokens with them: "sad" beats "surprise" before anything is heard. So
whole sentences are scored, and what they score where nothing is heard is
taken off (contextual calibration, Zhao et al. 2021).

Authors
 * The speechbrain_relm contributors 2026
"""

SENTENCE = "The emotion tone is {emotion}."


def sentences_of(emotions, sentence=SENTENCE):
    """Writes an answer for each class.

    Arguments
    ---------
    emotions : sequence of str
        The classes.
    sentence : str
        The answer, with "{emotion}".

    Returns
    -------
    list of str
        One a class.

    Raises
    ------
    ValueError
        If the sentence is the same for all.

    Example
    -------
    >>> sentences_of(["sad", "happy"], "It is {emotion}.")
    ['It is sad.', 'It is happy.']
    """
    if "{emotion}" not in sentence:
        raise ValueError(
            f"recognition_sentence: '{sentence}' names no class. Write "
            "{emotion} where it should stand."
        )
    return [sentence.replace("{emotion}", emotion) for emotion in emotions]


class EmotionLikelihoods:
    """Asks a listener for the likelihood of each class.

    Arguments
    ---------
    listener : object
        See `speechbrain_relm.runs.listeners`. One that cannot hear nothing
        (`emptied`) is not calibrated; one behind a server's protocol may
        know no likelihoods at all.
    system : str
        System message of the question.
    instruction : str
        What stands before the speech.
    emotions : list of str
        The classes.
    sentence : str
        See `sentences_of`.
    """

    def __init__(
        self, listener, system, instruction, emotions, sentence=SENTENCE
    ):
        self.listener, self.asked = listener, (system, instruction)
        self.emotions = list(emotions)
        self.sentences = sentences_of(emotions, sentence)
        self.prior = None

    def __call__(self, heard):
        """Rates the classes of a batch.

        Arguments
        ---------
        heard : object
            From the listener's `encode`.

        Returns
        -------
        labels : torch.Tensor or None
            Log-probabilities [B, classes] of the bare labels; `None` from a
            listener without `log_likelihoods`.
        calibrated : torch.Tensor or None
            Of the sentences, less their prior; `None` from a listener that
            cannot hear nothing.
        """
        if not hasattr(self.listener, "log_likelihoods"):
            return None, None
        hears_nothing = hasattr(self.listener, "emptied")
        answers = self.emotions + self.sentences * hears_nothing
        # One call: what was heard is read once for all of them.
        rated = self.listener.log_likelihoods(heard, *self.asked, answers)
        labels = rated[:, : len(self.emotions)]
        if not hears_nothing:
            return labels, None
        if self.prior is None:
            nothing = self.listener.emptied(heard)
            self.prior = self.listener.log_likelihoods(
                nothing, *self.asked, self.sentences
            )
        return labels, rated[:, len(self.emotions) :] - self.prior
