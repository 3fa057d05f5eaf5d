"""TrainQAT: the float network, folded and rewritten, trained with its quantization in sight.

Its ranges are calibrated first; with `epochs: 0` that is all. Graph in, graph out: there is no Keras
model here, and so neither its regularisers nor its dropout.

In:  TrainFloat's float.pb; the recipe's quantize section; the parts train and validation.
Out: network.pb, the folded graph of constants; variables.*, the trained weights and ranges; network.json.
     By-product: events.
Fails with QuantizeError when a tensor cannot be uint8, ModelError when the loss leaves the numbers.
"""

import tensorflow as tf

from octet.job import Job, Progress
from tasks import data
from tasks import network as net
from tasks.quantize import plan
from tasks.training import evaluate
from tasks.training.calibrate import calibrate, momentum
from tasks.training.history import History
from tasks.training.loop import Trainer

CALIBRATION = 0.05  # the share of the progress bar that it has


def run(job: Job, progress: Progress) -> dict:
    dataset, seed, settings = data.load(job), job.settings["seed"], job.section("quantize")
    part, validation = dataset.parts["train"], dataset.parts["validation"]
    network = net.read(job.input("TrainFloat"))
    graph_def = plan.folded(net.read_graph(job.input("TrainFloat") / "float.pb"), network)
    quantized = plan.rewritten(graph_def, network, training=True)
    ends = quantized.inputs, quantized.outputs
    with quantized.graph.as_default(), tf.Session() as session:
        tf.set_random_seed(seed)
        saver = tf.train.Saver(tf.global_variables())  # without the optimizer's
        trainer = Trainer(network, *ends, settings)
        session.run(tf.global_variables_initializer())
        calibrated = calibrate(session, network, quantized, part, settings, seed,
                               lambda done, message: progress(CALIBRATION * done, message))
        first = evaluate.figures(session, network, *ends, validation)
        history = History(job.out, lambda: evaluate.figures(session, network, *ends, validation))
        trainer.fit(
            session, part, seed, history,
            lambda done, message: progress(CALIBRATION + (1 - CALIBRATION) * done, message),
            lambda epochs_done: {quantized.momentum: momentum(settings, epochs_done)})
        saver.save(session, str(job.out / "variables"), write_meta_graph=False, write_state=False)
    net.write_graph(job.out / "network.pb", graph_def)
    net.write(job.out, network)
    return {"calibration": {"batches": calibrated, "validation": first}, "history": history.close(),
            "ranges": [item._asdict() for item in quantized.ranges]}
