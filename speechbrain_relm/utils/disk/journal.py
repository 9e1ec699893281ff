"""What a conversion has written, for one that goes on after it was cut.

Authors
 * The speechbrain_relm contributors 2026
"""

import contextlib
import json

from speechbrain_relm.utils.disk.refusals import naming


class Journal:
    """Remembers which tensors were written, so that a cut conversion goes on.

    Arguments
    ---------
    path : pathlib.Path
        Its file. What another conversion left there is forgotten.
    made_from : str
        What tells this conversion from others.

    Example
    -------
    >>> path = getfixture("tmp_path") / "journal"
    >>> model = path.with_name("model.safetensors")
    >>> Journal(path, "a").note(model, "weight", 12)
    >>> Journal(path, "a").written
    {'model.safetensors': {'weight': 12}}
    >>> Journal(path, "b").written
    {}
    """

    def __init__(self, path, made_from):
        self.path, self.written = path, {}
        lines = []
        if path.is_file():
            lines = path.read_text(encoding="utf-8").splitlines()
        if lines[:1] == [made_from]:
            for line in lines[1:]:
                with contextlib.suppress(ValueError):  # the last one, torn
                    file, name, checksum = json.loads(line)
                    self.written.setdefault(file, {})[name] = checksum
        else:
            path.write_text(f"{made_from}\n", encoding="utf-8")

    def note(self, file, name, checksum):
        """Notes a tensor that is written.

        Arguments
        ---------
        file : pathlib.Path
            Its file, in the journal's folder.
        name : str
            The tensor.
        checksum : int
            Of its bytes.
        """
        with naming(self.path), open(
            self.path, "a", encoding="utf-8"
        ) as journal:
            where = self._place(file)
            journal.write(f"{json.dumps([where, name, checksum])}\n")

    def written_to(self, file):
        """Lists what was written to a file.

        Arguments
        ---------
        file : pathlib.Path
            The file.

        Returns
        -------
        dict
            Names of tensors to their checksums.
        """
        return self.written.get(self._place(file), {})

    def _place(self, file):
        """Names a file as the journal does, wherever its folder stands."""
        return str(file.relative_to(self.path.parent))
