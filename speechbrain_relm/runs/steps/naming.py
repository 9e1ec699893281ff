"""Steps by name, so that a YAML can leave some out.

Authors
 * The speechbrain_relm contributors 2026
"""

import functools
import time

from speechbrain.utils.logger import get_logger

logger = get_logger(__name__)


def step(name):
    """Makes a method a step that `steps` of the YAML can leave out.

    Arguments
    ---------
    name : str
        The step's name in the YAML.

    Returns
    -------
    callable
        A decorator.
    """

    def _decorate(method):
        @functools.wraps(method)
        def _run(self, *args, **kwargs):
            if name not in self.hparams["steps"]:
                logger.info("Step '%s' is left out, as `steps` says.", name)
                return None
            start = time.time()
            result = method(self, *args, **kwargs)
            # Several methods may make one step.
            spent = self.seconds.get(name, 0.0) + time.time() - start
            self.seconds[name] = round(spent, 1)
            return result

        return _run

    return _decorate
