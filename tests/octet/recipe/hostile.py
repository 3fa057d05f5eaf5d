"""Wrong, unlucky and hostile recipes, and the error that a person sees for each, one case a line.

    _(name, exit code, [words, ...], recipe text, {file: content, ...}, argv)

The recipe is written to recipe.yaml. The content of a file is text, bytes, or a function that makes something at its
path. argv: the command after `octet`; by default `why recipe.yaml`. `{folder}` in words is the case's folder."""

from pathlib import Path
from typing import Callable, Dict, NamedTuple, Optional, Sequence, Tuple, Union

from tests.octet.recipe.hostile_contents import AWKWARD, SPECIAL, bomb, fifo, folder, link, merges, sock

Content = Union[str, bytes, Callable[[Path], None]]


class Case(NamedTuple):
    name: str
    code: Union[int, Tuple[int, ...]]
    words: Sequence[str]
    files: Dict[str, Content]
    argv: Sequence[str]


OK, USAGE, RECIPE, DATA, MODEL = 0, 2, 3, 4, 5
SHORT = "data: {dataset: digits}\nmodel: {build: lenet}\n"
PICTURES = "data: {{dataset: image_folder, args: {{path: photos, size: {}}}}}\nmodel: {{build: lenet}}\n"
NPZ = "data: {{dataset: npz, args: {{path: {}}}}}\nmodel: {{build: lenet}}\n"
NET = "data: {dataset: digits}\nmodel: {build: ./net.py}\n"
BUILD = "def build(input_shape, classes):\n    pass\n"
CASES = []  # type: List[Case]


def _(name: str, code: Union[int, Tuple[int, ...]], words: Sequence[str] = (),
      recipe: Content = SHORT, files: Optional[Dict[str, Content]] = None,
      argv: Sequence[str] = ("why", "recipe.yaml")) -> None:
    CASES.append(Case(name, code, words, {"recipe.yaml": recipe, **(files or {})}, argv))


# Something else in place of a file

for kind, (make, words) in SPECIAL.items():
    _("recipe_is_" + kind, RECIPE, ["recipe.yaml:1:1", words], make)
    if kind != "loop":
        _("extends_" + kind, RECIPE, ["recipe.yaml:1:1", "extends: cannot read {folder}/other.yaml", words],
          "extends: other.yaml\n" + SHORT, {"other.yaml": make})
for path in ("/dev/zero", "/dev/random", "/dev/full", "/dev/null"):
    _("extends" + path.replace("/", "_"), RECIPE, ["cannot read " + path, "it is a character device"],
      "extends: {}\n".format(path))
    _("recipe" + path.replace("/", "_"), RECIPE, [path], argv=("why", path))
    _("data" + path.replace("/", "_"), DATA, [path, "is a character device"], NPZ.format(path))
    _("weights" + path.replace("/", "_"), RECIPE, ["recipe.yaml:2:", "model.weights", "is a character device"],
      "data: {{dataset: digits}}\nmodel: {{build: lenet, weights: {}}}\n".format(path))
    _("model" + path.replace("/", "_"), RECIPE, ["recipe.yaml:2:", "model.build", "is a character device"],
      "data: {{dataset: digits}}\nmodel: {{build: {}}}\n".format(path))
    _("dataset" + path.replace("/", "_"), RECIPE, ["recipe.yaml:1:", "data.dataset", "is a character device"],
      "data: {{dataset: {}}}\nmodel: {{build: lenet}}\n".format(path))
