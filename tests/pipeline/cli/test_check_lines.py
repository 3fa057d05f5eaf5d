from pipeline.cli.verbs import check


def change(layer, did="the ReLU of {layer} is done before a reshape", why="toco fuses it with a layer only"):
    return {"name": "any", "phase": "any", "node": layer + "/Relu", "layer": layer, "did": did, "why": why}


def test_a_change_is_printed_once_with_its_layers_and_its_reason():
    assert check.rewrites([change("one"), change("one"), change("two"), change("pool", "{layer} is gone", "why")]) == [
        "the ReLU of `one`, `two` is done before a reshape: toco fuses it with a layer only", "`pool` is gone: why"]


def test_of_many_layers_the_first_are_named_and_the_others_counted():
    line, = check.rewrites([change("layer{}".format(number)) for number in range(check.MOST_LAYERS + 3)])
    assert "`layer{}` and 3 more is done".format(check.MOST_LAYERS - 1) in line
