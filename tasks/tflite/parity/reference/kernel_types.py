"""The types of a function that computes an operator in float, for one sample."""

from typing import Any, Callable, Dict, List, Sequence

import numpy as np

Options = Dict[str, Any]
"""{name in the schema: value} of the operator's options."""
Inputs = List[np.ndarray]
"""Real values; integers where a tensor has no scale."""
Shapes = Sequence[Sequence[int]]
"""The shapes of the outputs."""
Outputs = List[np.ndarray]
Kernel = Callable[[Options, Inputs, Shapes], Outputs]
