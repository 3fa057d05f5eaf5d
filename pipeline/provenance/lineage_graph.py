"""Renders the lineage of an artifact as a graph for Graphviz (dot) or Mermaid."""

from __future__ import annotations

from typing import TYPE_CHECKING, Dict, Iterator, List, Optional, Tuple

if TYPE_CHECKING:
    from pipeline.store.record_types import Manifest

Lineage = List[Tuple["Manifest", Dict[str, Optional["Manifest"]]]]
"""(manifest, {upstream stage: its manifest}) of each artifact, upstream first."""

Edge = Tuple[str, str, str]
"""An edge: (name of its start node, name of its end node, label)."""


def dot(lineage: Lineage) -> str:
    """A digraph for `dot -Tsvg`."""
    nodes, edges = _parts(lineage)
    lines = ["digraph lineage {", "  rankdir=LR;", "  node [shape=box];"]
    lines += ["  {} [label={}{}];".format(name, _quoted("\\n".join(label)),
                                          ", shape=ellipse" if kind != "artifact" else "")
              for name, (kind, label) in nodes.items()]
    lines += ["  {} -> {} [label={}];".format(start, end, _quoted(label)) for start, end, label in edges]
    return "\n".join(lines + ["}"])


def mermaid(lineage: Lineage) -> str:
    """A flowchart that Markdown viewers draw."""
    nodes, edges = _parts(lineage)
    lines = ["flowchart LR"]
    for name, (kind, label) in nodes.items():
        text = _quoted("<br>".join(label))
        lines.append("  {}[{}]".format(name, text) if kind == "artifact"
                     else "  {}([{}])".format(name, text))
    lines += ["  {} -->|{}| {}".format(start, _quoted(label), end) for start, end, label in edges]
    return "\n".join(lines)


def _parts(lineage: Lineage) -> Tuple[Dict[str, Tuple[str, List[str]]], List[Edge]]:
    """({name of a node: (kind, lines of its label)}, edges)."""
    nodes: Dict[str, Tuple[str, List[str]]] = {}
    edges: List[Edge] = []
    names = {manifest["seal"]: "a{}".format(index) for index, (manifest, _) in enumerate(lineage)}
    for manifest, above in lineage:
        name = names[manifest["seal"]]
        nodes[name] = ("artifact", [manifest["stage"], manifest["key"][:12], manifest.get("finished") or ""])
        for stage, upstream in above.items():
            if upstream is None:
                start = "gone_" + stage
                nodes[start] = ("gone", [stage, "its manifest is gone"])
            else:
                start = names[upstream["seal"]]
            edges.append((start, name, ", ".join(sorted(manifest["inputs"]["upstream"][stage]))))
        for start, kind, label, edge_label in _inputs(manifest):
            nodes[start] = (kind, label)
            edges.append((start, name, edge_label))
    return nodes, edges


def _inputs(manifest: Manifest) -> Iterator[Tuple[str, str, List[str], str]]:
    """(name of a node, its kind, its label, label of its edge) of the data and the model of an artifact."""
    data = (manifest["inputs"]["recipe"].get("data") or {}).get("dataset", "data")
    for part, sha256 in sorted(manifest["inputs"]["data"].items()):
        yield ("d" + sha256[:12], "data", [data, part, sha256[:12]], "data")
    model = manifest["inputs"]["recipe"].get("model")
    if model:
        yield ("model", "source", ["model", model["build"]], "build")


def _quoted(text: str) -> str:
    return '"{}"'.format(text.replace('"', "'"))
