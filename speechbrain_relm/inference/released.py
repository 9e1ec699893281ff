"""SpeechBrain's interface for pretrained models, opened with care.

Authors
 * The speechbrain_relm contributors 2026
"""

from pathlib import Path

from speechbrain.inference.interfaces import Pretrained
from speechbrain.utils.fetching import LocalStrategy

from speechbrain_relm.release.opening import naming, open_release
from speechbrain_relm.utils.disk.run_folders import RUN, find_release
from speechbrain_relm.utils.sources.hub import model_folder


class Released(Pretrained):
    """What `from_hparams` opens without running any code that it brings.

    Arguments
    ---------
    *args
        See `speechbrain.inference.interfaces.Pretrained`.
    **kwargs
        The same.
    """

    @classmethod
    def from_hparams(
        cls,
        source,
        hparams_file="hyperparams.yaml",
        overrides=None,
        overrides_must_match=True,
        savedir=None,
        local_strategy=LocalStrategy.SYMLINK,
        trust_code=False,
        **kwargs,
    ):
        """Opens a release.

        Arguments
        ---------
        source : str or pathlib.Path
            Folder or hub id, or the output folder of the run that left it.
        hparams_file : str
            The YAML's name.
        overrides : dict or str or None
            Settings to change.
        overrides_must_match : bool
            Whether a setting that is not there is an error.
        savedir : str or pathlib.Path or None
            Where links to the weights go; by default there are none.
        local_strategy : speechbrain.utils.fetching.LocalStrategy
            What kind of links.
        trust_code : bool
            A HyperPyYAML can call any Python. By default a release that wants
            more than the lobes of this project and SpeechBrain is refused;
            `True` does whatever it says, with your rights on this machine.
        **kwargs
            See `speechbrain.inference.interfaces.Pretrained`.

        Returns
        -------
        Released
            Ready for use.

        Raises
        ------
        OSError
            If a file is missing.
        ValueError
            If the release wants more than that, or does not fit together.

        Example
        -------
        >>> from speechbrain_relm.inference.re_llm import EmpatheticListener
        >>> folder = getfixture("release_folder")
        >>> EmpatheticListener.from_hparams(folder).hparams.emotions
        ['neutral', 'sad', 'angry', 'happy']
        """
        if (Path(source) / RUN).is_file():
            source = find_release(source)
        folder = model_folder(source)
        hparams = open_release(
            folder, overrides, overrides_must_match, trust_code, hparams_file
        )
        hparams["savedir"] = savedir
        with naming(folder / hparams_file):
            pretrainer = hparams["pretrainer"]
            pretrainer.set_collect_in(savedir)
            pretrainer.collect_files(
                default_source=str(folder), local_strategy=local_strategy
            )
            pretrainer.load_collected()
            return cls(modules=hparams["modules"], hparams=hparams, **kwargs)
