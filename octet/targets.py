"""The runtimes and accelerators that a .tflite file can be judged for, by the names that a recipe gives them."""

NAMES = ("tflite-1.14", "litert", "micro", "ethos-u", "edgetpu", "nnapi")
"""Each has a list of what it takes, tasks/tflite/targets/lists/NAME.json."""

DISTRIBUTIONS = {"litert": ("ai-edge-litert", "2.3.0"), "micro": ("tflite-micro", "0.dev20261023182759"),
                 "ethos-u": ("ethos-u-vela", "5.2.0")}
"""{target: (distribution, version)} of those whose runtime or compiler PyPI has: the versions that the lists are of."""
