"""A finished run as the tables see it.

Authors
 * The speechbrain_relm contributors 2026
"""

from collections import defaultdict
from pathlib import Path
from typing import Dict, NamedTuple, Optional

import torch

from speechbrain_relm.data.corpus import as_json
from speechbrain_relm.evaluation.chance.clusters import clusters_of
from speechbrain_relm.evaluation.recognition import recognition_figures
from speechbrain_relm.utils.dimensions import DIMENSIONS
from speechbrain_relm.utils.disk.run_folders import check_run
from speechbrain_relm.utils.files import write_atomically
from speechbrain_relm.utils.provenance.kept import MARK, STEP
from speechbrain_relm.utils.provenance.stamps import (
    fingerprint,
    is_content,
    read_stamp,
    stamp_of,
    write_stamp,
)
from speechbrain_relm.utils.records import read_records
from speechbrain_relm.utils.text.cells import markdown_cell
from speechbrain_relm.utils.text.reading import is_number, read_json

# Empathy scores of a response, 0 to 2.
SCORES = {
    "ER": "Emotional Reaction (0-2)",
    "Ex": "Exploration (0-2)",
    "IP": "Interpretation (0-2)",
}
# Ways of recognizing emotion, and the field that each leaves in a record.
RECOGNITION = {
    "category head": "head_emotion",
    "prompt": "ser_emotion",
    "label likelihood": "likelihood_emotion",
    "calibrated likelihood": "calibrated_emotion",
}
# Texts that a record may have.
TEXTS = ("transcript", "heard", "emotion", "cluster")
HEAD = "category head"
# What it is held against, by the same frames of the same split, and the field
# that each leaves in the records of the step `probe`.
REFERENCES = {
    "linear probe of the frames": "probe_emotion",
    "EmoBox's small head on the frames": "small_head_emotion",
}
# In the stamp of figures, the responses that they are of.
ANSWERED = "responses"
# Records whose stamps say what a run was made from, and what makes them.
STAMPED = {"responses": "respond", "scores": "score"}
# Figures over responses, and what makes them.
FIGURES = {"listening": "listen", "same_words": "same_words"}


