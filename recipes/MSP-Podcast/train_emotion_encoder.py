#!/usr/bin/env python3
"""Trains the dimensional-emotion encoder on MSP-Podcast (Wagner et al. 2023).

To run this recipe, do the following:
> python train_emotion_encoder.py hparams/emotion_encoder.yaml \
--data_folder /path/to/MSP-Podcast
and, with a small encoder on a laptop:
> python train_emotion_encoder.py hparams/emotion_encoder_mini.yaml \
--data_folder /path/to/MSP-Podcast

It leaves a folder that the other recipes take as `emotion_source`.

Authors
 * The speechbrain_relm contributors 2026
"""

import sys
from pathlib import Path

import speechbrain as sb

from speechbrain_relm.data.corpus import SPLITS
from speechbrain_relm.data.emotion_labels import prepare_emotion_labels
from speechbrain_relm.model.concordance import concordance_table
from speechbrain_relm.runs.ending import show_end, train_next
from speechbrain_relm.runs.experiment import (
    build,
    check_models,
    explain,
    prepare,
    start,
)
from speechbrain_relm.runs.provenance.dry_run import dry_run
from speechbrain_relm.runs.provenance.fits import begin_fit
from speechbrain_relm.training.emotion_encoder import (
    EmotionBrain,
    emotion_dataset,
    train_encoder,
)

HERE = Path(__file__).resolve().parent

# What only the user can give: the name in the YAML, what it is, where from.
WANTED = {
    "data_folder": "the folder of MSP-Podcast with Labels and Audios; request "
    "it at https://ecs.utdallas.edu/research/researchlabs/msp-lab/"
    "MSP-Podcast.html."
}


def main(argv):
    """Runs the recipe.

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

    # All utterances with ratings, whatever their class.
    prepare(
        prepare_emotion_labels,
        data_folder=settings["data_folder"],
        manifest_folder=settings["manifest_folder"],
        min_duration=settings["min_duration"],
        max_duration=settings["max_duration"],
        dry_run=settings["dry_run"],
    )
    if settings["dry_run"]:
        return dry_run(hparams_file, run_opts, settings)

    hparams = build(hparams_file)
    folder = Path(hparams["output_folder"])
    brain = EmotionBrain(
        modules=hparams["modules"],
        opt_class=hparams["opt_class"],
        hparams=hparams,
        run_opts=run_opts,
        checkpointer=hparams["checkpointer"],
        lr_schedule=hparams["lr_schedule"],
        train_logger=hparams["train_logger"],
    )
    manifests = Path(hparams["manifest_folder"])
    datasets = {
        part: emotion_dataset(
            manifests / f"{part}.json", hparams["data_folder"]
        )
        for part in SPLITS
    }

    # Checkpoints of other settings or data are not gone on with.
    begin_fit(hparams_file, run_opts, settings)
    # The best epoch by mean concordance on Development.
    figures = train_encoder(
        brain,
        datasets,
        folder / "encoder",
        hparams["sampler"],
        hparams["train_loader"],
        hparams["valid_loader"],
    )
    encoder = folder / "encoder"
    then = train_next(hparams_file, HERE, "emotion_source", encoder)
    show_end(folder, concordance_table(figures), then)


if __name__ == "__main__":
    explain(main, sys.argv[1:])
