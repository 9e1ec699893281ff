#!/usr/bin/env python3
"""Aligns an adapter with a text LLM's words, without running the LLM.

To run this recipe, do the following:
> python train_words.py hparams/words.yaml --data_folder /path/to/LibriSpeech
and, with small models on a laptop:
> python train_words.py hparams/words_mini.yaml --data_folder /path/to/LibriSpeech

The adapter learns by CTC to spell what is said in the LLM's token embeddings,
and, where labels are known, the emotion. It leaves the folder `aligned`, from
which `train.py` and the other recipes start (`init_from`).

Authors
 * The speechbrain_relm contributors 2026
"""

import sys
from pathlib import Path

import speechbrain as sb

from speechbrain_relm.model.word_model import WordModel
from speechbrain_relm.runs.ending import show_end, train_next
from speechbrain_relm.runs.experiment import (
    build,
    check_models,
    explain,
    prepare,
    start,
)
from speechbrain_relm.runs.provenance.dry_run import dry_run
from speechbrain_relm.runs.word_alignment import WordRecipe, spelled_tokens
from speechbrain_relm.runs.word_brain import WordBrain

HERE = Path(__file__).resolve().parent

# What only the user can give: the name in the YAML, what it is, where from.
WANTED = {
    "data_folder": "the folder of LibriSpeech, or of any transcribed speech in "
    "its layout; download it from https://www.openslr.org/12."
}


def main(argv):
    """Aligns and measures.

    Arguments
    ---------
    argv : list of str
        A YAML and overrides.
    """
    hparams_file, run_opts, settings = start(argv, HERE, WANTED)
    if not settings["dry_run"]:
        sb.create_experiment_directory(
            experiment_directory=settings["output_folder"],
            hyperparams_to_save=hparams_file,
        )
    # What cannot work should cost seconds.
    check_models(hparams_file, settings)

    # Before the models are loaded: bad data should cost seconds.
    if "prepare" in settings["steps"]:
        from librispeech_prepare import prepare_librispeech  # noqa: E402

        prepare(
            prepare_librispeech,
            data_folder=settings["data_folder"],
            manifest_folder=settings["manifest_folder"],
            train_sets=settings["train_sets"],
            valid_sets=settings["valid_sets"],
            test_sets=settings["test_sets"],
            min_duration=settings["min_duration"],
            max_duration=settings["max_duration"],
            emotions_file=settings["emotions_file"],
            dry_run=settings["dry_run"],
        )
    if settings["dry_run"]:
        return dry_run(hparams_file, run_opts, settings)

    hparams = build(hparams_file)
    # The tokens of the training transcripts can be spelled.
    model = WordModel(hparams["model"], spelled_tokens(hparams))
    hparams["checkpointer"].add_recoverable("model", model)
    brain = WordBrain(
        modules={"model": model},
        opt_class=hparams["opt_class"],
        hparams=hparams,
        run_opts=run_opts,
        checkpointer=hparams["checkpointer"],
        llm=hparams["chat_llm"],
        emotions=hparams["emotions"],
        loss_weights=hparams["loss_weights"],
        lr_schedule=hparams["lr_schedule"],
        train_logger=hparams["train_logger"],
        embedding_folder=hparams["embedding_folder"],
        frame_folder=hparams["frame_folder"],
        best_by=hparams["best_by"],
    )
    recipe = WordRecipe(hparams, brain, hparams["emotion_first"])

    # Pseudo labels of arousal, dominance and valence.
    recipe.label_attributes(hparams["labelling_batch_size"])
    # Words, classes and dimensions.
    training = recipe.training(
        hparams["init_adapter"],
        hparams["sampler"],
        hparams["train_loader"],
        hparams["valid_loader"],
    )
    if training is not None:
        brain.fit(hparams["epoch_counter"], **training)
    recipe.export()
    report = recipe.report(hparams["report_title"], hparams["batch_size"])
    then = train_next(hparams_file, HERE, "init_from", recipe.aligned)
    show_end(recipe.folder, report, then)


if __name__ == "__main__":
    explain(main, sys.argv[1:])
