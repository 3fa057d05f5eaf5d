"""The boxes that the detector's report draws beside those of the data."""

import boxes
import scenes

LEAST_SCORE = 0.3  # the metric counts boxes from 0.05 on; most of these are hardly believed


def shown(answers):
    """[((y0, x0, y1, x1) in pixels, 'shape score')] of one sample, the surest first."""
    return [(box, "{} {:.2f}".format(scenes.SHAPES[shape], score))
            for box, score, shape in zip(*boxes.decode(answers["grid"])) if score >= LEAST_SCORE]
