from types import SimpleNamespace

from tasks.training import learning_rate_schedule


def steps():
    settings = SimpleNamespace(schedule="cosine", learning_rate=1.0, warm_up=0.3)
    return [round(learning_rate_schedule.rate(settings, step, 5), 6) for step in range(5)]
