"""The map: PrepareData -> SummarizeData -> TrainFloat -> TrainQAT -> EvalGraph -> Freeze -> ConvertUint8 -> Measure
-> ValidateInterpreter -> Export, and Report of what was measured.

What each needs, reads and makes is in `stage_specs.py`; what each does is in `tasks/`.
"""

from pipeline.scheduling.stage import Stage


class _PrepareData(Stage):
    """One part of the data, decoded and checked once."""

    task_namespace = "PrepareData"  # and so Luigi calls the classes below PrepareData.train and so on


class train(_PrepareData):
    """The training part of the data, decoded and checked once."""


class validation(_PrepareData):
    """The validation part of the data, decoded and checked once."""


class test(_PrepareData):
    """The test part of the data, decoded and checked once."""


class SummarizeData(Stage):
    """What the data is, and how its parts compare."""


class TrainFloat(Stage):
    """The model as it is written, trained in float."""


class TrainQAT(Stage):
    """The same network, folded, rewritten and trained with fake quantization."""


class EvalGraph(Stage):
    """The evaluation graph with the trained weights and ranges, and its accuracy."""


class Freeze(Stage):
    """One graph of constants, its inputs and outputs named."""


class ConvertUint8(Stage):
    """A fully-uint8 .tflite file, audited."""


class Measure(Stage):
    """The uint8 file beside the float model and the frozen graph, on the whole test set."""


class Report(Stage):
    """One HTML page: what the model is, how good it is, what it gets wrong, and where it loses."""


class ValidateInterpreter(Stage):
    """The verdict on the measurement: it passes each gate of the recipe's section `validate`."""


class Export(Stage):
    """One folder with the files, the card, C sources, examples and samples, of a model that passes its gates."""
