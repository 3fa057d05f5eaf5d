"""Checks the outcome of loading data that is stored in an unexpected way. Each function gets another one that loads the
data."""

from octet.data import summary
from tests.octet.datasets.samples import refusal


def refused(words):
    def holds(load):
        assert words in refusal(load)
    return holds


def said(words, *more):
    def holds(load):
        notes = summary.notes(load())
        for each in (words,) + more:
            assert any(each in note for note in notes), notes
    return holds


def read(question):
    def holds(load):
        assert question(load())
    return holds


WITH_LITTLE_MEMORY = """
import resource, sys
import numpy
from octet.datasets import image_folder, npz
from octet.errors import DatasetError
resource.setrlimit(resource.RLIMIT_AS, (1 << 30, resource.RLIM_INFINITY))
try:
    {}
except DatasetError as error:
    print(error)
"""
"""A program that loads a dataset in a process with 1 GiB of address space."""
