"""Made corpora, spoken by eSpeak NG, in the layouts of the licensed ones.

To make one by hand:
> python -m speechbrain_relm.mini.corpora esd FOLDER --speakers 10 --sentences 12
or with sentences of your own, in voices that the seed picks:
> python -m speechbrain_relm.mini.corpora esd FOLDER --sentences_from FILE --seed 2

Authors
 * The speechbrain_relm contributors 2026
"""

from speechbrain_relm.utils.errors import Parser, count, entry_point


@entry_point("corpora")
def main(arguments):
    """Makes one corpus, as the command line says.

    Arguments
    ---------
    arguments : list of str, optional
        Command line, by default the one of the process.
    """
    parser = Parser(
        prog="python -m speechbrain_relm.mini.corpora",
        description=__doc__.split("\n")[0],
    )
    corpora = parser.add_subparsers(dest="corpus", required=True)
    esd = corpora.add_parser("esd", help="in the layout of ESD's English part")
    esd.add_argument("--speakers", type=count, default=10)
    said = esd.add_mutually_exclusive_group()
    said.add_argument("--sentences", type=count, help="by default all")
    said.add_argument(
        "--sentences_from", help="a text file with sentences, one a line"
    )
    msp = corpora.add_parser("msp-podcast", help="in that of MSP-Podcast")
    msp.add_argument("--utterances", type=count, default=1400)
    msp.add_argument(
        "--oddities", action="store_true", help="with odd lines and files"
    )
    iemocap = corpora.add_parser("iemocap", help="in that of IEMOCAP")
    iemocap.add_argument("--utterances_per_dialog", type=count, default=12)
    libri = corpora.add_parser("librispeech", help="in that of LibriSpeech")
    libri.add_argument("--utterances", type=count, default=5000)
    demo = corpora.add_parser("demo", help="the demo's, in that of ESD")
    demo.add_argument("--sentences", type=count, default=270)
    demo.add_argument("--test_sentences", type=count, default=12)
    for command in (esd, msp, iemocap, libri, demo):
        command.add_argument("folder")
        command.add_argument("--seed", type=int, default=1)
    make(parser.parse_args(arguments))


def make(args):
    """Makes the corpus that was asked for.

    Arguments
    ---------
    args : argparse.Namespace
        The command line.
    """
    # `--help` need not wait for these.
    from speechbrain_relm.mini.demo_corpus import make_demo
    from speechbrain_relm.mini.esd import ESD_SENTENCES, make_esd
    from speechbrain_relm.mini.iemocap import make_iemocap
    from speechbrain_relm.mini.language.sentences import read_sentences
    from speechbrain_relm.mini.librispeech import make_librispeech
    from speechbrain_relm.mini.msp_podcast import (
        make_msp_podcast,
        make_msp_podcast_with_oddities,
    )

    if args.corpus == "esd":
        sentences = args.sentences or ESD_SENTENCES
        if args.sentences_from is not None:
            sentences = read_sentences(args.sentences_from, ESD_SENTENCES)
        make_esd(args.folder, args.speakers, sentences, args.seed)
    elif args.corpus == "iemocap":
        make_iemocap(args.folder, args.utterances_per_dialog, args.seed)
    elif args.corpus == "librispeech":
        make_librispeech(args.folder, args.utterances, args.seed)
    elif args.corpus == "demo":
        make_demo(args.folder, args.sentences, args.test_sentences, args.seed)
    elif args.oddities:
        make_msp_podcast_with_oddities(args.folder, args.utterances, args.seed)
    else:
        make_msp_podcast(args.folder, args.utterances, args.seed)


if __name__ == "__main__":
    main()
