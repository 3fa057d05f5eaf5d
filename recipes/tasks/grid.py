"""What the detector's grid [cells, cells, anchors * (5 + shapes)] means. For each cell and anchor it has

    objectness (a logit); y and x of the centre in the cell (logits); height and width (logarithms of their ratios to
    the anchor's side); a score for each shape (a logit)
"""

CELL = 8  # pixels
ANCHORS = (11.0, 16.0)  # sides in pixels
BOX = 5  # numbers before the scores


def shape(size, shapes):
    """The grid's shape for pictures of `size` x `size` pixels and so many shapes."""
    return size // CELL, size // CELL, len(ANCHORS) * (BOX + shapes)