for kind, (make, said) in {"fifo": (fifo, "a fifo"), "socket": (sock, "a socket"), "folder": (folder, "a folder"),
                           "dangling": (link("gone"), "no file './net.py'"),
                           "loop": (link("net.py"), "no file './net.py'")}.items():
    _("model_is_" + kind, RECIPE, ["recipe.yaml:2:9", said], NET, {"net.py": make})
    _("dataset_is_" + kind, RECIPE, ["recipe.yaml:1:8", said.replace("net", "d")],
      "data: {dataset: ./d.py}\nmodel: {build: lenet}\n", {"d.py": make if kind != "loop" else link("d.py")})
    _("weights_are_" + kind, RECIPE, ["recipe.yaml:2:23", said if "no file" not in said else "no such file"],
      "data: {dataset: digits}\nmodel: {build: lenet, weights: net.py}\n", {"net.py": make})
    _("data_is_" + kind, DATA, ["net.py"], NPZ.format("net.py"), {"net.py": make})
    _("photos_are_" + kind, DATA, ["photos", {"folder": "no pictures", "dangling": "no such folder",
                                              "loop": "no such folder"}.get(kind, "it is {}, not a folder".format(said))],
      PICTURES.format("[8, 8]"), {"photos": make if kind != "loop" else link("photos")})
    _("neighbour_is_" + kind, OK, ["stale"], NET, {"net.py": "import other\n" + BUILD, "other.py": make})
    _("manifest_asked_is_" + kind, 11 if kind not in ("dangling", "loop") else USAGE, ["net.py"],
      files={"net.py": make}, argv=("diff", "net.py", "net.py"))
    _("trace_" + kind, 11, ["net.py"], files={"net.py": make}, argv=("trace", "net.py"))
    _("pin_" + kind, (11, USAGE), ["net.py"], files={"net.py": make}, argv=("pin", "net.py"))
    _("layers_" + kind, (11, USAGE), ["net.py"], files={"net.py": make}, argv=("layers", "net.py"))
for kind, make in (("fifo", fifo), ("socket", sock), ("folder", folder), ("device", link("/dev/zero"))):
    said = {"device": "a.png is no regular file but a device", "folder": "would have no sample"}.get(kind, "a.png")
    _("picture_is_" + kind, DATA, [said], PICTURES.format("[8, 8]"),
      {"photos/train/cat/a.png": make, "photos/train/cat/b.png": "", "photos/test/cat/c.png": ""})
_("large_recipe", RECIPE, ["it has more than 262144 bytes"], "# " + "x" * 300000 + "\n" + SHORT)
_("large_source", RECIPE, ["net.py", "it has more than 4194304 bytes"], NET, {"net.py": "#" + "x" * 5000000})
_("recipe_in_a_file", RECIPE, ["Not a directory"], argv=("why", "recipe.yaml/x.yaml"))
_("recipe_is_a_picture", RECIPE, ["not UTF-8 text: byte 0"], b"\x89PNG\r\n\x1a\n" + bytes(range(256)))
_("recipe_of_nul_bytes", RECIPE, ["character #x0000 is not allowed"], b"\0" * 5000)
_("recipe_in_utf16", RECIPE, ["not UTF-8 text"], SHORT.encode("utf-16"))
_("recipe_with_bom", OK, [], SHORT.encode("utf-8-sig"))
_("recipe_with_crlf", OK, [], SHORT.replace("\n", "\r\n"))
_("recipe_in_latin1", RECIPE, ["not UTF-8 text: byte 2"], b"# \xe9\n" + SHORT.encode())
_("luigi_cfg_as_recipe", 11, ["luigi.cfg"], argv=("why", "./luigi.cfg"))

# A few bytes of YAML that become large

for levels, width in ((9, 9), (8, 10), (30, 2), (7, 20), (5, 60)):
    _("alias_bomb_{}_{}".format(levels, width), RECIPE, ["recipe.yaml:1:1", "with its anchors expanded"],
      bomb(levels, width, "[a, b]"))
for levels, width in ((9, 9), (8, 10), (20, 2), (7, 20), (5, 60)):
    _("merge_bomb_{}_{}".format(levels, width), RECIPE, ["recipe.yaml:1:1", "its `<<` merge more than 100000 keys"],
      merges(levels, width))