class Run(NamedTuple):
    """A run's records.

    `name` for tables; `responses` and `scores`, utterance id to record;
    `inputs`, what "responses", "scores", "listening" and "same_words" were
    made from, as far as it is known (see `utils.provenance.stamps`);
    `listening` and `same_words`, the figures of the steps of these names, if
    they ran; `parts`, the runs of one name that this one joins (see
    `pooling`); `probe`, utterance id to the record of the step `probe`.
    """

    name: str
    responses: Dict[str, dict]
    scores: Dict[str, dict]
    inputs: Dict[str, Optional[dict]] = {}
    listening: Optional[dict] = None
    same_words: Optional[dict] = None
    parts: tuple = ()
    probe: Optional[Dict[str, dict]] = None

    def scorer_metrics(self):
        """Finds the held-out figures of the run's scorer.

        Returns
        -------
        dict
            Mechanism to figures; empty if the scorer's folder is gone.
        """
        return self._scorer_settings().get("metrics", {})

    def scorer_data(self):
        """Finds what the run's scorer learned from.

        Returns
        -------
        str or None
            A phrase; `None` if the scorer does not say.
        """
        return self._scorer_settings().get("data")

    def _scorer(self):
        """Finds the scorer among what the scores were made from."""
        inputs = self.inputs.get("scores") or {}
        return next(filter(is_content, inputs.values()), None)

    def scorer_folder(self):
        """Finds the scorer's folder.

        Returns
        -------
        str or None
            Where it was, if it is known.
        """
        scorer = self._scorer()
        return scorer and scorer["of"]

    def scorer_content(self):
        """Names the run's scorer by what is in it.

        Returns
        -------
        str or None
            A digest, if it is known.
        """
        scorer = self._scorer()
        return scorer and scorer["content"]

    def judges(self):
        """Names what judged whether the responses listen.

        Returns
        -------
        list of dict
            What the figures of the steps `listen` and `same_words` were made
            from besides the responses, where it is known: the judge, and how
            it was asked.
        """
        stamps = [self.inputs.get(name) for name in FIGURES]
        return [
            {n: v for n, v in stamp.items() if n != ANSWERED}
            for stamp in stamps
            if stamp and "judge" in stamp
        ]

    def made_from(self):
        """Identifies what responses and scores were made from.

        What was trained is named by what it learned from, not by its tensors,
        so that two people who run one experiment find the same.

        Returns
        -------
        str or None
            A fingerprint, if it is known.
        """
        if not all(self.inputs.get(name) for name in STAMPED):
            return None
        inputs = {n: dict(self.inputs[n]) for n in STAMPED}
        inputs["responses"].pop("checkpoint", None)
        return fingerprint(inputs)

    def _scorer_settings(self):
        """Reads the scorer's settings, if its folder is known and there."""
        scorer = self._scorer()
        if scorer is None:
            return {}
        return read_figures(Path(scorer["of"], "config.json")) or {}

    def levels(self, score):
        """Lists one score of every utterance.

        Arguments
        ---------
        score : str
            "ER", "Ex" or "IP".

        Returns
        -------
        dict
            Utterance id to level.
        """
        return {i: record[score] for i, record in self.scores.items()}

    def has(self, score):
        """Tells whether the run has a score.

        Arguments
        ---------
        score : str
            "ER", "Ex" or "IP".

        Returns
        -------
        bool
            Whether every utterance has it.
        """
        return all(score in record for record in self.scores.values())

    def utterances(self):
        """Lists what each response answers.

        Returns
        -------
        dict
            Key of the response to utterance id; several runs may have
            answered it.
        """
        return {key: r.get("id", key) for key, r in self.responses.items()}

    def utterance_means(self, score):
        """Averages one score over the responses to each utterance.

        Arguments
        ---------
        score : str
            "ER", "Ex" or "IP".

        Returns
        -------
        dict
            Utterance id to mean level.
        """
        levels = defaultdict(list)
        for key, utterance in self.utterances().items():
            levels[utterance].append(self.scores[key][score])
        return {i: sum(found) / len(found) for i, found in levels.items()}

    def clusters(self):
        """Lists what each utterance is drawn with.

        Returns
        -------
        dict
            Utterance id to cluster; see `cluster_of`.
        """
        utterances = self.utterances()
        return {
            utterances[key]: cluster
            for key, cluster in clusters_of(self.responses).items()
        }

    def recognized(self):
        """Lists what was recognized, in every way the run has.

        Returns
        -------
        dict
            Way to recognized classes (`None` for none) and labels.
        """
        records = list(self.responses.values())
        if not records or not all("emotion" in r for r in records):
            return {}
        labels = [record["emotion"] for record in records]
        return {
            way: ([record[field] for record in records], labels)
            for way, field in RECOGNITION.items()
            if all(field in record for record in records)
        }

    def recognition(self):
        """Measures emotion recognition, in every way the run has.

        Returns
        -------
        dict
            Way to `UA`, `WA` and `macro-F1`, figures with intervals, and
            `unparsed`, the share of answers that name no single emotion.
        """
        clusters = list(clusters_of(self.responses).values())
        return {
            way: {
                **recognition_figures(heard, labels, clusters),
                "unparsed": heard.count(None) / len(heard),
            }
            for way, (heard, labels) in self._with_probe().items()
        }

    def _with_probe(self):
        """Adds the references, after the head that is held against them."""
        ways = self.recognized()
        if HEAD not in ways or not self.is_probed():
            return ways
        head, records = ways.pop(HEAD), [self.probe[i] for i in self.responses]
        references = {
            way: ([record[field] for record in records], head[1])
            for way, field in REFERENCES.items()
            if all(field in record for record in records)
        }
        return {HEAD: head, **references, **ways}

    def is_probed(self):
        """Tells whether a linear probe heard the same test speech.

        Returns
        -------
        bool
            Whether it did.
        """
        return bool(self.probe) and set(self.probe) == set(self.responses)

    def attributes(self):
        """Collects what the dimension head said, and the labels.

        Returns
        -------
        torch.Tensor or None
            Predictions and labels [2, N, 3] of arousal, dominance, valence,
            0..1, of the utterances that have both; `None` if there are none.
        """
        pairs = [
            [[record[d] for d in DIMENSIONS], list(record["labels"].values())]
            for record in self.responses.values()
            if "labels" in record and "arousal" in record
        ]
        return torch.tensor(pairs).transpose(0, 1) if pairs else None


