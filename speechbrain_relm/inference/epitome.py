"""An empathy scorer in the manner of SpeechBrain's pretrained models.

Authors
 * The speechbrain_relm contributors 2026
"""

from speechbrain_relm.inference.arguments import check_text, refuse
from speechbrain_relm.inference.released import Released
from speechbrain_relm.utils.limits import CELL_CHARACTERS
from speechbrain_relm.utils.sources.hub import model_folder


class EmpathyScoring(Released):
    """Scores responses for empathy.

    Arguments
    ---------
    *args
        See `speechbrain.inference.interfaces.Pretrained`.
    **kwargs
        The same.

    Example
    -------
    >>> from speechbrain_relm.lobes.epitome import EmpathyScorer
    >>> from speechbrain_relm.lobes.parts.epitome_folder import save_scorer
    >>> scorer = EmpathyScorer(getfixture("scorer_folder"))
    >>> folder = getfixture("tmp_path")
    >>> save_scorer(folder, scorer.classifiers, scorer.tokenizer, 64, {})
    >>> scoring = EmpathyScoring.from_hparams(folder)
    >>> scoring.score(["My dog died."], ["I'm so sorry!"])["explorations"].shape
    torch.Size([1])
    """

    MODULES_NEEDED = ["scorer"]

    @classmethod
    def from_hparams(cls, source, **kwargs):
        """Loads what `recipes/EPITOME` left in `scorer/`.

        Arguments
        ---------
        source : str or pathlib.Path
            Folder or hub id.
        **kwargs
            See `Released.from_hparams`.

        Returns
        -------
        EmpathyScoring
            Ready to score.
        """
        folder = str(model_folder(source))
        given = kwargs.pop("overrides", None) or {}
        kwargs["overrides"] = {"source": folder, **given}
        return super().from_hparams(folder, **kwargs)

    def score(self, seekers, responses):
        """Scores each response to its post.

        Arguments
        ---------
        seekers : list of str
            Posts, or transcripts.
        responses : list of str
            Responses to them.

        Returns
        -------
        dict of str to torch.Tensor
            Levels [N], 0 to 2, of each mechanism.
        """
        return self.mods.scorer.score(*check_pairs(seekers, responses))

    def judge(self, seekers, responses):
        """Gives levels, probabilities and rationales of each response.

        Arguments
        ---------
        seekers : list of str
            Posts, or transcripts.
        responses : list of str
            Responses to them.

        Returns
        -------
        dict of str to speechbrain_relm.lobes.epitome.Judgement
            What each mechanism's classifier says.
        """
        return self.mods.scorer.judge(*check_pairs(seekers, responses))


def check_pairs(seekers, responses):
    """Checks posts and responses to them.

    Arguments
    ---------
    seekers : list of str
        Posts; none may be empty.
    responses : list of str
        As many responses.

    Returns
    -------
    seekers : list of str
        The same.
    responses : list of str
        The same.

    Raises
    ------
    ValueError
        If these are no such lists.

    Example
    -------
    >>> check_pairs("Oh.", ["Why?"])
    Traceback (most recent call last):
    ...
    ValueError: seekers: str was given, a list of texts expected.
    """
    given = {"seekers": seekers, "responses": responses}
    for name, texts in given.items():
        if not isinstance(texts, (list, tuple)) or not texts:
            found = type(texts).__name__ if texts else "nothing"
            refuse(name, found, "a list of texts")
    if len(seekers) != len(responses):
        count = f"{len(responses)} for {len(seekers)} seekers"
        refuse("responses", count, "one response a seeker")
    most = CELL_CHARACTERS
    return (
        [check_text(text, "seekers", most=most) for text in seekers],
        [check_text(text, "responses", True, most) for text in responses],
    )
