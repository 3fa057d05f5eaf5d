"""Matches the names of a model's inputs and outputs with the dataset's inputs and targets."""

from typing import List, Sequence

from octet.errors import ModelError


def matched(dataset_names: Sequence[str], model_names: Sequence[str], side: str) -> List[str]:
    """The dataset's names of `side` ('input' or 'target'), in the model's order.

    Where both have the same names, they are matched by name. Where they have no name in common and equally many names,
    they are matched in order: the order in the dataset, which is alphabetical for Octet's own datasets (the mappings of
    a recipe reach a stage sorted). Raises ModelError, which lists both sides, in all other cases.
    """
    of_model, of_dataset = list(model_names), list(dataset_names)
    if sorted(of_model) == sorted(of_dataset):
        return of_model
    if len(of_model) == len(of_dataset) and not set(of_model) & set(of_dataset):
        return of_dataset
    raise ModelError(
        "the model's {} are not those of the dataset".format(
            "outputs" if side == "target" else "inputs"),
        where="model.build",
        why="the model has {}: {}\nthe dataset has {}: {}".format(
            len(of_model), ", ".join(of_model), len(of_dataset), ", ".join(of_dataset)),
        next_step="give the model's {} the names that they have in the dataset; or equally many of them, all with "
                  "other names: then they are matched in the dataset's order, which is alphabetical for names in a "
                  "recipe".format("last layers" if side == "target" else "input layers"))
