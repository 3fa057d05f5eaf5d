"""The environment variables of a stage's process. A key contains no environment variables, so those that can change
results are not passed on."""

import os
from typing import Dict, List

READ_BY_LIBRARIES = ("TF_", "TF2_", "XLA_", "AUTOGRAPH_", "KERAS_")
"""Prefixes of the variables that TensorFlow and Keras read. Some select other kernels (TF_USE_DEEP_CONV2D,
TF_ENABLE_MAXPOOL_NANPROP, TF_XLA_FLAGS), other graphs (TF2_BEHAVIOR, TF_ENABLE_CONTROL_FLOW_V2) or float16."""
TERRAFORM = ("TF_CLI_", "TF_DATA_DIR", "TF_INPUT", "TF_IN_AUTOMATION", "TF_LOG", "TF_PLUGIN_", "TF_VAR_",
                "TF_WORKSPACE")
"""Prefixes of Terraform's variables: they begin with TF_ too, but TensorFlow does not read them."""
HARMLESS = frozenset((
    "AUTOGRAPH_VERBOSITY", "TF_CPP_MIN_LOG_LEVEL", "TF_CPP_MIN_VLOG_LEVEL", "TF_CPP_VMODULE",
    "TF_CPU_BFC_MEM_LIMIT_IN_MB", "TF_FORCE_GPU_ALLOW_GROWTH", "TF_GPU_HOST_MEM_LIMIT_IN_MB",
    "TF_NUM_INTEROP_THREADS", "TF_PER_DEVICE_MEMORY_LIMIT_MB"))
"""Variables of TensorFlow that set only log levels, memory limits or how many operations run at a time."""


def passed_on() -> Dict[str, str]:
    """{name: value} of this process's variables, without those of `withheld` and those of Python. User code may start
    Python without -I, which would read PYTHONPATH."""
    names = set(withheld())
    return {name: value for name, value in os.environ.items()
            if name not in names and not name.startswith("PYTHON")}


def withheld() -> List[str]:
    """The names of this process's variables that could change results."""
    return sorted(name for name in os.environ if name.startswith(READ_BY_LIBRARIES)
                  and name not in HARMLESS and not name.startswith(TERRAFORM))
