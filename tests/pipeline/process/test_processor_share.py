"""Limits for the processors of a stage, and the number of TensorFlow's threads."""

import os
import tempfile

import pytest

from octet.errors import UsageError
from pipeline import settings
from pipeline.process import processor_share, scratch
from tests.project import Project

ALLOWED = sorted(os.sched_getaffinity(0))
RECIPE = """\
data: {dataset: digits}
model: {build: resnet_v1, args: {filters: 4}}
train: {epochs: 1}
quantize: {epochs: 1}
"""


@pytest.fixture
def limited(tmp_path, monkeypatch):
    """Sets `[octet] processors`."""
    def limit(value):
        config = tmp_path / "luigi.cfg"
        config.write_text("[octet]\nprocessors = {}\n".format(value))
        monkeypatch.setenv("LUIGI_CONFIG_PATH", str(config))
        processor_share._limit.cache_clear()
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    yield limit
    processor_share._limit.cache_clear()


@pytest.mark.skipif(len(ALLOWED) < 2, reason="there is one processor")
def test_a_process_gets_processors_that_no_other_has(limited):
    limited(1)
    with processor_share.taken() as first:
        assert first == (ALLOWED[0],)
        with processor_share.taken() as second:
            assert second == (ALLOWED[1],) and len(scratch.locked()) == 2
    with processor_share.taken() as again:
        assert again == first
    assert scratch.locked() == []


def test_an_entry_that_is_no_folder_in_use_is_not_counted(limited, tmp_path):
    limited(1)
    (tmp_path / (scratch.LOCKED + "processors_0-gone")).symlink_to(tmp_path / "gone")  # as if removed meanwhile
    (tmp_path / (scratch.LOCKED + "processors_0-file")).write_text("")
    assert scratch.locked() == []
    with processor_share.taken() as taken:
        assert taken == (ALLOWED[0],)


def test_a_limit_above_the_number_of_processors_takes_all(limited):
    limited(len(ALLOWED) + 5)
    with processor_share.taken() as taken:
        assert list(taken) == ALLOWED


def test_the_processors_are_chosen_without_a_temporary_folder_too(limited, tmp_path, monkeypatch):
    limited(1)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    with processor_share.taken() as taken:
        assert taken == (ALLOWED[0],)


@pytest.mark.parametrize("value", ["0", "-1", "two", "1.5", "", "٣"])
def test_a_wrong_limit_is_refused(limited, value):
    limited(value)
    with pytest.raises(UsageError) as refused:
        settings.load()
    assert "is not a whole number of at least 1" in refused.value.what
    limited(refused.value.next_step.split()[1])  # write 1
    assert settings.load().processors == 1


def test_weights_depend_on_the_recipe_and_not_on_processors_or_variables(tmp_path):
    def made(name, config="", threads=4, **environment):
        (tmp_path / name).mkdir()
        project = Project(tmp_path / name, config, RECIPE + "threads: {}\n".format(threads))
        done = project.luigi("ConvertUint8", "--local-scheduler", **environment)
        assert done.returncode == 0, done.stderr
        return project.products()

    expected = made("as it is")
    assert made("one processor", "processors = 1\n", TF_NUM_INTRAOP_THREADS="1") == expected
    # ResNet gets other weights with one thread: without that, the line above would prove nothing.
    assert made("one thread", threads=1)["TrainFloat/float.pb"] != expected["TrainFloat/float.pb"]
