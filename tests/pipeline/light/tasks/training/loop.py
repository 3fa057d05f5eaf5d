try:
    from tasks.training import fast
except ImportError:
    fast = None


def steps():
    from tasks.training.schedule import cosine
    return [round(cosine(step / 4), 6) for step in range(5)] + ([fast.STEP] if fast else [])
