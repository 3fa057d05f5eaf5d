"""The kinds of attack: each file has `situations() -> Iterator[Situation]`."""
