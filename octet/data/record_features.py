"""The features of a TFRecord file's records, which are serialized tf.train.Example messages. Reads them without
TensorFlow, and raises the errors about features that are missing or have the wrong type.

Source: tensorflow/core/example/{example,feature}.proto of TensorFlow 1.14.
"""

import hashlib
from typing import Any, Dict, List, Optional

from octet.errors import DatasetError
from octet.suggestions import suggest

KINDS = {"bytes_list": "bytes", "float_list": "float", "int64_list": "int64"}

_example_class = None


def parse(content: bytes, where: str) -> Dict[str, Any]:
    """{name: its values} of a record: a list of bytes, of floats or of ints; None for a feature without a value.
    where: names the record. Raises DatasetError."""
    from google.protobuf.message import DecodeError

    global _example_class
    if _example_class is None:
        _example_class = _make_example_class()
    example = _example_class()
    try:
        example.ParseFromString(content)
    except DecodeError:
        raise DatasetError("the record is no tf.train.Example", where, "Its features are read by name.",
                           "Write each sample as tf.train.Example(...).SerializeToString().") from None
    features: Dict[str, Any] = {}
    for entry in example.features.feature:
        kind = next((kind for kind in KINDS if entry.value.HasField(kind)), None)
        features[entry.key] = list(getattr(entry.value, kind).value) if kind else None
    return features


def values_of(features: Dict[str, Any], name: str, where: str) -> List[Any]:
    """The values of one feature, at least one. Raises DatasetError if the record does not have the feature, or if it is
    empty."""
    if name not in features:
        raise DatasetError("there is no feature {!r}".format(name), where, "The record has {}.".format(
            ", ".join("{} ({})".format(one, kind_of(values)) for one, values in sorted(features.items())) or "none"),
            suggest(name, sorted(features)))
    if not features[name]:
        raise DatasetError("the feature {!r} is empty".format(name), where, "Every sample needs a value.",
                           "Write its value, or leave out the record.")
    values: List[Any] = features[name]
    return values


def value_of(features: Dict[str, Any], name: str, where: str) -> Any:
    """The value of a feature that must have one value. Raises DatasetError."""
    return single(values_of(features, name, where), name, where)


def kind_of(values: Optional[List[Any]]) -> str:
    """bytes, float or int64, with the number of values before it if there are several; 'empty' for none."""
    if not values:
        return "empty"
    kind = {bytes: "bytes", float: "float"}.get(type(values[0]), "int64")
    return kind if len(values) == 1 else "{} {}".format(len(values), kind)


def single(values: List[Any], name: str, where: str) -> Any:
    """The only one of a feature's values. Raises DatasetError if there are several."""
    if len(values) != 1:
        raise DatasetError("the feature {!r} holds {}".format(name, kind_of(values)), where,
                           "It must have one value.",
                           "For a 0 or 1 for each class, use `labels`; for several numbers, use `value`.")
    return values[0]


def text(value: Any) -> str:
    """A value as text."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def target(features: Dict[str, Any], name: str, kind: str, where: str, first: Any) -> Any:
    """The target of a record: for the kind `class` a text or an integer, otherwise a tuple of numbers.

    first: the target of the first record, or None in the first record. Raises DatasetError if the types or the numbers
    of values differ from it."""
    values = values_of(features, name, where)
    if kind == "class":
        label = single(values, name, where)
        if isinstance(label, float):
            raise DatasetError("the feature {!r} is float".format(name), where,
                               "A label is an integer, the index of a class, or a text.",
                               "Write an Int64List. For numbers to predict, use `value`.")
        label = text(label) if isinstance(label, bytes) else label
        if first is not None and type(first) is not type(label):
            raise DatasetError("the feature {!r} is {}".format(name, kind_of(values)), where,
                               "It has another type in the first record.", "Write all labels with the same type.")
        return label
    if isinstance(values[0], bytes):
        raise DatasetError("the feature {!r} is bytes".format(name), where, "`{}` are numbers.".format(kind),
                           "Write an Int64List or a FloatList. For the text of one class, use `label`.")
    if first is not None and len(first) != len(values):
        raise DatasetError("the feature {!r} has {} numbers".format(name, len(values)), where,
                           "The first record has {}.".format(len(first)),
                           "Write the same number of values into each record.")
    return tuple(values)


def sha256_of(values: List[Any]) -> str:
    """The sha256 of a feature's values."""
    hasher = hashlib.sha256()
    for value in values:
        hasher.update(value if isinstance(value, bytes) else repr(value).encode())
    return hasher.hexdigest()


def _make_example_class() -> Any:
    """The message class of tf.train.Example. TensorFlow's own class can be imported only with TensorFlow."""
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    field = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="octet/example.proto", package="octet", syntax="proto3")
    lists = (("BytesList", field.TYPE_BYTES), ("FloatList", field.TYPE_FLOAT), ("Int64List", field.TYPE_INT64))
    for name, of_value in lists:
        file.message_type.add(name=name).field.add(name="value", number=1, type=of_value, label=field.LABEL_REPEATED)
    feature = file.message_type.add(name="Feature")
    feature.oneof_decl.add(name="kind")
    for number, (kind, (name, _)) in enumerate(zip(KINDS, lists), 1):
        feature.field.add(name=kind, number=number, type=field.TYPE_MESSAGE, type_name=".octet." + name,
                          label=field.LABEL_OPTIONAL, oneof_index=0)
    # A map is a repeated message of key and value.
    entry = file.message_type.add(name="Entry")
    entry.field.add(name="key", number=1, type=field.TYPE_STRING, label=field.LABEL_OPTIONAL)
    entry.field.add(name="value", number=2, type=field.TYPE_MESSAGE, type_name=".octet.Feature",
                    label=field.LABEL_OPTIONAL)
    of_message = (("Features", "feature", "Entry", field.LABEL_REPEATED),
                  ("Example", "features", "Features", field.LABEL_OPTIONAL))
    for name, key, inner, label in of_message:
        file.message_type.add(name=name).field.add(name=key, number=1, type=field.TYPE_MESSAGE,
                                                   type_name=".octet." + inner, label=label)
    pool: Any = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.MessageFactory(pool).GetPrototype(pool.FindMessageTypeByName("octet.Example"))
