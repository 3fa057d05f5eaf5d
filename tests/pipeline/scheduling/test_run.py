"""The command line of the real `luigi` command."""

import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from pipeline import settings

LUIGI = Path(sys.executable).parent / "luigi"


def luigi(*arguments, module="pipeline", folder="/", **env):
    done = subprocess.run([str(LUIGI), "--module", module] + list(arguments), cwd=str(folder),
                          env=dict({"PATH": "/usr/bin:/bin"}, **env), timeout=60,
                          capture_output=True)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "luigi.cfg"
    path.write_text("[octet]\nstore = here\n")
    return {"LUIGI_CONFIG_PATH": str(path)}


def test_importing_pipeline_and_its_stages_loads_no_tensorflow():
    code = ("import sys, pipeline, pipeline.scheduling.run, pipeline.cli.main;"
            "print([m for m in sys.modules if m.split('.')[0] in ('tensorflow', 'rich')])")
    assert subprocess.check_output([sys.executable, "-c", code]).strip() == b"[]"


def test_the_command_on_the_schedulers_page_works_too(config):
    code, _, err = luigi("ConvertUint", module="pipeline.scheduling.stages", **config)
    assert code == 2 and "did you mean 'ConvertUint8'?" in err


def test_an_unknown_stage_gets_a_suggestion(config):
    code, _, err = luigi("ConvertUint", **config)
    assert code == 2 and "did you mean 'ConvertUint8'?" in err and "Traceback" not in err


@pytest.mark.parametrize("words, told", [
    (["ConvertUint8", "--recipee", "digits"], "no option --recipee\n"
     "    did you mean --recipe?"),
    (["ConvertUint8", "--foo"], "no option --foo"), (["ConvertUint8", "digits"], "'digits' is an extra word"),
    (["ConvertUint8", "--recipe"], "argument --recipe: expected one argument"),
    (["--recipe", "digits", "ConvertUint8"], "no stage named 'digits'\n    the first word is the stage to make"),
    ([], "no stage is named")])
def test_unknown_words_are_reported_without_the_usage(config, words, told):
    code, out, err = luigi(*words, **config)
    assert code == 2 and told in err
    assert 2 <= len(err.splitlines()) <= 3 and out == ""


@pytest.mark.parametrize("content", ["no section\n", "[core]\nworkers\n", "[core]\n[core]\n", b"\xff\xfe"])
def test_a_malformed_configuration_is_reported_before_luigi_reads_it(tmp_path, config, content):
    for name, folder, env in (("named.cfg", "/", {"LUIGI_CONFIG_PATH": str(tmp_path / "named.cfg")}),
                              ("luigi.cfg", tmp_path, {}), ("client.cfg", tmp_path, config)):
        (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        code, _, err = luigi("ConvertUint8", "--recipe", "no/such.yaml", folder=folder, **env)
        assert code == 2 and err.startswith("{}  is not a configuration file\n".format(tmp_path / name)), err
        assert "correct it" in err and "Traceback" not in err
        (tmp_path / name).unlink()
        (tmp_path / "luigi.cfg").write_text("[octet]\n")


def test_a_value_that_luigi_cannot_interpolate_is_named(config):
    with open(config["LUIGI_CONFIG_PATH"], "a") as file:
        file.write("[core]\ndefault-scheduler-host = %(nowhere)s\n")
    code, _, err = luigi("ConvertUint8", "--recipe", "no/such.yaml", **config)
    assert code == 2 and "nowhere" in err and "Traceback" not in err


def test_luigi_for_another_module_is_luigis_own(tmp_path):
    (tmp_path / "other.py").write_text("import luigi\n\nclass Other(luigi.Task):\n    def complete(self):\n"
                                       "        return print('looked at') or True\n")
    code, out, err = luigi("Other", "--local-scheduler", module="other", PYTHONPATH=str(tmp_path))
    assert code == 0 and "looked at" in out and "Luigi Execution Summary" in err


def test_setting_that_luigi_cannot_read_is_named(config):
    code, _, err = luigi("ConvertUint8", "--workers", "many", **config)
    assert code == 2 and "'workers': invalid literal" in err and "Traceback" not in err


def test_missing_file_of_luigis_own_logging_is_named(config):
    code, _, err = luigi("ConvertUint8", "--logging-conf-file", "/no/such.cfg", **config)
    assert code == 2 and "no file /no/such.cfg" in err and "Traceback" not in err


@pytest.mark.parametrize("words, told", [
    (["--recipe", ""], "--recipe is empty"), (["--recipe="], "--recipe is empty"),
    (["--workers", "0"], "--workers is 0: nothing would be done"), (["--assistant"], "--assistant is not possible"),
    (["--parallel-scheduling"], "--parallel-scheduling is not possible")])
def test_ambiguous_values_are_refused(config, words, told):
    code, _, err = luigi("ConvertUint8", "--local-scheduler", *words, **config)
    assert code == 2 and told in err and "Traceback" not in err


def test_missing_recipe_prints_four_parts_and_its_exit_code(config):
    code, _, err = luigi("ConvertUint8", "--local-scheduler", "--recipe", "no/such.yaml", **config)
    assert code == 3 and "no/such.yaml" in err and "Traceback" not in err


def test_configured_scheduler_that_is_silent_is_an_error_within_five_seconds(config):
    with socket.socket() as silent:  # accepts connections, and never answers
        silent.bind(("127.0.0.1", 0))
        silent.listen(1)
        asked = []
        watching = threading.Thread(target=lambda: asked.append((silent.accept(), time.monotonic())))
        watching.start()
        code, _, err = luigi("ConvertUint8", "--scheduler-host", "127.0.0.1", "--scheduler-port",
                             str(silent.getsockname()[1]), **config)
        took = time.monotonic() - asked[0][1]
        watching.join()
        asked[0][0][0].close()
    assert code == 12 and "does not answer" in err and "no answer within" in err
    assert took < 5


def test_config_named_by_the_environment_that_is_not_there_is_an_error():
    code, _, err = luigi("ConvertUint8", LUIGI_CONFIG_PATH="/no/luigi.cfg")
    assert code == 2 and "/no/luigi.cfg" in err


def test_paths_are_relative_to_the_config(tmp_path, monkeypatch):
    (tmp_path / "luigi.cfg").write_text("[octet]\nstore = here\n")
    monkeypatch.delenv("LUIGI_CONFIG_PATH", raising=False)
    monkeypatch.chdir(tmp_path)
    assert settings.load().store == tmp_path / "here"


def test_a_config_of_another_project_is_ignored(tmp_path, monkeypatch):
    (tmp_path / "luigi.cfg").write_text("[core]\nworkers = 2\n")
    monkeypatch.delenv("LUIGI_CONFIG_PATH", raising=False)
    monkeypatch.chdir(tmp_path)
    assert settings.load().config_path == settings.ROOT / "luigi.cfg"


def test_a_scheduler_of_another_project_is_not_used(tmp_path, config):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "luigi.cfg").write_text("[core]\ndefault-scheduler-host = no.such.host.invalid\n")
    code, _, err = luigi("ConvertUint8", "--recipe", "no/such.yaml", folder=tmp_path / "elsewhere", **config)
    assert code == 3, err  # the recipe is read after the scheduler was asked


