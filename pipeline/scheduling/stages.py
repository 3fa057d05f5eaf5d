"""The stages as Luigi tasks: PrepareData -> SummarizeData -> TrainFloat -> TrainQAT -> EvalGraph -> Freeze ->
ConvertUint8 -> Measure -> Report, ValidateInterpreter -> Export.

`stage_specs.py` declares the inputs and products of each stage; `tasks/stages/` does the work.
"""

from pipeline.scheduling.stage import Stage


class _PrepareData(Stage):
    """One part of the data, decoded and checked once."""

    task_namespace = "PrepareData"  # Luigi's names of the classes below are PrepareData.train and so on


class train(_PrepareData):
    """The training part of the data, decoded and checked once."""


class validation(_PrepareData):
    """The validation part of the data, decoded and checked once."""


class test(_PrepareData):
    """The test part of the data, decoded and checked once."""


class SummarizeData(Stage):
    """A description of the data, and a comparison of its parts."""


class TrainFloat(Stage):
    """The float training of the model."""


class TrainQAT(Stage):
    """The training of the folded and rewritten network with fake-quantization."""


class EvalGraph(Stage):
    """The evaluation graph with the trained weights and ranges, and its metrics."""


class Freeze(Stage):
    """The frozen graph: variables are constants, inputs and outputs are named."""


class ConvertUint8(Stage):
    """A fully-uint8 .tflite file, audited."""


class Measure(Stage):
    """The comparison of the uint8 file with the float model and the frozen graph, on the test part."""


class Report(Stage):
    """An HTML page about the model: its metrics, its mistakes and its quantization errors."""


class ValidateInterpreter(Stage):
    """The verdict: whether the measurement passes all gates of the recipe's section `validate`."""


class Export(Stage):
    """A folder for users of the model: files, card, C sources, examples and samples."""