def read_run(folder):
    """Reads a finished run.

    Arguments
    ---------
    folder : str or pathlib.Path
        Output folder with `responses.jsonl` and `scores.jsonl`. A name may
        stand before it: "RE-LLM=results/ESD/re_llm/1986".

    Returns
    -------
    Run
        Its records.

    Raises
    ------
    FileNotFoundError
        If a file is missing.
    ValueError
        If the two files do not have the same utterances, or have none, or a
        record has no text or score.

    Example
    -------
    >>> folder = getfixture("tmp_path")
    >>> _ = (folder / "responses.jsonl").write_text(
    ...     '{"id": "a", "response": "Oh!"}\\n'
    ... )
    >>> _ = (folder / "scores.jsonl").write_text('{"id": "a", "ER": 2}\\n')
    >>> read_run(f"ours={folder}").levels("ER")
    {'a': 2}
    """
    name, _, path = str(folder).rpartition("=")
    path = Path(path)
    for file in ("responses.jsonl", "scores.jsonl"):
        check_run(path, file, ", or score its responses first")
    probe = path / "probe.jsonl"
    run = Run(
        name or path.name,
        read_records(path / "responses.jsonl"),
        read_records(path / "scores.jsonl"),
        {
            **{name: read_stamp(path / f"{name}.jsonl") for name in STAMPED},
            **{name: read_stamp(path / f"{name}.json") for name in FIGURES},
        },
        read_figures(path / "listening.json"),
        read_figures(path / "same_words.json"),
        probe=read_records(probe) if probe.is_file() else None,
    )
    for file, step in STAMPED.items():
        records, stamp = getattr(run, file), run.inputs[file]
        _check_stamp(records, stamp, path / f"{file}.jsonl", step)
    odd = set(run.responses) ^ set(run.scores)
    if odd:
        raise ValueError(
            f"{path}: responses.jsonl and scores.jsonl differ in {len(odd)} "
            f"utterances (first: {min(odd)}): finish the step 'score'."
        )
    stale = [i for i in run.scores if not _is_of(run.scores[i], run, i)]
    if stale:
        raise ValueError(
            f"{path}/scores.jsonl: {len(stale)} scores are of other responses "
            f"than responses.jsonl has (first: {stale[0]}): run the step "
            "'score' again."
        )
    _check(run, path)
    _check_derived(run, path)
    return run


def _check_stamp(records, stamp, path, step):
    """Refuses records whose stamp is gone, or is not of them."""
    known = stamp and fingerprint(stamp)
    for utterance, record in records.items():
        made_from = record.get(MARK, {}).get(STEP)
        if made_from in (None, known):
            continue
        what = "is of other records" if stamp else "is missing or damaged"
        raise ValueError(
            f"{stamp_of(path)} {what}, which says what {utterance} was made "
            f"from: run the step '{step}' again."
        )


def _check_derived(run, path):
    """Refuses figures that are of other responses or recordings."""
    for name, step in FIGURES.items():
        stamp = run.inputs[name] if getattr(run, name) is not None else None
        if stamp and stamp[ANSWERED] != answered(run.responses):
            raise ValueError(
                f"{path}/{name}.json is of other responses than "
                f"responses.jsonl has: run the step '{step}' again, "
                "or delete it."
            )
    probed = run.probe is not None and read_stamp(path / "probe.jsonl")
    heard = {
        i: [r[MARK]["audio"], r["emotion"]]
        for i, r in run.responses.items()
        if "audio" in r.get(MARK, {})
    }
    if probed and heard and probed["test"]["content"] != fingerprint(heard):
        raise ValueError(
            f"{path}/probe.jsonl is of other recordings than responses.jsonl: "
            "run the step 'probe' again, or delete it."
        )


def answered(responses):
    """Names responses, and what they answer, by their content.

    Arguments
    ---------
    responses : dict
        Utterance id to record.

    Returns
    -------
    str
        A fingerprint.

    Example
    -------
    >>> answered({"a": {"response": "Oh!"}})
    'b672c88e69358997'
    """
    fields = ("response", *TEXTS)
    return fingerprint(
        {i: [r.get(field) for field in fields] for i, r in responses.items()}
    )


def write_figures(path, figures, responses, **inputs):
    """Leaves figures of responses, and says of which.

    Arguments
    ---------
    path : str or pathlib.Path
        The JSON file.
    figures : dict
        What it holds.
    responses : dict
        Utterance id to record.
    **inputs
        What else the figures were made from.

    Example
    -------
    >>> path = getfixture("tmp_path") / "listening.json"
    >>> write_figures(path, {"n": 1}, {"a": {"response": "Oh!"}})
    >>> read_figures(path)
    {'n': 1}
    """
    write_atomically(path, as_json(figures))
    write_stamp(path, {ANSWERED: answered(responses), **inputs})


