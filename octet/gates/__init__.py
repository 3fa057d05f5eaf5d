"""The gates of a recipe's section `validate`: which there are (`table`), and what a measurement says to them
(`judgement`)."""
