"""The lineage of an artifact as a picture: text for Graphviz (dot) or Mermaid."""

from typing import Dict, Iterator, List, Optional, Tuple

Above = List[Tuple[dict, Dict[str, Optional[dict]]]]
"""(manifest, {upstream stage: its manifest}) of each artifact, upstream first."""

Edge = Tuple[str, str, str]
"""(from, to, label)."""


def dot(lineage: Above) -> str:
    """A digraph for `dot -Tsvg`."""
    nodes, edges = _parts(lineage)
    lines = ["digraph lineage {", "  rankdir=LR;", "  node [shape=box];"]
    lines += ["  {} [label={}{}];".format(name, _quoted("\\n".join(label)),
                                          ", shape=ellipse" if kind != "artifact" else "")
              for name, (kind, label) in nodes.items()]
    lines += ["  {} -> {} [label={}];".format(start, end, _quoted(label)) for start, end, label in edges]
    return "\n".join(lines + ["}"])


def mermaid(lineage: Above) -> str:
    """A flowchart that Markdown viewers draw."""
    nodes, edges = _parts(lineage)
    lines = ["flowchart LR"]
    for name, (kind, label) in nodes.items():
        text = _quoted("<br>".join(label))
        lines.append("  {}[{}]".format(name, text) if kind == "artifact"
                     else "  {}([{}])".format(name, text))
    lines += ["  {} -->|{}| {}".format(start, _quoted(label), end) for start, end, label in edges]
    return "\n".join(lines)


def _parts(lineage: Above) -> Tuple[Dict[str, Tuple[str, List[str]]], List[Edge]]:
    nodes: Dict[str, Tuple[str, List[str]]] = {}
    edges: List[Edge] = []
    names = {record["seal"]: "a{}".format(index) for index, (record, _) in enumerate(lineage)}
    for record, above in lineage:
        name = names[record["seal"]]
        nodes[name] = ("artifact", [record["stage"], record["key"][:12], record.get("finished") or ""])
        for stage, upstream in above.items():
            if upstream is None:
                start = "gone_" + stage
                nodes[start] = ("gone", [stage, "its manifest is gone"])
            else:
                start = names[upstream["seal"]]
            edges.append((start, name, ", ".join(sorted(record["inputs"]["upstream"][stage]))))
        for start, kind, label, what in _inputs(record):
            nodes[start] = (kind, label)
            edges.append((start, name, what))
    return nodes, edges


def _inputs(record: dict) -> Iterator[Tuple[str, str, List[str], str]]:
    data = (record["inputs"]["recipe"].get("data") or {}).get("dataset", "data")
    for part, sha256 in sorted(record["inputs"]["data"].items()):
        yield ("d" + sha256[:12], "data", [data, part, sha256[:12]], "data")
    model = record["inputs"]["recipe"].get("model")
    if model:
        yield ("model", "source", ["model", model["build"]], "build")


def _quoted(text: str) -> str:
    return '"{}"'.format(text.replace('"', "'"))
