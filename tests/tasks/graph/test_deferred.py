import numpy as np
import tensorflow as tf

from tasks.graph import deferred, variables
from tasks.graph.deferred import Deferred, maximum, minimum, number, where


def test_what_is_made_computes_what_tensorflow_computes():
    with tf.Graph().as_default(), tf.Session() as session:
        values = tf.constant(np.random.RandomState(0).randn(3, 4, 5), tf.float32)
        unknown = tf.placeholder_with_default(values, None)
        low, high = deferred.least_of(values), deferred.greatest_of(values)
        ratio = (high - low) / (number(2.0) + deferred.greatest_absolute_of(values)) * -low
        made = deferred.make({
            "low": low, "high": deferred.greatest_of(unknown), "ratio": ratio, "greater": maximum(low, high),
            "chosen": where(Deferred("LessEqual", low, high), minimum(low, number(-9.0)), high)})
        found = session.run(list(made.values()))
        least, greatest = tf.reduce_min(values), tf.reduce_max(values)
        expected = session.run([
            least, greatest, (greatest - least) / (2.0 + tf.reduce_max(tf.abs(values))) * -least, greatest,
            tf.constant(-9.0)])
        assert found == expected
        assert made[ratio].op.name == "ratio" and made[low].op.name == "low"


def test_a_number_is_one_constant_and_inner_operations_are_named_for_what_they_are_made_for():
    with tf.Graph().as_default() as graph:
        deferred.make({"sum": (number(2.0) + number(3.0)) * number(2.0), "other": number(2.0) - number(3.0)})
        by_type = {kind: [each.name for each in graph.get_operations() if each.type == kind]
                   for kind in ("Const", "Add")}
    assert by_type["Const"] == ["octet/number/2.0", "octet/number/3.0"]
    (inner,) = by_type["Add"]
    assert inner.startswith("sum/")


def test_a_graph_does_not_depend_on_the_graphs_that_the_process_made_before():
    def made(seven, eight):
        with tf.Graph().as_default() as graph:
            deferred.make({"sum": (seven + eight) * seven, "other": eight - seven})
            return graph.as_graph_def()
    eight = number(8.5)  # now used before 7.5
    first = made(number(7.5), eight)
    number.cache_clear()
    assert made(number(7.5), number(8.5)) == first


def test_a_long_chain_is_made():
    with tf.Graph().as_default(), tf.Session() as session:
        total = number(0.0)
        for _ in range(3000):
            total = total + number(1.0)
        assert session.run(deferred.make({"total": total})[total]) == 3000


def test_an_imported_variable_is_one_of_tensorflow(tmp_path):
    def build():
        scalar = variables.scalar("scope/one")
        made = deferred.make({each.name: each for each in scalar})
        nodes = tf.GraphDef()
        initial = nodes.node.add()
        initial.CopyFrom(tf.constant([1.0, 2.0], name="first").op.node_def)
        initial.name = "second"
        variables.add(nodes, "scope/two", initial)
        tf.import_graph_def(nodes, name="")
        return variables.imported(made[scalar.variable].op.name, False), variables.imported("scope/two", True)

    with tf.Graph().as_default(), tf.Session() as session:
        one, two = build()
        assert tf.global_variables() == [one, two] and tf.trainable_variables() == [two]
        session.run(tf.global_variables_initializer())
        session.run(tf.train.GradientDescentOptimizer(0.5).minimize(tf.reduce_sum(two) * (1.0 + one)))
        assert session.run([one, two[0]]) == [0.0, 0.5]
        one.load(3.0, session)
        tf.train.Saver().save(session, str(tmp_path / "variables"))
    with tf.Graph().as_default(), tf.Session() as session:
        build()
        tf.train.Saver().restore(session, str(tmp_path / "variables"))
        assert [value.tolist() for value in session.run(tf.global_variables())] == [3.0, [0.5, 1.5]]
