"""The selection of the headline metrics."""
from pipeline.cli import stage_figures
from pipeline.execution import headline_metrics

SIDES = {"float": 0.5, "fake_quantized": 0.25, "uint8": 0.125}


def measured(**outputs):
    return headline_metrics.of({"Measure": {
        "outputs": outputs, "metrics": {"hits": SIDES, "none": dict(SIDES, uint8=None)}}})


def test_metrics_of_the_recipe_come_first_and_have_no_output():
    own, label = measured(label={"accuracy": SIDES})
    assert (own.output, own.metric, own.figures()) == ("", "hits", "float 0.5, fake-quantized 0.25, uint8 0.125")
    assert (label.output, label.metric) == ("label", "accuracy")


def test_an_output_is_named_only_where_there_are_several():
    assert not headline_metrics.has_several_outputs(measured(label={"accuracy": SIDES}))
    assert not headline_metrics.has_several_outputs(measured(grid={}))
    assert headline_metrics.has_several_outputs(measured(label={"accuracy": SIDES}, other={"mse": SIDES}))


def test_int8_is_shown_if_it_was_measured():
    outputs = {"label": {"accuracy": dict(SIDES, int8=0.0625)}}
    label, = headline_metrics.of({"Measure": {"outputs": outputs, "metrics": {}}})
    assert label.figures() == "float 0.5, fake-quantized 0.25, uint8 0.125, int8 0.0625"


def test_figures_of_fewer_samples_have_headlines_of_their_own():
    pair = {"uint8": 0.75, "int8": 0.5}
    outputs = {"label": {"accuracy": SIDES, "int8": {"samples": 5, "accuracy": pair}}}
    found = headline_metrics.of({"Measure": {
        "samples": 10, "outputs": outputs, "metrics": {"hits": SIDES},
        "int8": {"measured": True, "samples": 5, "metrics": {"hits": pair}}}})
    assert [(each.output, each.measured_on(), each.figures()) for each in found] == [
        ("", "test", "float 0.5, fake-quantized 0.25, uint8 0.125"),
        ("label", "test", "float 0.5, fake-quantized 0.25, uint8 0.125"),
        ("", "5 samples of test", "uint8 0.75, int8 0.5"), ("label", "5 samples of test", "uint8 0.75, int8 0.5")]
    assert stage_figures.of_headlines([each._asdict() for each in found]) == "hits 0.125 uint8, 0.5 float"


def test_a_list_of_runs_shows_uint8_and_float_where_int8_was_measured_too():
    outputs = {"label": {"accuracy": dict(SIDES, int8=0.0625)}}
    found = headline_metrics.of({"Measure": {"outputs": outputs, "metrics": {}}})
    assert stage_figures.of_headlines([each._asdict() for each in found]) == "accuracy 0.125 uint8, 0.5 float"


def test_a_list_of_runs_shows_the_last_stage_that_measured_and_names_its_part():
    metrics = {"TrainFloat": {"validation": {"label": {"accuracy": 0.5}}},
               "TrainQAT": {"validation": {"label": {"accuracy": 0.25}}}}

    def shown():
        return stage_figures.of_headlines([each._asdict() for each in headline_metrics.of(metrics)])
    assert shown() == "accuracy 0.25 fake-quantized (validation)"
    metrics["EvalGraph"] = {"test": {"label": {"accuracy": 0.125}}}
    assert shown() == "accuracy 0.125 fake-quantized"
