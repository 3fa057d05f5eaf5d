"""The layout of the detector's grid [cells, cells, anchors * (5 + shapes)]. For each cell and anchor it contains:

    objectness (a logit); y and x of the centre in the cell (logits); height and width (logarithms of their ratios to
    the anchor's side); a score for each shape (a logit)
"""

CELL = 8  # pixels
ANCHORS = (11.0, 16.0)  # sides in pixels
BOX = 5  # numbers before the scores


def shape(size, shapes):
    """The shape of the grid for pictures of `size` x `size` pixels. shapes: the number of shapes."""
    return size // CELL, size // CELL, len(ANCHORS) * (BOX + shapes)
