"""Tests of the download of EPITOME's annotations, over a loopback server.

Authors
 * The speechbrain_relm contributors 2026
"""

import functools
import hashlib
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from speechbrain_relm.epitome import source
from speechbrain_relm.epitome.annotations import FILES, read_pairs
from speechbrain_relm.evaluation.runs import Run, describe_scorers
from speechbrain_relm.evaluation.tables.table import table_cells
from speechbrain_relm.evaluation.tables.table_csv import read_csv, to_csv
from speechbrain_relm.lobes.epitome import EmpathyScorer
from speechbrain_relm.lobes.parts.epitome_folder import save_scorer
from speechbrain_relm.mini.annotations.pairs import write_csvs
from speechbrain_relm.mini.epitome import OWN_WRITING
from speechbrain_relm.utils.errors import RecipeError
from speechbrain_relm.utils.provenance.stamps import content


class Quiet(SimpleHTTPRequestHandler):
    """Serves a folder, counts and says nothing."""

    asked = []

    def log_message(self, format, *args):
        """Counts a request."""
        self.asked.append(self.path)


@pytest.fixture
def published(tmp_path, monkeypatch):
    """Serves three files in place of the public ones, into a cache."""
    folder = write_csvs(tmp_path / "published")
    checksums = {
        name: hashlib.sha256((folder / name).read_bytes()).hexdigest()
        for name in FILES.values()
    }
    monkeypatch.setattr(source, "CHECKSUMS", checksums)
    monkeypatch.setenv("SPEECHBRAIN_RELM_CACHE", str(tmp_path / "cache"))
    Quiet.asked = []
    handler = functools.partial(Quiet, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield folder, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_download_comes_once_and_whole(published):
    """What arrives is what was published; a second time nothing is asked."""
    folder, url = published
    fetched = source.annotations_folder("download", url)
    for name in FILES.values():
        assert (fetched / name).read_bytes() == (folder / name).read_bytes()
        assert read_pairs(fetched / name)
    assert len(Quiet.asked) == 3
    assert source.annotations_folder("download", url) == fetched
    assert len(Quiet.asked) == 3
    assert source.describe(fetched) == "EPITOME's public Reddit annotations"


def test_other_content_is_refused(published):
    """A file that was changed on the way is not used, nor left behind."""
    folder, url = published
    path = folder / "explorations-reddit.csv"
    path.write_text(path.read_text() + "x")
    with pytest.raises(
        RecipeError, match="explorations-reddit.csv is not the pub"
    ):
        source.annotations_folder("download", url)
    assert not (source.cache_folder() / "corpora" / "epitome").exists()
    assert "not EPITOME's public" in source.describe(folder)


def test_no_network_is_told_in_one_line(published):
    """The message names the file and the other way."""
    _, url = published
    with pytest.raises(RecipeError) as failed:
        source.annotations_folder("download", f"{url}/nothing")
    assert "\n" not in str(failed.value)
    assert "404" in str(failed.value)
    assert "instead of 'download'" in str(failed.value)


def test_every_table_says_what_the_scorer_learned_from(scorer_folder, tmp_path):
    """The line is bold in Markdown and a column of the CSV."""
    scorer = EmpathyScorer(scorer_folder)
    classifiers = dict(scorer.classifiers.items())
    tokenizer = scorer.tokenizer
    save_scorer(tmp_path, classifiers, tokenizer, 64, {}, OWN_WRITING)
    inputs = {"scores": {"scorer_source": content("12", tmp_path)}}
    run = Run("A", {"a": {"response": "Oh!"}}, {"a": {"ER": 2}}, inputs)
    (line,) = describe_scorers([run, run._replace(name="B")])
    assert line.startswith("- **The empathy scorer learned from a small set of")
    cells = table_cells([run])
    assert cells[0].scorer == OWN_WRITING
    assert [cell.scorer for cell in cells[1:]] == [None] * (len(cells) - 1)
    path = tmp_path / "table.csv"
    path.write_text(to_csv(cells), encoding="utf-8")
    assert read_csv(path) == cells
    assert "own writing" in to_csv(cells)
    silent = run._replace(inputs={})
    assert describe_scorers([silent]) == []
