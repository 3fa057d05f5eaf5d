"""Compares Octet's resizing of pictures with that of Pillow and OpenCV: CPU time, and differences between the codes.

    .venv/bin/python -m benchmarks.resizing [--opencv PYTHON]

PYTHON is the interpreter of an environment with opencv-python-headless and numpy. Octet itself does not use OpenCV.
"""

import argparse
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Callable, Dict, List, Optional, Tuple

import numpy as np
from PIL import Image

from octet.data.resize import Resize, resized

SIZES: List[Tuple[int, int]] = [(480, 640), (1200, 1600), (100, 140)]
TO = 224
WAYS = [(Resize(), None, "INTER_LINEAR"), (Resize(antialias=True), Image.BILINEAR, None),
        (Resize("bicubic"), None, "INTER_CUBIC"), (Resize("bicubic", True), Image.BICUBIC, None),
        (Resize("area"), Image.BOX, "INTER_AREA"), (Resize("nearest"), Image.NEAREST, "INTER_NEAREST_EXACT")]
OPENCV = """
import sys, time
import cv2, numpy as np
cv2.setNumThreads(1)
given, made = np.load(sys.argv[1]), {{"version": np.array(cv2.__version__)}}
for name in given.files:
    for way in {ways!r}:
        found = []
        for _ in range(7):
            began = time.process_time()
            codes = cv2.resize(given[name], ({to}, {to}), interpolation=getattr(cv2, way))
            found.append(1000 * (time.process_time() - began))
        made[name + " " + way], made[name + " " + way + " ms"] = codes, np.array(min(found))
np.savez(sys.argv[2], **made)
"""


def pictures(height: int, width: int) -> Dict[str, np.ndarray]:
    """{name: picture [H, W, 3] uint8}. noise: independent pixels, the hardest case. smooth: neighbours are similar, as
    in a photograph."""
    random = np.random.RandomState(0)
    noise = random.randint(0, 256, (height, width, 3)).astype(np.uint8)
    small = Image.fromarray(random.randint(0, 256, (height // 16, width // 16, 3)).astype(np.uint8))
    return {"noise": noise, "smooth": np.asarray(small.resize((width, height), Image.BICUBIC))}


def _ms(work: Callable[[], object]) -> float:
    """The smallest CPU time of seven calls, in milliseconds."""
    found = []
    for _ in range(7):
        began = time.process_time()
        work()
        found.append(1000 * (time.process_time() - began))
    return min(found)


def by_opencv(python: str) -> Dict[str, np.ndarray]:
    """{'480x640 noise INTER_LINEAR': codes, the same and ' ms': processor time in ms, 'version': of OpenCV}."""
    with tempfile.TemporaryDirectory(prefix="octet-resizing-") as name:
        given, made = Path(name, "given.npz"), Path(name, "made.npz")
        np.savez(str(given), **{"{}x{} {}".format(*size, kind): codes for size in SIZES
                                for kind, codes in pictures(*size).items()})
        subprocess.run([python, "-c", OPENCV.format(ways=[way for _, _, way in WAYS if way], to=TO), str(given),
                        str(made)], check=True)
        with np.load(str(made)) as found:
            return dict(found)


def _beside(name: str, ours: Dict[str, np.ndarray], theirs: Dict[str, np.ndarray], ms: float) -> str:
    """Another library's time, and its distance from our codes: the largest, and the mean, on noise; the largest on the
    smooth picture."""
    far = {kind: np.abs(ours[kind].astype(int) - theirs[kind].astype(int)) for kind in ours}
    return "   {} {:6.1f} ms, codes apart: {} at most, {:.3f} in the mean; smooth {}".format(
        name, ms, far["noise"].max(), far["noise"].mean(), far["smooth"].max())


def main(opencv: Optional[str]) -> None:
    found = by_opencv(opencv) if opencv else {}
    print("ms a picture, to {0}x{0}x3{1}".format(TO, "; OpenCV {}".format(found["version"]) if found else ""))
    for height, width in SIZES:
        size, codes = "{}x{}".format(height, width), pictures(height, width)
        for how, pillow, cv in WAYS:
            ours = {kind: resized(each, TO, TO, how) for kind, each in codes.items()}
            line = "{:>9}  {:<8} {:<9} {:6.1f}".format(
                size, how.method, "antialias" if how.antialias else "", _ms(
                    lambda noise=codes["noise"], how=how: resized(noise, TO, TO, how)))
            if pillow is not None:
                images = {kind: Image.fromarray(each) for kind, each in codes.items()}
                line += _beside("Pillow", ours, {kind: np.asarray(image.resize((TO, TO), pillow))
                                                 for kind, image in images.items()},
                                _ms(lambda images=images, pillow=pillow: images["noise"].resize((TO, TO), pillow)))
            if cv is not None and found:
                line += _beside("OpenCV", ours, {kind: found["{} {} {}".format(size, kind, cv)] for kind in codes},
                                float(found["{} noise {} ms".format(size, cv)]))
            print(line, flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--opencv", metavar="PYTHON")
    main(parser.parse_args().opencv)
