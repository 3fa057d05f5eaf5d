"""The learning rate over a phase of training.

    warm-up     rises linearly from 0, over the fraction `warm_up` of the phase; then, over the rest:
    constant    stays
    cosine      falls to 0 along half a cosine (Loshchilov & Hutter 2016, arXiv:1608.03983)
    step        is multiplied by `step_factor` at each of `milestones`, fractions of the whole phase
    exponential falls to `final_factor` times its maximum, by the same factor in each step
    reduce_on_plateau  is multiplied by `step_factor` at each reduction (tasks/training/reduce_on_plateau.py)
    one_cycle   falls linearly to 0 (Smith & Topin 2017, arXiv:1708.07120, without the final annihilation)
"""

import math
from types import SimpleNamespace

WARM_UP, ONE_CYCLE_WARM_UP = 0.05, 0.3  # where the recipe says nothing


def rate(settings: SimpleNamespace, step: int, steps: int, reductions: int = 0) -> float:
    """The learning rate of a step, 0 <= step < steps; above 0 and at most `settings.learning_rate`.

    reductions: the number of reductions so far (reduce_on_plateau only).
    """
    warm_up = _warm_up(settings) * steps
    if step < warm_up:
        return settings.learning_rate * min(1.0, (step + 1) / warm_up)
    if settings.schedule == "reduce_on_plateau":
        return settings.learning_rate * settings.step_factor ** reductions
    return settings.learning_rate * _decay(settings, step / steps, (step - warm_up) / (steps - warm_up))


def _warm_up(settings: SimpleNamespace) -> float:
    if settings.warm_up is not None:
        return settings.warm_up
    return ONE_CYCLE_WARM_UP if settings.schedule == "one_cycle" else WARM_UP


def _decay(settings: SimpleNamespace, of_phase: float, of_rest: float) -> float:
    """The factor of the learning rate. of_phase: the fraction of the phase that is done. of_rest: the fraction of the
    steps after the warm-up that is done."""
    if settings.schedule == "cosine":
        return 0.5 * (1 + math.cos(math.pi * of_rest))
    if settings.schedule == "step":
        return settings.step_factor ** sum(of_phase >= milestone for milestone in settings.milestones)
    if settings.schedule == "exponential":
        return settings.final_factor ** of_rest
    return 1 - of_rest if settings.schedule == "one_cycle" else 1.0
