import pytest

from octet.errors import GateError
from pipeline import gates


def measured(**accuracies):
    return {"outputs": {
        name: {"kind": "class", "accuracy": {"float": 0.99, "fake_quantized": 0.985, "uint8": uint8},
               "agreement": 0.97} for name, uint8 in accuracies.items()}}


def test_drop_of_exactly_the_limit_passes():
    gates.judge(measured(label=0.98), {"max_accuracy_drop": 0.01})


def test_missed_gates_are_all_told_with_figures():
    with pytest.raises(GateError) as caught:
        gates.judge(measured(label=0.98), {"max_accuracy_drop": 0.001, "min_agreement": 0.98,
                                           "min_accuracy": None})
    assert "0.0100" in str(caught.value) and "0.9700" in str(caught.value)


def test_the_one_output_that_misses_a_gate_is_named():
    assert gates.misses(measured(digit=0.99, parity=0.5), {"min_accuracy": 0.9}) == [
        "parity: accuracy of the uint8 file is 0.5000; min_accuracy is 0.9"]


def test_an_accuracy_that_is_no_number_passes_no_gate():
    assert gates.misses(measured(label=float("nan")), {"max_accuracy_drop": 1.0})
