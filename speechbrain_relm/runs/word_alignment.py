"""Fast alignment: speech spells its words in the LLM's tokens.

Before BLSP's first stage, or in its place, the adapter learns by CTC to speak
the LLM's own token embeddings, the emotion as their first word, and the two
auxiliary tasks of the paper (Eq. 9). The LLM is never run, and what frozen
encoders hear is kept, so an epoch costs a small fraction of one with the LLM.

Authors
 * The speechbrain_relm contributors 2026
"""

import re
from pathlib import Path

import speechbrain as sb
import torch
from safetensors.torch import save_file
from speechbrain.dataio.dataset import DynamicItemDataset
from speechbrain.utils.distributed import run_on_main

from speechbrain_relm.data.corpus import as_json
from speechbrain_relm.data.datasets import (
    add_attributes,
    add_audio,
    add_labels,
    load_batch,
    read_manifest,
)
from speechbrain_relm.model.prompting import evaluating
from speechbrain_relm.runs.recipe import Recipe
from speechbrain_relm.runs.steps.fit import in_batches, start_adapter
from speechbrain_relm.runs.steps.naming import step
from speechbrain_relm.utils.disk.refusals import naming
from speechbrain_relm.utils.errors import RecipeError
from speechbrain_relm.utils.files import whole_folder, write_atomically
from speechbrain_relm.utils.records import make_batches
from speechbrain_relm.utils.text.cells import markdown_cell
from speechbrain_relm.utils.text.wording import straight

PRONOUN = re.compile(r"I('\w+)?$")


class WordRecipe(Recipe):
    """The steps of the fast alignment.

    Arguments
    ---------
    hparams : dict
        The loaded YAML.
    brain : WordBrain
        Trains the adapter.
    emotion_first : bool
        Whether the emotion is the first word that is spelled.
    """

    def __init__(self, hparams, brain, emotion_first):
        super().__init__(hparams, brain)
        self.emotion_first = emotion_first

    def dataset(self, split):
        """Makes the dataset of a split.

        Arguments
        ---------
        split : str
            "train", "valid" or "test".

        Returns
        -------
        speechbrain.dataio.dataset.DynamicItemDataset
            See `word_dataset`.
        """
        return word_dataset(
            self.entries[split],
            self.hparams["chat_llm"],
            self.hparams["emotions"],
            self.emotion_first,
        )

    @step("fit")
    def training(self, init_adapter, sampler, train_loader, valid_loader):
        """Starts the adapter, and gathers what it learns from.

        Arguments
        ---------
        init_adapter : str
            "standardised" (see `lobes.parts.standardising`), or "fresh", as
            it was drawn.
        sampler : callable
            Makes SpeechBrain's `DynamicBatchSampler`; lengths are seconds.
        train_loader : dict
            Arguments of the training data's loader.
        valid_loader : dict
            Arguments of the validation data's loader, and a `batch_size`.

        Returns
        -------
        dict or None
            For `brain.fit`, which counts the epochs.
        """
        attributes = {}
        if self.hparams["emotions"] is not None:
            attributes = self.records(self.shared / "attributes.jsonl")
            for split in ("train", "valid"):
                add_attributes(self.entries[split], attributes)
        self.begin_fit(attributes)
        start_adapter(
            self.brain,
            init_adapter,
            self.entries["train"],
            self.hparams["labelling_batch_size"],
        )
        splits = ("train", "valid")
        return in_batches(
            {split: self.dataset(split) for split in splits},
            {
                split: [e["duration"] for e in self.entries[split].values()]
                for split in splits
            },
            sampler,
            train_loader,
            valid_loader,
        )

    @property
    def aligned(self):
        """The folder for `init_from`."""
        return self.folder / "aligned"

    @step("export")
    def export(self):
        """Writes adapter and heads of the best checkpoint, for `init_from`.

        Raises
        ------
        RecipeError
            If nothing was trained.
        """
        if not self.recover():
            raise RecipeError(
                f"{self.folder} has no checkpoint to export: the step 'fit' "
                "makes it."
            )
        model = self.brain.model
        tensors = {
            f"{part}.{name}": tensor.detach().cpu().contiguous()
            for part in ("adapter", "heads")
            if getattr(model, part) is not None
            for name, tensor in getattr(model, part).state_dict().items()
        }
        run_on_main(_export, args=[tensors, self.aligned])

    @step("report")
    def report(self, title, size):
        """Measures on the test set; writes `words.json` and `table.md`.

        Arguments
        ---------
        title : str
            Heading.
        size : int
            Utterances a batch.

        Returns
        -------
        pathlib.Path
            Path of `table.md`.
        """
        self.recover()
        dataset, entries = self.dataset("test"), self.entries["test"]
        lengths = [entry["duration"] for entry in entries.values()]
        recognized = []
        with torch.no_grad(), evaluating(self.brain.model):
            for ids in make_batches(list(entries), lengths, size):
                batch = load_batch(dataset, ids)
                spelled = self.brain.compute_forward(batch, sb.Stage.TEST)
                recognized += self.brain.read(spelled, batch)
        figures = {
            "utterances": len(recognized),
            **self.brain.recognition(recognized),
        }
        run_on_main(
            write_words, args=[self.folder, title, figures, recognized[:8]]
        )
        return self.folder / "table.md"