_("long_text_by_alias", RECIPE, ["anchors expanded, it has more than"], bomb(3, 100, '"{}"'.format("x" * 1000)))
_("long_chain_of_anchors", RECIPE, ["nested more than 50 levels deep"], "data: {dataset: ./d.py, args: {x0: &x0 [1]" +
  "".join(", x{}: &x{} [*x{}]".format(n, n, n - 1) for n in range(1, 2000)) + "}}\nmodel: {build: lenet}\n")
for count in (60, 1000, 5000, 50000):
    for opening, closing in (("[", "]"), ("{a: ", "}"), ("- ", ""), ("? ", "")):
        text = "data: {dataset: digits, args: {a: " + opening * count + "1" + closing * count + "}}\n"
        if opening in ("- ", "? "):
            text = "data:\n  dataset: digits\n  args:\n    a:\n     " + opening * count + "1\n"
        words = ["recipe.yaml:", "levels deep"] if len(text) < 260000 else ["more than 262144 bytes"]
        _("nested_{}_{}".format(opening.strip().strip(":{ ") or opening[0], count), RECIPE, words, text + "model: {build: lenet}\n")
for text in ("&r {<<: *r}", "&r {a: *r}", "data: &l [*l]", "x: &x {<<: *x}", "x: &x {<<: [*x, *x]}", "a: &a\n  b: *a",
             "<<: *gone", "*gone", "<<: 3", "<<: [1]", "<<: {<<: {<<: 1}}", "<<: [[[]]]", "? &k [*k]\n: 1",
             "&a &b x: 1", "x: &a *a"):
    _("anchors_" + text.replace("\n", " "), RECIPE, ["recipe.yaml:"], text + "\n")
_("merged_twice", OK, [], SHORT + "train: &t {epochs: 2}\nquantize: {<<: [*t, *t, {<<: *t}]}\n")
_("many_keys", RECIPE, ["and ", " more", "no key of this name"], SHORT + "".join("k{}: 1\n".format(n) for n in range(20000)))
_("many_args", RECIPE, ["no argument of this name"], "data: {dataset: digits, args: {" + ", ".join(
    "k{}: 1".format(n) for n in range(20000)) + "}}\nmodel: {build: lenet}\n")
_("many_loss_weights", RECIPE, ["train.loss_weights.k0", " more"], SHORT + "train: {loss_weights: {" + ", ".join(
    "k{}: a".format(n) for n in range(5000)) + "}}\n")
_("many_items", RECIPE, ["expected a whole number"], SHORT + "seed: [" + "1," * 90000 + "]\n")
_("too_many_items", RECIPE, ["more than 100000 values"], SHORT + "seed: [" + "1," * 110000 + "]\n")
_("long_key", RECIPE, ["recipe.yaml:3:3", "a key of 100000 characters"], SHORT + "? " + "k" * 100000 + "\n: 1\n")
_("long_value", RECIPE, ["train.schedule", "xxx..."], SHORT + "train: {schedule: " + "x" * 100000 + "}\n")
_("twice_a_long_key", RECIPE, ["a key of 300 characters"], SHORT + ("k" * 300 + ": 1\n") * 2)
for digits in (30, 400, 900, 5000, 200000):
    for key in ("seed", "train: {batch_size", "train: {epochs", "train: {learning_rate", "data: {args: {a"):
        number = "9" * digits
        text = SHORT.replace("data: {dataset: digits", "data: {dataset: digits, args: {a: " + number + "}") \
            if "args" in key else SHORT + "{}: {}{}\n".format(key, number, "}" * key.count("{"))
        fine = digits == 30 and "learning_rate" in key
        _("number_of_{}_digits_{}".format(digits, key), OK if fine else RECIPE, [] if fine else ["recipe.yaml:"], text)
_("sexagesimal", RECIPE, ["seed: expected a whole number from 0 to 2147483647"], SHORT + "seed: 1" + ":59" * 100 + "\n")

# YAML's own tags, and values of other types

