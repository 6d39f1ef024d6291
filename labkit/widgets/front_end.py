# SPDX-License-Identifier: BSD-3-Clause
"""Whether somebody looks at the notebook that runs, as far as its kernel can tell."""

import os

from IPython import get_ipython

SERVER = "JPY_SESSION_NAME"  # Jupyter Server sets it for kernels of its notebooks
CODE = "__vsc_ipynb_file__"  # VS Code sets it in the notebook


def is_watched() -> bool:
    """A kernel of Jupyter Server or VS Code. One of papermill, nbconvert or nbclient is none: what
    these save is to show tables, for a widget without scripts or a network is blank."""
    shell = get_ipython()
    return SERVER in os.environ or (shell is not None and CODE in shell.user_ns)
