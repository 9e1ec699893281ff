"""Trains classifiers of all mechanisms and leaves an empathy scorer.

Authors
 * The speechbrain_relm contributors 2026
"""

from pathlib import Path

import torch
from speechbrain.utils.logger import get_logger
from speechbrain.utils.train_logger import FileTrainLogger

from speechbrain_relm.epitome.baselines import measure_baselines
from speechbrain_relm.epitome.data import epitome_dataset
from speechbrain_relm.epitome.training import EpitomeBrain
from speechbrain_relm.lobes.epitome import save_scorer
from speechbrain_relm.lobes.epitome_classifier import share_encoders

logger = get_logger(__name__)


def train_together(mechanisms, entries, hparams, run_opts):
    """Trains and measures classifiers that share their encoders.

    Arguments
    ---------
    mechanisms : list of str
        E.g. all three, or a single one as in the original.
    entries : dict
        "train", "valid" and "test" to annotated pairs, as `epitome_dataset`
        takes them.
    hparams : dict
        The loaded YAML. `classifier`, `epoch_counter`, `sampler` and
        `checkpointer` are called to make an object for each training.
    run_opts : dict or None
        SpeechBrain's run options.

    Returns
    -------
    classifiers : dict
        Mechanism to the `EpitomeClassifier` of the best epoch.
    figures : dict
        Mechanism to figures on the test part, see `Kept.measure`.
    """
    folder = Path(hparams["output_folder"]) / "+".join(mechanisms)
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(hparams["seed"])
    classifiers = {name: hparams["classifier"]() for name in mechanisms}
    share_encoders(classifiers.values())
    module = torch.nn.ModuleDict(classifiers)
    counter = hparams["epoch_counter"]()
    brain = EpitomeBrain(
        modules={"classifiers": module},
        opt_class=hparams["opt_class"],
        hparams={
            **hparams,
            "epoch_counter": counter,
            "train_logger": FileTrainLogger(folder / "train_log.txt"),
        },
        run_opts=run_opts,
        checkpointer=hparams["checkpointer"](
            folder / "save",
            recoverables={"classifiers": module, "counter": counter},
        ),
    )
    datasets = {
        part: epitome_dataset(
            # Responses of like length are neighbours: little padding.
            dict(sorted(of_part.items(), key=_response_length)),
            mechanisms,
            hparams["tokenizer"],
            hparams["max_length"],
        )
        for part, of_part in entries.items()
    }
    lengths = [len(example["ids"]) for example in datasets["train"]]
    sampler = hparams["sampler"](datasets["train"], lengths_list=lengths)
    brain.fit(
        counter,
        datasets["train"],
        datasets["valid"],
        train_loader_kwargs={"batch_sampler": sampler},
        valid_loader_kwargs=hparams["valid_loader"],
    )
    brain.evaluate(
        datasets["test"],
        max_key="macro_f1",
        # A copy: SpeechBrain writes into it.
        test_loader_kwargs=dict(hparams["valid_loader"]),
    )
    figures = {
        name: brain.figures[name] | measure_baselines(brain, entries, name)
        for name in mechanisms
    }
    logger.info("Test figures: %s", figures)
    module.cpu()
    return classifiers, figures


def _response_length(item):
    """Orders entries by the length of their response."""
    utterance, entry = item
    return len(entry["response"]), utterance


def train_scorer(entries, hparams, run_opts, target):
    """Trains every mechanism and saves them as one scorer.

    Arguments
    ---------
    entries : dict
        See `train_together`.
    hparams : dict
        The loaded YAML; its `trainings` lists the mechanisms that are
        trained together.
    run_opts : dict or None
        SpeechBrain's run options.
    target : str or pathlib.Path
        An existing folder, for what `EmpathyScorer` loads.

    Returns
    -------
    dict
        Figures of each mechanism.
    """
    classifiers, figures = {}, {}
    for mechanisms in hparams["trainings"]:
        trained = train_together(mechanisms, entries, hparams, run_opts)
        classifiers.update(trained[0])
        figures.update(trained[1])
    save_scorer(
        target,
        classifiers,
        hparams["tokenizer"],
        hparams["max_length"],
        figures,
    )
    return figures