for tag in ("bool", "int", "float", "null", "timestamp", "binary", "str", "seq", "map", "set", "omap", "pairs", "merge",
            "value", "python/object:os.system", "python/none", "python/tuple", "yaml", "x"):
    for value in ("maybe", '""', "0b", "[1, 2]", "{a: 1}", "~", "0x", "-", "1:", "99999-99-99"):
        if (tag, value) in (("null", value),) or (tag == "str" and value == "1:"):
            continue
        _("tag_{}_{}".format(tag, value), RECIPE, ["recipe.yaml:3:"], SHORT + "seed: !!{} {}\n".format(tag, value))
for value in ("2001-01-01", "2019-13-45", "=", "0777", "0o777", "0x1F", "1_000", "1e3", ".inf", "-.inf", ".nan", "+1.5",
              "yes", "No", "~", "null", "''", '" "', "1.0", "-1", "4294967296", "1:30", "[]", "{}", "[1]", "{a: b}",
              "!!int 1.5", "|\n  text", ">\n  text", "\"\\x1b[2J\"", "\"\\u202e\"", "\"\\uD800\"", "\"\\0\"",
              "\"\\uDFFF\\uD800\"", "\"\\UFFFFFFFF\"", "\"\\U00110000\"", "\"\\q\"", "\"unfinished", "'", "@", "`", "%",
              "&", "*", "!", "|", "- -", "? ?", "\t", "{", "[", "}", "]", ",", "#", "a: b", "\u2028", "\ufeff"):
    if value in ("0777", "0x1F", "1_000", "1:30", "0o777", "#"):  # numbers for YAML, or no text at all
        continue
    _("seed_" + ascii(value), RECIPE, ["recipe.yaml:"], SHORT + "seed: " + value + "\n")
for section in ("data", "model", "train", "quantize", "convert", "validate", "extends", "<<", "1", "null", "true", "? []",
                "''", "x"):
    for value in ("", "[]", "3", "text", "[{}]", "{a: 1}", "false", "{'': 1}", "{1: 1}"):
        if (section, value) == ("validate", "x") or section == "<<" and value in ("[]", "[{}]"):
            continue
        rest = "".join(line + "\n" for line in SHORT.splitlines() if not line.startswith(section + ":"))
        _("section_{}_{}".format(section, value), RECIPE, ["recipe.yaml:"], rest + "{}: {}\n".format(section, value))
for text in ("", "\n", "#\n", "---\n", "---\n---\n", "%YAML 9.9\n---\n" + SHORT, "%TAG ! x\n", "...\n", "- a\n", "text\n",
             "3\n", "null\n", "[]\n", "{}\n", "\t", "a: b: c\n", "a\n---\nb\n", "!x {}\n", "{a, b}\n", "'a': \"b\n",
             "data:\n\tdataset: digits\n", "a: |9\n  x\n", "a: |-+\n", "? ? ? a\n", ": : :\n", "- - -\n", "[[[[", "}}}}",
             "\ufffe", "\x7f", "a: \x00", "a: \x1b[31m", "\ud7ff\n", "!!map []\n", "!!set {a}\n", "!<> x\n", "!<! x"):
    _("text_" + ascii(text), RECIPE, ["recipe.yaml:"], text.encode("utf-8", "surrogatepass"))

# Weights

SAVED = {"net/saved_model.pb": "", "net/variables/variables.index": "", "net/variables/variables.data-00000-of-00001": ""}
WEIGHTS = "data: {{dataset: digits}}\nmodel: {{build: lenet, weights: {}}}\n"
_("weights_saved_model", RECIPE, ["net is a SavedModel", "give the checkpoint in it: {folder}/net/variables/variables"],
  WEIGHTS.format("net"), SAVED)
_("weights_in_a_saved_model", OK, ["stale"], WEIGHTS.format("net/variables/variables"), SAVED)
_("weights_folder_of_a_checkpoint", RECIPE, ["net is a folder", "give the checkpoint in it: {folder}/net/a, or {folder}/net/b"],
  WEIGHTS.format("net"), {"net/a.index": "", "net/b.index": ""})
