"""The lists of what each target supports are well-formed, and name existing operators and limits."""

import datetime
from typing import get_type_hints

import pytest
from tflite.tflite.BuiltinOperator import BuiltinOperator

from octet import target_runtimes
from octet.recipe.schema import Export
from tasks.tflite import int8_twin
from tasks.tflite.targets import target_list
from tasks.tflite.targets.limits import LEVEL, LIMITS, PERHAPS


def test_the_recipe_the_command_and_the_files_name_the_same_targets():
    of_recipe, = get_type_hints(Export)["targets"].__args__
    assert of_recipe.__args__ == target_runtimes.NAMES
    assert {path.stem for path in target_list.FOLDER.glob("*.json")} == set(target_runtimes.NAMES)


@pytest.mark.parametrize("name", target_runtimes.NAMES)
def test_each_list_says_its_source_and_its_date_and_names_operators_and_limits_that_exist(name):
    found = target_list.read(name)
    assert found.source and found.title and datetime.date(*map(int, found.date.split("-")))
    assert found.outside in (target_list.REFUSED, target_list.CPU, target_list.CPU_FROM_THERE)
    assert set(found.types) == {"uint8", "int8"}
    assert bool(found.cpu_types) == (found.outside != target_list.REFUSED)
    assert set(found.operators) <= set(vars(BuiltinOperator))
    limits = [limit["limit"] for limits in found.operators.values() for limit in limits + found.everywhere]
    assert set(limits) <= set(LIMITS) | {PERHAPS, LEVEL}


def test_every_limit_is_of_some_list():
    used = {limit["limit"] for name in target_runtimes.NAMES for found in [target_list.read(name)]
            for limits in found.operators.values() for limit in limits + found.everywhere}
    assert set(LIMITS) <= used


@pytest.mark.parametrize("name", ["tflite-1.14", "litert", "micro"])
def test_an_interpreter_takes_every_operator_of_an_int8_twin(name):
    assert set(int8_twin.VERSIONS) - {"SPLIT_V"} <= set(target_list.read(name).operators)