def word_dataset(entries, llm, emotions, emotion_first):
    """Makes a dataset of utterances and the tokens that they spell.

    Arguments
    ---------
    entries : dict
        Manifest entries.
    llm : torch.nn.Module
        A `ChatLLM`, whose tokenizer is used.
    emotions : list of str or None
        The classes, in the order of the category head.
    emotion_first : bool
        Whether the emotion is the first word.

    Returns
    -------
    speechbrain.dataio.dataset.DynamicItemDataset
        With `id`, `sig`, its `audio_key`, `word_ids`, and, of a corpus with
        labels, `category` and `attributes`.
    """
    dataset = DynamicItemDataset(entries)

    @sb.utils.data_pipeline.takes("emotion", "transcript")
    @sb.utils.data_pipeline.provides("word_ids")
    def _word_pipeline(emotion, transcript):
        first = f" {emotion}" if emotion_first else ""
        return torch.tensor(llm.encode(first + as_spelled(transcript)))

    add_audio(dataset)
    dataset.add_dynamic_item(_word_pipeline)
    keys = ["id", "sig", "audio_key", "word_ids"]
    if emotions is not None:
        add_labels(dataset, emotions)
        keys += ["category", "attributes"]
    dataset.set_output_keys(keys)
    return dataset


def as_spelled(transcript):
    """Writes a transcript as it stands inside a sentence, word after word.

    An LLM has other tokens for a word at the start of a text, with a capital,
    or before a comma; nobody hears these.

    Arguments
    ---------
    transcript : str
        The transcript.

    Returns
    -------
    str
        Words with a space before each, without punctuation.

    Example
    -------
    >>> as_spelled("She called, I think."), as_spelled("I'm here!")
    (' she called I think', " I'm here")
    """
    words = re.findall(r"\w+(?:['-]\w+)*", straight(transcript))
    if words and not PRONOUN.match(words[0]):
        words[0] = words[0][0].lower() + words[0][1:]
    return "".join(f" {word}" for word in words)


def spelled_tokens(hparams):
    """Lists the LLM's tokens in the training transcripts and emotions.

    Arguments
    ---------
    hparams : dict
        The loaded YAML.

    Returns
    -------
    list of int
        Token ids.
    """
    entries = read_manifest(
        Path(hparams["manifest_folder"]) / "train.json",
        hparams["data_folder"],
        hparams["emotions"],
    )
    texts = {as_spelled(entry["transcript"]) for entry in entries.values()}
    texts |= {f" {emotion}" for emotion in hparams["emotions"] or []}
    encode = hparams["chat_llm"].encode
    return sorted({token for text in texts for token in encode(text)})


def write_words(folder, title, figures, examples):
    """Writes what the alignment reached.

    Arguments
    ---------
    folder : str or pathlib.Path
        Receives `words.json` and `table.md`.
    title : str
        Heading.
    figures : dict
        `utterances`, `WER`, and `UA` with heads.
    examples : list of tuple
        See `WordBrain.read`.

    Example
    -------
    >>> folder = getfixture("tmp_path")
    >>> figures = {"utterances": 1, "WER": 0.5}
    >>> write_words(folder, "Words", figures, [("a b", "a c", None, None)])
    >>> print((folder / "table.md").read_text("utf-8").splitlines()[-1])
    | a c | a b |
    """
    folder = Path(folder)
    lines = [f"# {title}", "", "| | |", "| --- | ---: |"]
    lines += [
        f"| {name} | {value if name == 'utterances' else f'{value:.3f}'} |"
        for name, value in figures.items()
    ]
    lines += [
        "",
        "WER is that of the nearest tokens, repetitions and blanks left out; "
        "UA that of the category head.",
        "",
        "| said | spelled |",
        "| --- | --- |",
    ]
    lines += [
        f"| {markdown_cell(said)} | {markdown_cell(spelled)} |"
        for spelled, said, *_ in examples
    ]
    write_atomically(folder / "words.json", as_json(figures))
    write_atomically(folder / "table.md", "\n".join(lines) + "\n")


def _export(tensors, folder):
    """Writes the folder whole or not at all."""
    with naming(folder), whole_folder(folder) as partial:
        save_file(tensors, partial / "model.ckpt")
