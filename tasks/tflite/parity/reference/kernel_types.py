"""The form of a kernel's arithmetic, for one sample."""

from typing import Any, Callable, Dict, List, Sequence

import numpy as np

Options = Dict[str, Any]
"""The operator's options, by their names in the schema."""
Inputs = List[np.ndarray]
"""Real values, or integers as they are where a tensor has no scale."""
Shapes = Sequence[Sequence[int]]
"""Of the outputs."""
Outputs = List[np.ndarray]
Kernel = Callable[[Options, Inputs, Shapes], Outputs]
