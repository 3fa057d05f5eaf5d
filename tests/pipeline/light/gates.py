"""A verdict that lets everything pass: the light measurement has no figures that gates could read."""


def misses(metrics, gates):
    return []


def judge(metrics, gates, where=""):
    pass
