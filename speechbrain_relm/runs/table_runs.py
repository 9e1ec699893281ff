"""Table I of a corpus: its systems one after another, then the table.

What several systems need is made once, in `shared` below the table's folder:
manifests, pseudo labels, expected responses, transcripts.

Authors
 * The speechbrain_relm contributors 2026
"""

import gc
import json
import sys
import time
from pathlib import Path

from speechbrain.utils.distributed import run_on_main
from speechbrain.utils.logger import get_logger

from speechbrain_relm.evaluation.pages.recordings import recordings_of_all
from speechbrain_relm.evaluation.pages.table import write_table
from speechbrain_relm.evaluation.runs import (
    describe_scorers,
    read_figures,
    read_run,
)
from speechbrain_relm.runs.ending import listen_next, show_end
from speechbrain_relm.runs.experiment import find_hparams, read_settings
from speechbrain_relm.runs.settings.command_line import (
    as_words,
    read_command_line,
    split,
    take_flags,
)
from speechbrain_relm.runs.systems import TABLE_1, effective_yaml, find_system
from speechbrain_relm.utils.errors import RecipeError
from speechbrain_relm.utils.files import set_aside, write_atomically
from speechbrain_relm.utils.text.cells import markdown_cell

logger = get_logger(__name__)

# Steps whose result the systems share.
SHARED_STEPS = ("attributes", "expected_responses", "transcribe")
# The paper tests RE-LLM against fine-tuned BLSP-Emo (Section II-C).
BASELINE = "blsp_emo_ft"


def run_table(train, argv, recipe_folder):
    """Runs systems and makes Table I of them.

    Arguments
    ---------
    train : callable
        The recipe's `main`: arguments of its command line to `Recipe`.
    argv : list of str
        A YAML, `--systems` with numbers, names or paths (by default the
        eight of the paper), and overrides for every system; `--dry_run` only
        says what each would do.
    recipe_folder : str or pathlib.Path
        Folder of the recipe.

    Returns
    -------
    pathlib.Path or None
        Path of `table.md`, if one was made.

    Raises
    ------
    RecipeError
        For any mistake in the command line.
    """
    flags, argv = take_flags(argv)
    yaml, systems, folder, rest = parse(argv, recipe_folder)
    rest += flags
    seconds = _read_seconds(folder)
    for system in systems:
        name = find_system(system).stem
        logger.info("Table I: %s", name)
        words = [
            yaml,
            f"--system={system}",
            f"--output_folder={folder / name}",
            f"--shared_folder={folder / 'shared'}",
            *rest,
        ]
        if "--dry_run" in flags:
            sys.stdout.write(f"# {name}\n")
            train(words)
            continue
        start = time.time()
        recipe = train(words)
        spent = seconds.setdefault(name, {"in all": 0.0})
        spent["in all"] += time.time() - start
        took = recipe.seconds
        if "fit" in took:  # what it gathers, and what the brain does with it
            took["fit"] += recipe.brain.seconds
        for step, value in took.items():
            spent[step] = spent.get(step, 0.0) + value
        run_on_main(
            write_atomically,
            args=[folder / "seconds.json", json.dumps(seconds, indent=2)],
        )
        remarks = [*recipe.about_copy, recipe.repeats()]
        # The next system's models take this one's place.
        del recipe
        gc.collect()
    if "--dry_run" in flags:
        return None
    run_on_main(report, args=[folder, yaml, systems, seconds, remarks])
    return folder / "table.md"


