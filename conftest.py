"""What holds for every test, and for every notebook that the tests run again."""

import os
import signal

from tools.kernels import use_files_everywhere

use_files_everywhere()

# A learner's progress is neither read nor written by the tests; notebook kernels inherit this.
os.environ["MYGPT_PROGRESS"] = "off"
os.environ.pop("MYGPT_COPIES", None)  # nor are copies made among theirs

# A shell that starts the tests in the background has switched the interrupt off, for their children
# too, and some of them wait for one.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Tests that run side by side (pytest -n) must not each use all the cores: threads that spin while
# they wait for one another make everything many times slower.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")
