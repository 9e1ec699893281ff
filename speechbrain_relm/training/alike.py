"""Names an encoder that does not hear an utterance alike in any batch.

Authors
 * The speechbrain_relm contributors 2026
"""

from speechbrain.utils.logger import get_logger

from speechbrain_relm.lobes.parts.batch_effect import TOLERANCE, batch_effect
from speechbrain_relm.model.prompting import evaluating

logger = get_logger(__name__)


def warn_if_unlike(encoder, device):
    """Says if an encoder's frames depend on the rest of the batch.

    Arguments
    ---------
    encoder : torch.nn.Module
        A speech encoder.
    device : torch.device or str
        Where it is.
    """
    with evaluating(encoder):
        effect = batch_effect(encoder, device)
    if effect > TOLERANCE:
        logger.warning(
            "%s hears an utterance differently beside a longer one, by up to "
            "%.2g standard deviations of its frames: losses and responses "
            "depend on which utterances share a batch. A batch_size and "
            "generation_batch_size of 1 avoid it.",
            type(encoder).__name__,
            effect,
        )