def parse(argv, recipe_folder):
    """Takes the command line apart and checks it.

    Arguments
    ---------
    argv : list of str
        See `run_table`.
    recipe_folder : str or pathlib.Path
        Folder of the recipe.

    Returns
    -------
    yaml : str
        Path of the YAML.
    systems : list of str
        The systems.
    folder : pathlib.Path
        Where the table and its runs go.
    rest : list of str
        Overrides for every system.
    """
    given, options = split(argv)
    yaml = find_hparams(given, recipe_folder)
    chosen = options.pop("systems", [",".join(TABLE_1)])[0]
    systems = [system.strip() for system in chosen.split(",")]
    names = [find_system(system).stem for system in systems]
    if len(set(names)) < len(names):
        raise RecipeError(f"--systems: one is named twice in {chosen}.")
    for name in ("system", "shared_folder"):
        if name in options:
            raise RecipeError(
                f"--{name}: the table gives each system its own; name the "
                "systems with --systems, and its folder with --output_folder."
            )
    folder = options.pop("output_folder", [None])[0]
    rest = as_words(options)
    if folder is None:
        _, _, overrides = read_command_line([yaml, *rest], str)
        overrides = {"data_folder": "", **overrides}
        settings = read_settings(effective_yaml(yaml, overrides), {})
        run = Path(settings["output_folder"])
        folder = run.parent.with_name(f"table_{run.parent.name}") / run.name
    return yaml, systems, Path(folder), rest


def _read_seconds(folder):
    """Reads how long earlier steps took: system to {step: seconds}."""
    path = folder / "seconds.json"
    if not path.is_file():
        return {}
    try:
        return read_figures(path)
    except ValueError:
        logger.warning(
            "%s is damaged: put aside as %s.", path, set_aside(path).name
        )
        return {}


def report(folder, yaml, systems, seconds, remarks):
    """Writes and prints the table.

    Arguments
    ---------
    folder : pathlib.Path
        The table's folder.
    yaml : str
        The YAML.
    systems : list of str
        Its systems.
    seconds : dict
        System to {step: seconds}.
    remarks : list of str
        What a reader must know of these numbers: in what the copy differs
        from the release, what of the test was said in training.
    """
    titles = {}
    for system in systems:
        settings = read_settings(
            effective_yaml(yaml, {"system": system, "data_folder": ""}), {}
        )
        titles[find_system(system).stem] = settings["system_title"]
    runs = [read_run(f"{titles[name]}={folder / name}") for name in titles]
    write_table(
        folder,
        runs,
        titles.get(BASELINE) if len(runs) > 1 else None,
        [
            *(f"- {remark}" for remark in remarks),
            *describe_scorers(runs),
            "",
            *describe_seconds(seconds),
        ],
        recordings_of_all([folder / name for name in titles]),
    )
    trained = [name for name in titles if (folder / name / "release").is_dir()]
    listen = folder / (trained or list(titles))[-1]
    show_end(folder, folder / "table.md", listen_next(listen))


def describe_seconds(seconds):
    """Says how long each system took, and what sharing saved.

    Arguments
    ---------
    seconds : dict
        System to {step: seconds}.

    Returns
    -------
    list of str
        Lines of Markdown.

    Example
    -------
    >>> a = {"in all": 90.0, "attributes": 60.0, "fit": 30.0}
    >>> b = {"in all": 31.0, "attributes": 0.0, "fit": 30.0}
    >>> print("\\n".join(describe_seconds({"a": a, "b": b})[-2:]))
    <BLANKLINE>
    121 s in all; without sharing it would have been 181 s.
    """
    steps = [s for spent in seconds.values() for s in spent]
    columns = list(dict.fromkeys(steps))
    lines = [
        "## Seconds",
        "",
        f"| system | {' | '.join(columns)} |",
        "| --- |" + " ---: |" * len(columns),
    ]
    for system, spent in seconds.items():
        cells = [f"{spent[c]:.0f}" if c in spent else "—" for c in columns]
        lines.append(f"| {markdown_cell(system)} | {' | '.join(cells)} |")
    total = sum(spent["in all"] for spent in seconds.values())
    saved = 0.0
    for step in SHARED_STEPS:
        times = [spent[step] for spent in seconds.values() if step in spent]
        if times:
            saved += len(times) * max(times) - sum(times)
    return [
        *lines,
        "",
        f"{total:.0f} s in all; without sharing it would have been "
        f"{total + saved:.0f} s.",
    ]