_("weights_saved_model_without_values", RECIPE, ["net is a SavedModel", "give the path of a file"],
  WEIGHTS.format("net"), {"net/saved_model.pb": ""})

# Paths and names

for kind, (path, words) in AWKWARD.items():
    path_words = [words] if words else []
    _("extends_path_" + kind, RECIPE, ["recipe.yaml:3:1", "extends"] + path_words, SHORT + "extends: {}\n".format(path))
    _("data_path_" + kind, (RECIPE, DATA), path_words, NPZ.format(path))
    _("photos_path_" + kind, (RECIPE, DATA), path_words, PICTURES.format("[8, 8]").replace("photos", path))
    _("weights_path_" + kind, RECIPE, ["recipe.yaml:2:", "model.weights"] + path_words,
      "data: {{dataset: digits}}\nmodel: {{build: lenet, weights: {}}}\n".format(path))
    _("build_path_" + kind, RECIPE, ["recipe.yaml:2:", "model.build"] + path_words,
      "data: {{dataset: digits}}\nmodel: {{build: {}}}\n".format(path))
    _("dataset_path_" + kind, RECIPE, ["recipe.yaml:1:", "data.dataset"] + path_words,
      "data: {{dataset: {}}}\nmodel: {{build: lenet}}\n".format(path))
for word in ("", " ", ".", "..", "/", "./", "a" * 5000, "a/" * 3000, "x.yaml", "\x1b[2J", "recipe", "recipe.yml", "-", "~",
             "digits:", "*.yaml", "recipe.yaml ", "RECIPE.YAML", "..yaml", ".yaml", "\udcff", "\udcff.yaml", "a\nb", "{}"):
    code = RECIPE
    _("named_" + ascii(word)[:40], OK if word == "recipe" else (code, USAGE), [] if word == "recipe" else [],
      argv=("why", "--", word))
    _("diffed_" + ascii(word)[:40], (USAGE, 11), [], argv=("diff", "--", word, word))
for word in ("42af", "a1b2", "0000000", "deadbeef", "f" * 64):
    _("diff_key_" + word[:9], USAGE, ["no key in the store matches it"], argv=("diff", word, word))
for word in ("4", "42", "42a"):
    _("diff_short_key_" + word, USAGE, ["{} digits are too few to name a key".format(len(word)), "give 4 digits"]
      if len(word) > 1 else ["digits are too few"], argv=("diff", word, word))
_("stage_misspelt", USAGE, ["no stage named 'TranQAT'", "did you mean 'TrainQAT'"], argv=("why", "recipe.yaml", "TranQAT"))

# Recipes that extend another

_("extends_itself", RECIPE, ["a cycle: recipe.yaml -> recipe.yaml"], "extends: recipe.yaml\n")
_("extends_itself_by_another_path", RECIPE, ["a cycle"], "extends: ./x/../recipe.yaml\n", {"x": folder})
_("extends_2000", RECIPE, ["extends: more than 20 recipes extend one another in a row"], "extends: r1.yaml\n",
  {"r{}.yaml".format(n): "extends: r{}.yaml\n".format(n + 1) for n in range(1, 2000)})
_("extends_a_name", OK, [], "extends: digits\n", {"luigi.cfg": "[octet]\nstore = store\nrecipes = there\n",
                                                  "there/digits.yaml": SHORT})
_("extends_no_name", RECIPE, ["recipe.yaml:1:1", "no recipe named 'digts'", "did you mean 'digits'?"], "extends: digts\n",
  {"luigi.cfg": "[octet]\nstore = store\nrecipes = there\n", "there/digits.yaml": SHORT})
_("extends_a_name_beside", RECIPE, ["no recipe named 'base'"], "extends: base\n",
  {"luigi.cfg": "[octet]\nstore = store\nrecipes = there\n", "there/digits.yaml": SHORT, "base.yaml": SHORT})
