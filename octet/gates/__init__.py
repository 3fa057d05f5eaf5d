"""The gates of a recipe's section `validate`: their definitions (`definitions`), and their evaluation on a measurement
(`judgement`)."""
