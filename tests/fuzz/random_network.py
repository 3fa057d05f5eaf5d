"""Draws random networks: `network(seed)` is the network of a seed, `networks()` the strategy of hypothesis."""

import random as python_random
from typing import Any, Dict, List, Optional

import numpy as np
from hypothesis import strategies

from octet.data.dataset import Input
from tests.fuzz.network import MERGES, Network, Step, pieces_of
from tests.fuzz.piece import Piece, Shape, fits

PAIRS = ("subtract", "minimum")  # of exactly two; Keras' Minimum takes more, but so does Maximum
FLATTENING = ("flatten", "global_average", "global_max", "global_average1d", "global_max1d", "reshape",
              "global_average3d", "global_max3d")
RANGES = ((0.0, 1.0), (0.0, 1.0), (-1.0, 1.0), (0.0, 255.0), (-0.5, 2.5))
LEAST_MERGES = 3
MOST_STEPS = 34


def network(seed: int) -> Network:
    """The network of this seed, which is always the same."""
    return _Draft(python_random.Random(seed), pieces_of(seed)).network(seed)


def networks():
    """Hypothesis' strategy for networks. It only draws the seed; a smaller seed is no smaller network."""
    return strategies.integers(0, 2 ** 31 - 1).map(network)


class _Draft:
    """A network that is being drawn."""

    def __init__(self, random, pieces: Dict[str, Piece]) -> None:
        self.random, self.pieces = random, pieces
        self.inputs: Dict[str, Input] = {}
        self.shapes: List[Shape] = []
        self.steps: List[Step] = []
        self.used = set()

    def network(self, seed: int) -> Network:
        self.draw_inputs()
        motifs = (self.grow,) * 10 + (self.residual, self.squeeze_and_excite, self.share, self.merge, self.branch)
        for _ in range(self.random.randint(3, 14)):
            if len(self.steps) < MOST_STEPS - 14:
                self.random.choice(motifs)()
        while self.merges() < LEAST_MERGES:
            self.residual()
        return Network(self.inputs, self.steps, self.end(), seed)

    def draw_inputs(self) -> None:
        shapes = [self.random.choice(((8, 8, 3),) * 8 + ((12, 4), (16,)))]
        if self.random.random() < 0.25:
            shapes.append(self.random.choice(((8, 8, 3), (12, 4), (10,))))
        for number, shape in enumerate(shapes):
            low, high = self.random.choice(RANGES)
            self.inputs["input{}".format(number)] = Input(shape, low, high)
            self.shapes.append(shape)

    def add(self, kind: str, sources, args: Dict[str, Any], shape: Shape, shared: Optional[int] = None) -> int:
        """Adds a step. Returns the number of its tensor."""
        self.steps.append(Step(kind, tuple(sources), args, tuple(shape), shared))
        self.shapes.append(tuple(shape))
        self.used.update(sources)
        return len(self.shapes) - 1

    def apply(self, kind: str, source: int, **given) -> Optional[int]:
        """Adds a piece behind a tensor; None if its arguments give no usable shape."""
        piece, shape = self.pieces[kind], self.shapes[source]
        args = dict(piece.draw(self.random, shape), **given)
        found = piece.shape(args, shape)
        return self.add(kind, [source], args, found) if fits(found) else None

    def recent(self) -> int:
        """A random tensor, mostly one of the last, preferably an image."""
        last = list(range(len(self.shapes)))[-self.random.choice((1, 1, 1, 2, 3, 6)):]
        images = [number for number in last if len(self.shapes[number]) == 3]
        return self.random.choice(images if images and self.random.random() < 0.7 else last)

    def any_piece(self, source: int, keep_shape: bool = False) -> int:
        """Adds a random piece behind a tensor. keep_shape: only one that keeps the shape."""
        rank = len(self.shapes[source])
        flattening = self.random.random() < 0.25
        kinds = [kind for kind, piece in self.pieces.items() if rank in piece.ranks
                 and (flattening or kind not in FLATTENING) for _ in range(piece.often)]
        for _ in range(12):
            kind = self.random.choice(kinds)
            piece, shape = self.pieces[kind], self.shapes[source]
            args = piece.draw(self.random, shape)
            found = piece.shape(args, shape)
            if fits(found) and (not keep_shape or tuple(found) == shape):
                return self.add(kind, [source], args, found)
        return self.apply("relu", source)

    def grow(self) -> None:
        self.any_piece(self.recent())

    def branch(self) -> None:
        """Adds two branches from one tensor and joins them."""
        source = self.recent()
        self.join([self.any_piece(self.any_piece(source, True), True), self.any_piece(source, True)])

    def residual(self) -> None:
        """Joins a tensor with the result of one or two pieces."""
        source = self.recent()
        branch = self.any_piece(source, True)
        if self.random.random() < 0.6:
            branch = self.any_piece(branch, True)
        self.join([branch, source])

    def squeeze_and_excite(self) -> None:
        source = self.recent()
        if len(self.shapes[source]) != 3:
            return self.grow()
        channels = self.shapes[source][-1]
        x = self.apply("global_average", source)
        x = self.apply("dense", x, units=max(1, channels // 2), activation="relu", reach=1.0)
        x = self.apply("dense", x, units=channels, activation=self.random.choice(("sigmoid", "hard_sigmoid")),
                       reach=3.0)
        x = self.apply("reshape", x, shape=[1, 1, channels])
        self.add("multiply", [source, x], {}, self.shapes[source])

    def share(self) -> None:
        """Applies an earlier layer to another tensor of the same shape."""
        can = []
        for number, step in enumerate(self.steps):
            if step.kind in self.pieces and self.pieces[step.kind].weights and step.shared is None:
                shape = self.shapes[step.sources[0]]
                can += [(number, source) for source, other in enumerate(self.shapes)
                        if other == shape and source != step.sources[0]]
        if not can:
            return self.grow()
        number, source = self.random.choice(can[-8:])
        step = self.steps[number]
        self.add(step.kind, [source], step.args, step.shape, shared=number)

    def merge(self) -> None:
        """Joins two or three tensors of one shape."""
        source = self.recent()
        others = [other for other, shape in enumerate(self.shapes)
                  if shape == self.shapes[source] and other != source]
        if not others:
            return self.residual()
        chosen = [source, self.random.choice(others)]
        if len(others) > 1 and self.random.random() < 0.3:
            chosen.append(self.random.choice(others))
        self.join(chosen)

    def join(self, sources: List[int]) -> int:
        shape = self.shapes[sources[0]]
        joined = (*shape[:-1], sum(self.shapes[source][-1] for source in sources))
        kinds = ["add", "add", "add"] + sorted(MERGES)
        kind = self.random.choice([kind for kind in kinds if kind != "concatenate" or fits(joined)])
        if kind in PAIRS:
            sources = sources[:2]
        if kind == "multiply":
            sources = sources[:1] + [self.factor(source, sources[0]) for source in sources[1:]]
        return self.add(kind, sources, {}, joined if kind == "concatenate" else shape)

    def factor(self, number: int, other: int) -> int:
        """A tensor that `other` may be multiplied by: a product of two large tensors does not fit into any 8-bit
        kernel."""
        if self.reach(number) * self.reach(other) <= 1000.0 and self.random.random() < 0.5:
            return number
        return self.apply(self.random.choice(("sigmoid", "tanh", "hard_sigmoid", "softmax")), number)

    def reach(self, number: int) -> float:
        """The size of a tensor's values, if its own layer determines it."""
        step = self.steps[number - len(self.inputs)] if number >= len(self.inputs) else None
        return step.args.get("reach", np.inf) if step is not None else np.inf

    def merges(self) -> int:
        return sum(step.kind in MERGES for step in self.steps)

    def end(self) -> List[int]:
        """Draws the outputs: at most three of the tensors that nothing reads. If there are more, they are joined as
        vectors."""
        loose = [number for number in range(len(self.shapes)) if number not in self.used]
        kept = self.random.choice((0, 0, 1, 2))
        outputs, vectors = [], []
        for number in loose[::-1]:
            if len(outputs) < kept and number >= len(self.inputs):
                outputs.append(number)
            else:
                vectors.append(self.vector(number))
        if vectors:
            joined = vectors[0] if len(vectors) == 1 else self.add(
                "concatenate", vectors, {}, (sum(self.shapes[number][0] for number in vectors),))
            outputs.append(self.apply("dense", joined, units=4, activation=None))
        return [self.headed(number) for number in outputs]

    def headed(self, number: int) -> int:
        """An output, mostly behind the last layer of a classifier or a regressor."""
        head = self.random.choice(("softmax", "sigmoid", "linear", "as it is"))
        if head == "as it is":
            return number
        number = self.apply("dense", self.vector(number), units=4, activation=None)
        return number if head == "linear" else self.apply(head, number)

    def vector(self, number: int) -> int:
        rank = len(self.shapes[number])
        if rank == 1:
            return number
        kind = "global_average" if rank == 3 and self.random.random() < 0.5 else "flatten"
        return self.apply(kind, number)
