from tasks.training import schedule


def steps():
    return [round(schedule.rate("cosine", 1.0, step / 4), 6) for step in range(5)]
