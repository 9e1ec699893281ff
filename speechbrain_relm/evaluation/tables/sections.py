"""What stands below a table, beside its notes.

Authors
 * The speechbrain_relm contributors 2026
"""

from speechbrain_relm.evaluation.listening_rows import (
    describe_listening,
    swaps_table,
)
from speechbrain_relm.evaluation.recognition import (
    confusion_tables,
    describe_probe,
)


def hearing_sections(runs):
    """Says what some runs recognize, and whether they follow the voice.

    Arguments
    ---------
    runs : list of Run
        The runs of one table.

    Returns
    -------
    list of str
        Items of a Markdown list, then sections; some are empty.

    Example
    -------
    >>> from speechbrain_relm.evaluation.runs import Run
    >>> hearing_sections([Run("A", {}, {})])
    ['', '']
    """
    return [
        *describe_probe(runs),
        *describe_listening(runs),
        "",
        *swaps_table(runs),
        "",
        *confusion_tables(runs),
    ]
