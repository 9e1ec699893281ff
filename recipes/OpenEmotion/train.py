#!/usr/bin/env python3
"""Trains and evaluates RE-LLM on a free corpus of emotional speech.

To run this recipe, do the following:
> python train.py hparams/re_llm.yaml --corpus RAVDESS --data_folder /path/to/RAVDESS
and, with small models on a laptop:
> python train.py hparams/re_llm_mini.yaml --corpus RAVDESS --data_folder /path/to/RAVDESS

Start reading at the bottom.

Authors
 * The speechbrain_relm contributors 2026
"""

import sys
from pathlib import Path

import speechbrain as sb

from speechbrain_relm.runs.ending import listen_next, show_end
from speechbrain_relm.runs.experiment import build, explain, prepare, start
from speechbrain_relm.runs.planning.checks import check_run
from speechbrain_relm.runs.provenance.dry_run import dry_run
from speechbrain_relm.runs.recipe import Recipe
from speechbrain_relm.training.brain import RELLMBrain

HERE = Path(__file__).resolve().parent

# What only the user can give: the name in the YAML, what it is, where from.
WANTED = {
    "data_folder": "the corpus that `corpus` names, unpacked; where it can be "
    "had stands in speechbrain_relm/data/open_emotion and the README."
}


def main(argv):
    """Runs one system on the corpus.

    Arguments
    ---------
    argv : list of str
        A YAML and overrides.

    Returns
    -------
    speechbrain_relm.runs.recipe.Recipe
        The finished run.
    """
    hparams_file, run_opts, settings = start(argv, HERE, WANTED)
    if not settings["dry_run"]:
        sb.create_experiment_directory(
            experiment_directory=settings["output_folder"],
            hyperparams_to_save=hparams_file,
        )
    # Models, disks and the GPU: what cannot work should cost seconds.
    check_run(hparams_file, settings, run_opts)

    # Section III-B: manifests, by a protocol that others report. Before the
    # models are loaded: bad data should cost seconds.
    if "prepare" in settings["steps"]:
        from open_emotion_prepare import prepare_open_emotion  # noqa: E402

        prepare(
            prepare_open_emotion,
            corpus=settings["corpus"],
            data_folder=settings["data_folder"],
            manifest_folder=settings["manifest_folder"],
            emotions=settings["emotions"],
            emotion_names=settings["emotion_names"],
            split=settings["split"],
            fold=settings["fold"],
            test_speakers=settings["test_speakers"],
            test_ratio=settings["test_ratio"],
            valid_ratio=settings["valid_ratio"],
            min_duration=settings["min_duration"],
            max_duration=settings["max_duration"],
            seed=settings["split_seed"],
            speech_filter=settings["speech_filter"],
            dry_run=settings["dry_run"],
        )
    if settings["dry_run"]:
        return dry_run(hparams_file, run_opts, settings)

    hparams = build(hparams_file, settings["steps"])
    brain = RELLMBrain.from_hparams(hparams, run_opts)
    recipe = Recipe(hparams, brain)

    # Section III-B: pseudo labels of arousal, dominance and valence.
    recipe.label_attributes()
    # Section II-B.1, Step 1: expected responses of the text LLM.
    recipe.expect_responses()
    # Whether they differ with the emotion: else there is nothing to learn.
    recipe.check_targets()
    # Section II-B.2, Step 2: behaviour alignment with the auxiliary tasks.
    training = recipe.training()
    if training is not None:
        brain.fit(hparams["epoch_counter"], **training)
    # Section III-C: what Whisper hears, for the system that reads it.
    recipe.transcribe()
    # Section III: responses to the test speech, and the emotion heard in it.
    recipe.respond()
    # What the same frames give away to a logistic regression.
    recipe.probe()
    # Section II-C: Emotional Reaction and Exploration by EPITOME.
    recipe.score_empathy()
    # Whether the responses follow the voice, and say what was said.
    recipe.listen()
    # The same words in another voice, and which ear is followed.
    recipe.same_words()
    # Tables I and II.
    report = recipe.report()
    # What `speechbrain_relm.inference.re_llm.EmpatheticListener` loads.
    recipe.release()
    # Where all that is, and how to listen with it.
    entries = recipe.entries["test"]
    show_end(recipe.folder, report, listen_next(recipe.folder, entries))
    return recipe


if __name__ == "__main__":
    explain(main, sys.argv[1:])