_("base_with_its_own_files", OK, [], "extends: below/base.yaml\n", {
    "below/base.yaml": "data: {dataset: ./d.py, args: {path: here.txt}}\nmodel: {build: ./net.py}\n",
    "below/here.txt": "here", "below/net.py": BUILD,
    "below/d.py": "def load(path): pass\n\n\ndef digest(part, path): return open(path).read()\n"})
_("extends_no_text", RECIPE, ["expected the path or the name of a recipe, found a mapping"], SHORT + "extends: {a: 1}\n")
_("base_is_wrong", RECIPE, ["other.yaml:1:1", "trian: no key of this name; did you mean 'train'?"],
  SHORT + "extends: other.yaml\n", {"other.yaml": "trian: {}\n"})
_("base_is_no_mapping", RECIPE, ["other.yaml:1:1", "found a list"], SHORT + "extends: other.yaml\n", {"other.yaml": "- a"})

# Problems of values

for size in ("[100000, 100000]", "[1000000000, 1000000000]", "[1, 100000000000]", "[20000, 20000]"):
    _("size_" + size, RECIPE, ["recipe.yaml:1:", "data.args.size", "MiB at the network's input"], PICTURES.format(size))
for size in ("8", "[8]", "[8, 8, 8]", "[0, 8]", "[-1, 8]", "[8.5, 8]", "[a, b]", "[]", "{a: 1}", "null", "[true, 8]"):
    _("size_" + size, (RECIPE, DATA), ["size"], PICTURES.format(size))
for key in ("train: {batch_size: ", "train: {epochs: ", "quantize: {calibration_batches: ", "train: {batch_norm_batches: ",
            "quantize: {freeze_ranges_after: ", "validate: {max_wrong_operators: "):
    _("huge_" + key, RECIPE, ["expected at most 1000000000, found 1000000001"], SHORT + key + "1000000001}\n")

# Source that Python's parser or the closure cannot handle

for name, source, words in (
        ("parentheses", "x = " + "(" * 200 + "1" + ")" * 200 + "\n", ["parser fails on this file"]),
        ("elif", "if 0: pass\n" + "elif 0: pass\n" * 3000, ["parser fails on this file"]),
        ("sum", "x = " + "1 + " * 5000 + "1\n", ["parser fails on this file"]),
        ("attributes", "x = a" + ".a" * 5000 + "\n", ["parser fails on this file"]),
        ("lists", "x = " + "[" * 20 + "]" * 20 + "\n", None),
        ("unary", "x = " + "-" * 5000 + "1\n", ["net.py"]),
        ("indents", "".join(" " * n + "if 1:\n" for n in range(120)) + " " * 120 + "pass\n", ["net.py", "indentation"]),
        ("syntax", "def build(:\n", ["net.py:", "this is not Python 3.7"]),
        ("nul", "x = 1\0\n", ["net.py", "null bytes"]),
        ("coding", "# coding: klingon\n", ["net.py", "klingon"]),
        ("no_utf8", b"x = '\xff'\n", ["net.py"]),
        ("walrus", "if (x := 1): pass\n", ["net.py:", "this is not Python 3.7"]),
        ("tabs", "if 1:\n\tx = 1\n        y = 1\n", ["net.py:", "tabs"])):
    source = source if isinstance(source, bytes) else source.encode()
    if words is None:
        _("source_" + name, OK, [], NET, {"net.py": BUILD.encode() + source})
        continue
    _("source_" + name, RECIPE, words, NET, {"net.py": BUILD.encode() + source if b"coding" not in source else source})
    _("source_of_neighbour_" + name, RECIPE, [word.replace("net.py", "other.py") for word in words], NET,
      {"net.py": "import other\n" + BUILD, "other.py": source})
    _("source_of_dataset_" + name, RECIPE, [word.replace("net.py", "d.py") for word in words],
      "data: {dataset: ./d.py}\nmodel: {build: lenet}\n", {"d.py": source})
