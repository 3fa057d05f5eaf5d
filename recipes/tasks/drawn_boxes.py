"""The predicted boxes that the detector's report page draws."""

import boxes
import scenes

LEAST_SCORE = 0.3  # higher than the metric's 0.05, which lets through many improbable boxes


def shown(answers):
    """[((y0, x0, y1, x1) in pixels, 'shape score')] of one sample, highest score first."""
    return [(box, "{} {:.2f}".format(scenes.SHAPES[shape], score))
            for box, score, shape in zip(*boxes.decode(answers["grid"])) if score >= LEAST_SCORE]
