"""What holds for every test, and for every notebook that the tests run again."""

import os

# A learner's progress is neither read nor written by the tests; notebook kernels inherit this.
os.environ["MYGPT_PROGRESS"] = "off"
