"""`octet force` and `octet accept`."""

from tests.pipeline.cli.verbs.on_a_store import artifact, gone, octet


def test_force_of_what_is_stale_anyway_is_an_error(checkout):
    (artifact(checkout, "Freeze") / "manifest.json").unlink()
    assert "there is no fresh artifact to force" in octet(
        checkout, "force", checkout.mine / "faces.yaml", "Freeze", code=2)


def test_an_acceptance_is_in_every_trace_after_it(checkout, tmp_path):
    before = artifact(checkout, "Freeze")
    path = checkout.root / "tasks/stages/freeze.py"
    text = path.read_text()
    path.write_text(text.replace('{"nodes": 0}', '{"nodes": 1}'))
    try:
        octet(checkout, "accept", checkout.mine / "faces.yaml", "Freeze", "--reason", "only a metric")
        assert all(state == ["fresh"] for state in checkout.why().values())
        octet(checkout, "force", checkout.mine / "faces.yaml", "EvalGraph")
        assert checkout.why()["Freeze"] == ["waits", "runs only if EvalGraph produces other bytes"]
        octet(checkout, "gc", "--delete")
        assert gone(checkout) == []
        run = checkout.luigi()
        assert run.made == ["EvalGraph"] and run.code == 0
        after = artifact(checkout, "Freeze")
        assert after != before
        out = octet(checkout, "trace", after / "frozen.pb")
        assert "only a metric" in out and "although tasks/stages/freeze.py: run() changed" in out
        assert "accepted  as {}".format(after.name[:12]) in octet(checkout, "trace", artifact(checkout, "ConvertUint8"))
        octet(checkout, "trace", after, "--source", tmp_path / "source")
        assert (tmp_path / "source/Freeze/tasks/stages/freeze.py").read_text() == text
    finally:
        path.write_text(text)


def test_only_code_can_be_accepted(checkout):
    path = checkout.mine / "faces.yaml"
    text = path.read_text()
    path.write_text(text.replace("train: {epochs: 1}", "train: {epochs: 9}"))
    try:
        out = octet(checkout, "accept", path, "TrainFloat", code=2)
    finally:
        path.write_text(text)
    assert "more than code differs" in out and "train.epochs 1 -> 9" in out
