from pipeline.inputs import distributions


def put(path, text=""):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_names_and_versions_are_read_from_every_form_of_record(tmp_path):
    lib = tmp_path / "site-packages"
    put(lib / "Pillow-9.5.0.dist-info" / "top_level.txt", "PIL\n")
    put(lib / "typing_things-4.0.dist-info" / "RECORD",
        "typing_things.py,sha256=x,1\ntyping_things-4.0.dist-info/METADATA,,\n../../bin/t,,\n")
    put(lib / "old-1.2-py3.7.egg-info" / "top_level.txt", "old\nolder/inner\n")
    found = distributions.versions(["PIL", "typing_things", "older", "nowhere", "json", "sys"],
                                   [str(lib)])
    assert found == {"pillow": "9.5.0", "typing-things": "4.0", "old": "1.2", "nowhere": "absent"}


def test_a_module_shared_by_two_distributions_names_both(tmp_path):
    for name in ("zoo_a", "zoo_b"):
        put(tmp_path / "site-packages" / (name + "-1.dist-info") / "top_level.txt", "zoo\n")
    assert set(distributions.versions(["zoo"], [str(tmp_path / "site-packages")])) == {
        "zoo-a", "zoo-b"}


def test_tensorflow_for_gpus_has_another_key(tmp_path):
    """`make setup GPU=1` installs it: the same modules from another distribution."""
    put(tmp_path / "site-packages" / "tensorflow_gpu-1.14.0.dist-info" / "top_level.txt", "tensorflow\n")
    assert distributions.versions(["tensorflow"], [str(tmp_path / "site-packages")]) == {"tensorflow-gpu": "1.14.0"}


def test_an_upgrade_is_seen(tmp_path, monkeypatch):
    monkeypatch.setenv("OCTET_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("octet.digest.RACY_NS", 0)
    lib = tmp_path / "site-packages"
    record = put(lib / "a-1.0.dist-info" / "top_level.txt", "a\n").parent
    for _ in range(2):
        assert distributions.versions(["a"], [str(lib)]) == {"a": "1.0"}
    record.rename(lib / "a-1.1.dist-info")
    assert distributions.versions(["a"], [str(lib)]) == {"a": "1.1"}


def test_the_table_agrees_with_what_python_says():
    from importlib_metadata import version
    for module, name in (("numpy", "numpy"), ("tensorflow", "tensorflow"), ("PIL", "pillow"),
                         ("yaml", "pyyaml"), ("google", "protobuf")):
        assert distributions.versions([module])[name] == version(name)


def test_what_a_distribution_requires_is_in_as_well(tmp_path):
    lib = tmp_path / "site-packages"
    put(lib / "net-1.dist-info" / "top_level.txt", "net\n")
    put(lib / "net-1.dist-info" / "METADATA", "Name: net\nRequires-Dist: Weight_Files (>=2)\nRequires-Dist: wheel\n"
        "Requires-Dist: nowhere\nRequires-Dist: tester ; extra == 'tests'\n\nRequires-Dist: prose\n")
    put(lib / "weight.files-2.5.dist-info" / "METADATA",
        "Requires-Dist: net\nRequires-Dist: bits>=1; python_version>'2'\n")
    for name in ("bits-7", "wheel-3", "tester-1", "prose-1", "stranger-1"):
        put(lib / (name + ".dist-info") / "METADATA")
    assert distributions.versions(["net"], [str(lib)]) == {"net": "1", "weight-files": "2.5", "bits": "7"}


def test_what_tensorflow_is_made_of_is_in_and_what_draws_is_not():
    found = distributions.versions(["tensorflow"])
    assert {"tensorflow", "numpy", "protobuf", "h5py", "keras-applications"} <= set(found)
    assert not {"tensorboard", "werkzeug", "markdown", "pytest", "luigi"} & set(found)
