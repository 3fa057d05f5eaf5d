"""Parses an HTML page, and checks that each of its tags is closed."""

import re
from html.parser import HTMLParser

VOID = ("meta", "link", "img", "br", "line", "circle", "polyline")


class Page(HTMLParser):
    """tags: [(name, {attribute: value})] in order. text: the visible text. left: tags that are not closed."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.tags, self.left, self.words = [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self.left.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.left and self.left[-1] == tag, (tag, self.left)
        self.left.pop()

    def handle_data(self, data):
        if self.left[-1:] not in (["style"], ["title"]):
            self.words.append(data)

    @property
    def text(self):
        return re.sub(r"\s+", " ", " ".join(self.words))

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]
