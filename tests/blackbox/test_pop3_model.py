"""A sample of the POP3 model test; pop3_model.py says how to run a million."""
import os
import random

from pop3_model import run
from post_office import BINARY, SANITIZED

SEQUENCES = int(os.environ.get("YUBIN_SEQUENCES",
                               "5000" if SANITIZED else "20000"))


def test_engine_is_as_the_model():
    seed = os.environ.get("YUBIN_SEED", str(random.randrange(1 << 32)))
    run(os.path.dirname(BINARY), seed, SEQUENCES)
