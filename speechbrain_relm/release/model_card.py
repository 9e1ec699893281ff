"""The model card of a release, filled in from its run.

Authors
 * The speechbrain_relm contributors 2026
"""

import json
import re
from collections import Counter
from pathlib import Path

from speechbrain_relm.evaluation.runs import describe_scorers, read_run
from speechbrain_relm.evaluation.tables.alike import describe_origin
from speechbrain_relm.evaluation.tables.table import to_markdown
from speechbrain_relm.evaluation.tables.table_csv import read_csv
from speechbrain_relm.utils.disk.downloads import read_json
from speechbrain_relm.utils.files import FINGERPRINT
from speechbrain_relm.utils.provenance.stamps import SHORT
from speechbrain_relm.utils.sources.base_models import origin
from speechbrain_relm.utils.sources.hub import CONVERSION, weight_files
from speechbrain_relm.utils.text.cells import markdown_cell

# Of models whose licence does not come with their weights.
LICENCES = {
    "audeering/wav2vec2-large-robust-12-ft-emotion-msp-dim": "CC BY-NC-SA 4.0 "
    "(not for commercial use)",
    "openai/whisper-large-v2": "MIT",
    "Qwen/Qwen-7B-Chat": "Tongyi Qianwen licence",
}
LIMITS = (
    "It was trained and tested on the speech of {corpus}, on emotions of "
    "{emotions}; others, other languages and long recordings (over 30 s) are "
    "beyond it.",
    "It answers what it was trained to continue: it may misjudge an emotion, "
    "make things up, or talk at length without asking back "
    "(`sentences=2`, `style=...` help).",
    "It is no therapist. Do not rely on it where someone may be in distress, "
    "nor to judge people by how they sound.",
    "ER, Ex and IP are a classifier's estimates, worth what its accuracy "
    "above says, and no human's judgement.",
)

_CARD = """\
---
library_name: speechbrain
language: en
license: other
pipeline_tag: audio-text-to-text
tags: [speech, emotion, empathy, RE-LLM, {corpus}]
---
# {title}
It listens to speech, hears its emotion, and answers with empathy. Trained by speechbrain_relm (RE-LLM in SpeechBrain), checkpoint `{checkpoint}`, trained with the inputs `{fit}`.

```python
from speechbrain_relm.inference.re_llm import EmpatheticListener

listener = EmpatheticListener.from_hparams(source="path/to/this/folder")
print(listener.respond_file("speech.wav"))
print(listener.classify_file("speech.wav"))
for piece in listener.stream(listener.load_audio("speech.wav"), sentences=2):
    print(piece, end="", flush=True)
```

This folder holds the {tensors} trained tensors only ({megabytes:.1f} MB). The rest are base models, which must have exactly these weights:

| setting | base model | revision | licence | SHA-256 |
| --- | --- | --- | --- | --- |
{bases}

If one is elsewhere: `from_hparams(..., overrides={{"llm_source": FOLDER}})`.
{start}

# Data
{data}

# Results
{results}

{worth}

# Licences
The corpus {corpus} is {licence}. The base models have the licences above; a release may be passed on only as far as all of these allow.

# Limits
{limits}
"""


def model_card(bases, size, folder, title, remarks, licence, hparams, entries):
    """Writes the model card.

    Arguments
    ---------
    bases : dict
        Base model's setting to its description, from `base_models.describe`.
    size : int
        Bytes of the trained tensors.
    folder : str or pathlib.Path
        Output folder of the finished run.
    title : str
        Heading: system and corpus.
    remarks : list of str
        What a reader must know of the numbers.
    licence : str
        The corpus's.
    hparams : dict
        The loaded YAML.
    entries : dict
        Split to manifest entries.

    Returns
    -------
    str
        Markdown.
    """
    folder = Path(folder)
    run = read_run(f"this run={folder}")
    cells = read_csv(folder / "table.csv")
    model = hparams["model"]
    tensors = sum(p.requires_grad for p in model.parameters())
    limits = [
        limit.format(
            corpus=hparams["corpus"],
            emotions=markdown_cell(", ".join(hparams["emotions"])),
        )
        for limit in LIMITS
    ]
    return _CARD.format(
        title=markdown_cell(title),
        corpus=hparams["corpus"],
        checkpoint=run.inputs["responses"]["checkpoint"]["of"],
        fit=run.inputs["responses"]["fit"][:SHORT],
        tensors=tensors,
        megabytes=size / 1e6,
        bases="\n".join(base_rows(bases)),
        start=describe_start(hparams.get("init_from")),
        data="\n".join(describe_data(hparams, entries)),
        results=to_markdown(cells),
        worth="\n".join(
            [
                *(f"- {r}" for r in remarks),
                *describe_scorers([run]),
                *describe_origin([run]),
            ]
        ),
        licence=licence,
        limits="\n".join(f"- {limit}" for limit in limits),
    )