_("wide_source", OK, [], NET, {"net.py": BUILD + "x = [" + "1, " * 50000 + "]\n"})
_("shape_and_num_classes", RECIPE, ["recipe.yaml:2:9", "does not take input_shape and classes",
                                    "rename shape to input_shape, num_classes to classes"],
  NET, {"net.py": "def build(shape, num_classes):\n    pass\n"})
_("only_num_classes", RECIPE, ["does not take classes: rename num_classes to classes"],
  NET, {"net.py": "def build(input_shape, num_classes):\n    pass\n"})
_("build_of_nothing", RECIPE, ["does not take input_shape and classes: add it"], NET, {"net.py": "def build():\n    pass\n"})
_("dataset_with_a_neighbour", OK, ["stale"], "data: {dataset: ./d.py}\nmodel: {build: lenet}\n",
  {"d.py": "import names\n\n\ndef load(): pass\n\n\ndef digest(part):\n    from yaml import KEPT\n    return KEPT + part\n",
   "names.py": "", "yaml.py": "KEPT = 'mine'\n"})
_("dataset_without_its_import", DATA, ["No module named 'nmaes'", "did you mean 'names', which is beside it?"],
  "data: {dataset: ./d.py}\nmodel: {build: lenet}\n", {
      "d.py": "def load(): pass\n\n\ndef digest(part):\n    import nmaes\n", "names.py": ""})
for body, said in (("return 3", "is 3, not a text"), ("raise SystemExit", "SystemExit"), ("return 1 / 0", "d.py:5"),
                   ("return open(part)", "No such file"), ("return '\\ud800'", ""), ("return [].pop()", "IndexError"),
                   ("return None", "is None, not a text"), ("return digest(part)", "RecursionError")):
    _("digest_" + body, DATA if said else (OK, DATA), [said], "data: {dataset: ./d.py}\nmodel: {build: lenet}\n",
      {"d.py": "def load(): pass\n\n\ndef digest(part):\n    " + body + "\n"})

# luigi.cfg

for name, config, code, words in (
        ("no_ini", "store = x\n", (OK, USAGE), []), ("nul", "[octet]\nstore = a\0b\n", USAGE, ["store"]),
        ("long_store", "[octet]\nstore = " + "x" * 5000 + "\n", (OK, USAGE, 11), []),
        ("no_utf8", b"[octet]\nstore = \xff\n", USAGE, ["luigi.cfg", "is not a configuration file"]),
        ("twice", "[octet]\nstore = a\nstore = b\n", USAGE, ["luigi.cfg"]),
        ("store_is_a_file", "[octet]\nstore = recipe.yaml\n", (OK, 11), []),
        ("store_is_a_device", "[octet]\nstore = /dev/zero\n", (OK, 11), []),
        ("recipes_is_a_device", "[octet]\nstore = store\nrecipes = /dev/zero\n", OK, []),
        ("percent", "[octet]\nstore = %(nothing)s\n", USAGE, ["%(nothing)s", "write the path out"])):
    _("config_" + name, code, words, files={"luigi.cfg": config})
for name, config, words in (
        ("zero", "[octet]\nstore = store\nrecipe = /dev/zero\n", ["/dev/zero"]),
        ("nul", "[octet]\nstore = store\nrecipe = a\0b\n", ["recipe"]),
        ("gone", "[octet]\nstore = store\nrecipe = ./gone.yaml\n", ["gone.yaml"]),
        ("no_name", "[octet]\nstore = store\nrecipes = .\nrecipe = recipee\n", ["did you mean 'recipe'?"]),
        ("recipes_nul", "[octet]\nstore = store\nrecipes = a\0b\nrecipe = recipe\n", ["recipes"]),
        ("recipes_is_a_file", "[octet]\nstore = store\nrecipes = luigi.cfg\nrecipe = recipe\n", ["no recipe named"]),
        ("recipes_is_a_device", "[octet]\nstore = store\nrecipes = /dev/zero\nrecipe = recipe\n", ["no recipe named"])):
    _("default_recipe_" + name, (RECIPE, USAGE), words, files={"luigi.cfg": config}, argv=("why",))
