"""What resizing costs beside Pillow: seconds of processor time for each picture.

    .venv/bin/python -m benchmarks.resizing
"""

import time
from typing import Callable, List, Tuple

import numpy as np
from PIL import Image

from octet.data.resize import Resize, resized

SIZES: List[Tuple[int, int]] = [(480, 640), (1200, 1600)]
TO = 224
WAYS = [(Resize(), None), (Resize(antialias=True), Image.BILINEAR), (Resize("bicubic", True), Image.BICUBIC),
        (Resize("area"), Image.BOX), (Resize("nearest"), Image.NEAREST)]


def _ms(work: Callable[[], object]) -> float:
    """The least processor time of a call, in milliseconds."""
    found = []
    for _ in range(7):
        began = time.process_time()
        work()
        found.append(1000 * (time.process_time() - began))
    return min(found)


def main() -> None:
    print("ms a picture, to {0}x{0}x3".format(TO))
    for height, width in SIZES:
        codes = np.random.RandomState(0).randint(0, 256, (height, width, 3)).astype(np.uint8)
        image = Image.fromarray(codes)
        for how, theirs in WAYS:
            ours = _ms(lambda codes=codes, how=how: resized(codes, TO, TO, how))
            pillow = "" if theirs is None else "   Pillow {:6.1f}".format(
                _ms(lambda image=image, theirs=theirs: image.resize((TO, TO), theirs)))
            print("{:>9}  {:<8} {:<9} {:6.1f}{}".format("{}x{}".format(height, width), how.method,
                                                     "antialias" if how.antialias else "", ours, pillow))


if __name__ == "__main__":
    main()
