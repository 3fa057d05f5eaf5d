"""The private copy of the source leaves no bytecode behind; other modules keep their caches."""

import subprocess
import sys

from tasks.source_guard import uncached_source

SCRIPT = """
import sys
sys.path[:0] = sys.argv[2:4]
import before  # now the finder of its folder is known to Python
exec(compile(open(sys.argv[1]).read(), sys.argv[1], "exec"))
install(sys.argv[2])
import copied, copied.inner, installed
print(before.WHO, copied.WHO, copied.inner.WHO, installed.WHO)
import inspect
assert inspect.getsource(copied.inner) == "WHO = 'inner'\\n" and copied.inner.__file__.startswith(sys.argv[2])
"""


def test_only_modules_below_the_folder_are_not_cached(tmp_path):
    copy, other = tmp_path / "copy", tmp_path / "copy-of-another"  # the name of one begins with that of the other
    for folder, name, who in ((copy, "before.py", "before"), (copy, "copied/__init__.py", "copied"),
                              (copy, "copied/inner.py", "inner"), (other, "installed.py", "installed")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("WHO = {!r}\n".format(who))
    done = subprocess.run([sys.executable, "-I", "-c", SCRIPT, uncached_source.__file__, str(copy), str(other)],
                          capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "before copied inner installed\n"), done.stderr
    cached = {path.name.split(".")[0] for path in tmp_path.rglob("*.pyc")}
    assert cached == {"before", "installed"}
