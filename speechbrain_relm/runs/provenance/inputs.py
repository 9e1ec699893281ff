"""What the steps of a run depend on: settings after overrides, and models.

Authors
 * The speechbrain_relm contributors 2026
"""

from pathlib import Path

from hyperpyyaml import load_hyperpyyaml
from speechbrain.utils.run_opts import RunOptions

from speechbrain_relm.runs.provenance.declared import (
    AFTER_FIT,
    FIT,
    FREE,
    FREE_INSIDE,
    HEARING_OPTIONS,
    NAMED,
    OPTIONS,
)
from speechbrain_relm.utils.plain_yaml import (
    is_source,
    name_sources,
    read_tagged,
    referred_to,
    settings_of,
)
from speechbrain_relm.utils.sources.base_models import source_content

ALL_OPTIONS = (*OPTIONS, *HEARING_OPTIONS)


class Inputs:
    """What each step of a run depends on, asked by its name.

    Arguments
    ---------
    text : str
        The run's YAML, from `speechbrain_relm.runs.experiment.start`.
    run_opts : speechbrain.utils.run_opts.RunOptions or dict or None
        SpeechBrain's run options.

    Example
    -------
    >>> inputs = Inputs("seed: 1\\nlr: 0.1\\nresponse_system: Answer.\\n")
    >>> inputs.of("respond")["response_system"], inputs.of("fit")["lr"]
    ('Answer.', 0.1)
    >>> "response_system" in inputs.of("fit")
    False
    """

    def __init__(self, text, run_opts=None):
        self.blocks = name_sources(settings_of(text))
        self.values = read_tagged("".join(self.blocks.values()))
        self.options = self._options(run_opts)
        self._made = {}  # models that the YAML has made

    def _options(self, run_opts):
        """Finds run options as SpeechBrain does: command line, YAML, default."""
        if not isinstance(run_opts, RunOptions):
            run_opts = RunOptions.from_dictionary(run_opts or {})
        given, default = run_opts.overridden_args, RunOptions()
        return {
            name: run_opts[name]
            if name in given
            else self.values.get(name, default[name])
            for name in ALL_OPTIONS
        }

    def of(self, step):
        """Lists the inputs of a step.

        Arguments
        ---------
        step : str
            Its name.

        Returns
        -------
        dict
            Name to value; models by their content.
        """
        if step == FIT:
            names = {
                name
                for name in self.blocks
                if name.removesuffix("_source") not in AFTER_FIT
            } - set(AFTER_FIT)
            options = ALL_OPTIONS
        else:
            roots = [name for name in NAMED[step] if name in self.blocks]
            names = referred_to(roots, self.blocks)
            options = HEARING_OPTIONS
        found = {n: self._value(n) for n in sorted(names - set(FREE))}
        return {**found, **{name: self.options[name] for name in options}}

    def _value(self, name):
        """Gives a setting's value, a model's by what is in it."""
        if is_source(name):
            return source_content(self.source(name))
        return without_free(self.values[name])

    def source(self, name):
        """Names the folder or hub id of a model.

        Arguments
        ---------
        name : str
            Its setting.

        Returns
        -------
        str or None
            Made by now, if the YAML has it made.
        """
        value = self.values[name]
        if not isinstance(value, dict):
            return value
        if name not in self._made:
            reached = referred_to([name], self.blocks)
            text = "".join(b for n, b in self.blocks.items() if n in reached)
            self._made[name] = load_hyperpyyaml(text)[name]
        return self._made[name]


def without_free(value):
    """Leaves out what changes no result.

    Arguments
    ---------
    value : object
        A setting's value.

    Returns
    -------
    object
        The same without the settings of `FREE_INSIDE`.

    Example
    -------
    >>> without_free({"num_workers": 4, "drop_last": True})
    {'drop_last': True}
    """
    if isinstance(value, dict):
        return {
            k: without_free(v) for k, v in value.items() if k not in FREE_INSIDE
        }
    return (
        [without_free(v) for v in value] if isinstance(value, list) else value
    )


def inputs_of(hparams_file, run_opts=None):
    """Reads what the steps of a run depend on.

    Arguments
    ---------
    hparams_file : str
        The YAML of the run.
    run_opts : dict or None
        SpeechBrain's run options.

    Returns
    -------
    Inputs
        Of its steps.
    """
    return Inputs(Path(hparams_file).read_text(encoding="utf-8"), run_opts)