def remove_figures(path):
    """Removes figures of other responses, if they are there.

    Arguments
    ---------
    path : pathlib.Path
        The JSON file.

    Example
    -------
    >>> path = getfixture("tmp_path") / "listening.json"
    >>> write_figures(path, {"n": 1}, {"a": {"response": "Oh!"}})
    >>> remove_figures(path)
    >>> read_figures(path) is None
    True
    """
    for old in (path, stamp_of(path)):
        old.unlink(missing_ok=True)


def _is_of(score, run, utterance):
    """Tells whether a score is of the words and response that are there now."""
    now, mark = run.responses[utterance], score.get(MARK) or {}
    return all(now.get(n) == value for n, value in mark.items() if n != STEP)


def _check(run, path):
    """Refuses records that no table can be made of."""
    if not run.responses:
        raise ValueError(
            f"{path}/responses.jsonl has no responses: finish the step "
            "'respond'."
        )
    for utterance, record in run.responses.items():
        problem = record_problem(record)
        if problem:
            raise ValueError(f"{path}/responses.jsonl, {utterance}, {problem}.")
    for utterance, record in run.scores.items():
        for score in SCORES:
            level = record.get(score, 0)
            if is_number(level) and 0 <= level <= 2:
                continue
            raise ValueError(
                f"{path}/scores.jsonl, {utterance}, {score}: {level!r} is no "
                "level from 0 to 2; leave out a score that there is not."
            )


def record_problem(record, needed=("response",)):
    """Says what is wrong with the record of a response, if anything.

    Arguments
    ---------
    record : dict
        Of `responses.jsonl`.
    needed : sequence of str
        Texts that must be there; the others may be.

    Returns
    -------
    str or None
        The field and its fault.

    Example
    -------
    >>> record_problem({"response": "Oh!", "transcript": 5})
    'transcript: it is no text'
    """
    for field in ("response", *TEXTS, "speaker"):
        wanted = field in needed or field in record
        if wanted and not isinstance(record.get(field), str):
            return f"{field}: it is no text"
    if not isinstance(record.get("finished", True), bool):
        return f"finished: {record['finished']!r} is neither true nor false"
    for field in RECOGNITION.values():
        if not isinstance(record.get(field), (str, type(None))):
            return f"{field}: {record[field]!r} is no class"
    labels = record.get("labels", dict.fromkeys(DIMENSIONS, 0))
    if not isinstance(labels, dict) or [*labels] != [*DIMENSIONS]:
        return f"labels: {labels!r} is not {', '.join(DIMENSIONS)}"
    for field in DIMENSIONS:
        for value in (record.get(field, 0), labels[field]):
            if not is_number(value):
                return f"{field}: {value!r} is no number"
    return None


def read_figures(path):
    """Reads figures or settings that a step may have left.

    Arguments
    ---------
    path : pathlib.Path
        A JSON file.

    Returns
    -------
    dict or None
        What it holds; `None` if there is no such file.

    Example
    -------
    >>> read_figures(Path("no_such_file.json"))
    """
    if not path.is_file():
        return None
    figures = read_json(path)
    if not isinstance(figures, dict):
        raise ValueError(
            f"{path}: a JSON object is expected; have the step make it again"
        )
    return figures


def describe_scorers(runs):
    """Says what the scorers behind some runs learned from, and how well.

    Arguments
    ---------
    runs : list of Run
        The runs of one table.

    Returns
    -------
    list of str
        Items of a Markdown list.

    Example
    -------
    >>> describe_scorers([Run("A", {}, {})])
    []
    """
    lines = []
    seen = {run.scorer_content(): run for run in runs}
    for run in seen.values():
        if run.scorer_data() is not None:
            data = markdown_cell(str(run.scorer_data()))
            lines.append(f"- **The empathy scorer learned from {data}.**")
        lines += [
            f"- The scorer of {mechanism.replace('_', ' ')} has a held-out "
            f"accuracy of {m['accuracy']:.3f} and a macro-F1 of "
            f"{m['macro_f1']:.3f}."
            for mechanism, m in run.scorer_metrics().items()
        ]
    return lines
