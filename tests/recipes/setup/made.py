# ruff: noqa: E402
"""Makes what the recipe tests run on: made corpora and tiny models.

    python tests/recipes/setup/made.py ESD

Authors
 * The speechbrain_relm contributors 2026
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT))

from speechbrain_relm.mini.annotations.pairs import write_csvs
from speechbrain_relm.mini.esd import make_esd
from speechbrain_relm.mini.iemocap import make_iemocap
from speechbrain_relm.mini.librispeech import make_librispeech
from speechbrain_relm.mini.msp_podcast import make_msp_podcast
from speechbrain_relm.utils.files import whole_folder
from tests import tiny_models

MADE = ROOT / "tests" / "tmp" / "made"
CORPORA = {
    "ESD": lambda folder: make_esd(folder, speakers=2, sentences=6),
    "IEMOCAP": make_iemocap,
    "MSP-Podcast": lambda folder: make_msp_podcast(folder, 280),
    "LibriSpeech": lambda folder: make_librispeech(folder, 60),
    "EPITOME": write_csvs,
}
MODELS = {
    "whisper": tiny_models.save_whisper,
    "emotion_encoder": tiny_models.save_emotion_encoder,
    "qwen": tiny_models.save_qwen,
    "wav2vec2": tiny_models.save_wav2vec2,
    "bert": tiny_models.save_bert,
    "empathy_scorer": tiny_models.save_empathy_scorer,
}


def main(corpus, make=None):
    """Makes one corpus, and the models, unless they are there."""
    target = MADE / corpus
    if not target.exists():
        with whole_folder(target) as temporary:
            (make or CORPORA[corpus])(temporary)
    for name, save in MODELS.items():
        if not (MADE / name).exists():
            with whole_folder(MADE / name) as temporary:
                save(str(temporary))


if __name__ == "__main__":
    main(sys.argv[1])
