"""A sample of the SMTP and LMTP model test; smtp_model.py says how to run a
million (threat 35)."""
import os
import random

from post_office import BINARY, SANITIZED
from smtp_model import run

SEQUENCES = int(os.environ.get("YUBIN_SEQUENCES",
                               "3000" if SANITIZED else "12000"))


def test_engine_is_as_the_model():
    seed = os.environ.get("YUBIN_SEED", str(random.randrange(1 << 32)))
    run(os.path.dirname(BINARY), seed, SEQUENCES)