def base_rows(bases):
    """Lists base models as rows of the card's table.

    Arguments
    ---------
    bases : dict
        Base model's setting to its description.

    Returns
    -------
    list of str
        Rows of Markdown.
    """
    rows = []
    for name, base in bases.items():
        folder, _ = weight_files(base["source"])
        sums = "<br>".join(f"{f}: `{s}`" for f, s in base["sha256"].items())
        shown = [name, base["source"], base["revision"] or "—"]
        shown.append(licence_of(base["source"], folder))
        cells = [*map(markdown_cell, shown), sums]
        rows.append(f"| {' | '.join(cells)} |")
    return rows


def describe_start(source):
    """Says what training started from, and on what terms that is.

    Arguments
    ---------
    source : str or None
        The run's `init_from`.

    Returns
    -------
    str
        A paragraph of Markdown; nothing if training started from nothing.

    Example
    -------
    >>> describe_start(None)
    ''
    """
    if source is None:
        return ""
    folder, _ = weight_files(source)
    shown, revision = origin(source, folder)
    shown = markdown_cell(shown)
    if revision:
        page = f"[{shown}](https://huggingface.co/{shown})"
        shown = f"{page}, revision {revision[:12]}"
    terms = f"Its licence: {markdown_cell(licence_of(source, folder))}."
    if is_speech_llm(folder):
        terms += (
            " It was made of Whisper-large-v2 (MIT) and Qwen-7B-Chat (Tongyi "
            "Qianwen licence), whose terms hold for it and for this release."
        )
    return f"\nTraining started from {shown}. {terms}"


def is_speech_llm(folder):
    """Tells whether a folder is BLSP-Emo or RE-LLM, released or converted.

    Arguments
    ---------
    folder : pathlib.Path
        The folder.

    Returns
    -------
    bool
        Whether it is.

    Example
    -------
    >>> is_speech_llm(getfixture("tmp_path"))
    False
    """
    settings = folder / "config.json"
    if (folder / CONVERSION).is_file():
        return True
    return settings.is_file() and "qwen_config" in read_json(settings)


def licence_of(source, folder):
    """Looks up a base model's licence.

    Arguments
    ---------
    source : str
        Hub id, folder or file.
    folder : pathlib.Path
        Where its weights are.

    Returns
    -------
    str
        As its card or its record of origin says it.

    Example
    -------
    >>> folder = getfixture("tmp_path")
    >>> licence_of("a/b", folder), licence_of("Qwen/Qwen-7B-Chat", folder)
    ('see its source', 'Tongyi Qianwen licence')
    >>> _ = (folder / "README.md").write_text("---\\nlicense: mit\\n---")
    >>> licence_of(str(folder), folder)
    'mit'
    """
    origin, card = folder / "SOURCE.json", folder / "README.md"
    if source in LICENCES:
        return LICENCES[source]
    if origin.is_file():
        record = json.loads(origin.read_text(encoding="utf-8"))
        if "licence" in record:
            return record["licence"]
    if (folder / FINGERPRINT).is_file():
        return "made here, Apache-2.0"
    if card.is_file():
        head = card.read_text(encoding="utf-8")[:4096]
        said = re.search(r"^license: *(\S.*)$", head, re.MULTILINE)
        if said:
            return said.group(1).strip()
    return "see its source"


def describe_data(hparams, entries):
    """Says what a system learned from and was tested on.

    Arguments
    ---------
    hparams : dict
        The loaded YAML.
    entries : dict
        Split to manifest entries.

    Returns
    -------
    list of str
        Lines of Markdown.

    Example
    -------
    >>> entry = {"emotion": "sad", "duration": 3600.0, "speaker": "a"}
    >>> hparams = {"corpus": "ESD", "data_folder": "nowhere"}
    >>> print("\\n".join(describe_data(hparams, {"test": {"1": entry}})))
    Corpus: ESD.
    <BLANKLINE>
    | split | utterances | speakers | hours | emotions |
    | --- | ---: | ---: | ---: | --- |
    | test | 1 | 1 | 1.00 | 1 sad |
    """
    made = Path(hparams["data_folder"], FINGERPRINT).is_file()
    lines = [
        f"Corpus: {hparams['corpus']}."
        + (" **One made in its layout, of synthetic voices.**" if made else ""),
        "",
        "| split | utterances | speakers | hours | emotions |",
        "| --- | ---: | ---: | ---: | --- |",
    ]
    for split, found in entries.items():
        emotions = Counter(entry["emotion"] for entry in found.values())
        named = ", ".join(
            f"{n} {markdown_cell(e)}" for e, n in sorted(emotions.items())
        )
        speakers = len({entry.get("speaker") for entry in found.values()})
        hours = sum(entry["duration"] for entry in found.values()) / 3600
        lines.append(
            f"| {split} | {len(found)} | {speakers} | {hours:.2f} | {named} |"
        )
    return lines
