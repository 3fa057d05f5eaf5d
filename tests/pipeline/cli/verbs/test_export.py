"""`octet export`."""

from tests.pipeline.checkout import damage
from tests.pipeline.cli.verbs.on_a_store import artifact, octet


def test_an_export_is_made_when_it_is_asked_for_and_copied_out(checkout, tmp_path):
    folder, recipe = tmp_path / "out", checkout.mine / "faces.yaml"
    assert "Export" not in checkout.why()  # nobody has asked for an export, so its absence is no fault
    assert "luigi --module pipeline Export --recipe {}".format(recipe) in octet(
        checkout, "export", recipe, folder, code=11)
    assert not folder.exists()
    assert checkout.luigi(stage="Export").made == ["Export"]
    assert checkout.why()["Export"] == ["fresh"]
    octet(checkout, "export", recipe, folder)
    made = artifact(checkout, "Export")
    names = sorted(str(path.relative_to(made)) for path in made.rglob("*") if path.is_file())
    assert sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()) == sorted(
        set(names) - {"manifest.json"} | {"origin.json"})
    card = (folder / "card.md").read_text()
    assert card.startswith((made / "card.md").read_text() + "\n## Where it came from\n")
    for words in ("- recipe: faces\n", "- dataset: image_folder\n", "- folder or file of the dataset: photos\n",
                  "- network: nets.net:build\n", "channels: 1", "- seed: 1\n"):
        assert words in card
    assert "cannot be written: File name too long" in octet(checkout, "export", recipe, tmp_path / ("n" * 300), code=11)
    assert "there is no folder" in octet(checkout, "export", recipe, tmp_path / "none" / "folder", code=2)
    assert "cannot be written: Not a directory" in octet(checkout, "export", recipe, recipe / "folder", code=11)
    assert "exists already" in octet(checkout, "export", recipe, folder, code=2)
    damage(made / "samples" / "input_0.npy", b"X" * (made / "samples" / "input_0.npy").stat().st_size)
    assert "damaged" in octet(checkout, "export", recipe, tmp_path / "another", code=11)
    assert not (tmp_path / "another").exists() and not list(tmp_path.glob(".octet-*"))