def test_scheduler_by_luigis_own_names_is_taken_without_a_warning(tmp_path, config):
    with open(config["LUIGI_CONFIG_PATH"], "a") as file:
        file.write("[core]\ndefault-scheduler-host = 127.0.0.1\ndefault-scheduler-port = 1\n")
    code, _, err = luigi("ConvertUint8", **config)
    assert code == 12 and "\nhttp://127.0.0.1:1/  the scheduler does not answer" in err


def test_recipe_that_the_config_names_by_path_is_relative_to_it(tmp_path, config):
    with open(config["LUIGI_CONFIG_PATH"], "a") as file:
        file.write("recipe = mine/faces.yaml\n")
    code, _, err = luigi("ConvertUint8", "--local-scheduler", **config)
    assert code == 3 and "\n" + str(tmp_path / "mine" / "faces.yaml") in err


def test_modules_on_pythonpath_do_not_come_in(tmp_path, config):
    for name in ("yaml.py", "pydantic.py", "rich.py", "numpy.py", "octet.py", "tasks.py"):
        (tmp_path / name).write_text("raise SystemExit('not ours')\n")
    (tmp_path / "bad.yaml").write_text("data: {dataset: digits}\nmodle: {build: lenet}\n")
    code, _, err = luigi("ConvertUint8", "--local-scheduler", "--recipe", str(tmp_path / "bad.yaml"),
                         PYTHONPATH=str(tmp_path), **config)
    assert code == 3 and "did you mean 'model'?" in err


def test_without_a_scheduler_the_local_one_is_used_at_once_and_it_says_so(config):
    with socket.socket() as probe:
        if probe.connect_ex(("localhost", 8082)) == 0:
            pytest.skip("there is a scheduler about")
    code, out, err = luigi("ConvertUint8", "--recipe", "no/such.yaml", **config)
    assert out == "no scheduler at localhost:8082: using the local one\n"
    assert code == 3, err


def test_the_local_scheduler_is_available_whatever_is_configured(config):
    with open(config["LUIGI_CONFIG_PATH"], "a") as file:
        file.write("[core]\ndefault-scheduler-host = 127.0.0.1\ndefault-scheduler-port = 1\n")
    code, out, _ = luigi("ConvertUint8", "--local-scheduler", "--recipe", "no/such.yaml", **config)
    assert code == 3 and out == ""
